"""One public operation at a time, each of them whole (design/vm.md#.sol.lock, .sol.whole)."""

import gc
import signal
import threading
import warnings

import pytest

import rangeland as rl
from vm.interrupts import Deferred, interrupts
from vm.telemetry import stream

POOLS = {
    "MFS": lambda arena: rl.MFS(arena, 64),
    "MVFF": rl.MVFF,
    "BestFit": rl.BestFit,
    "WorstFit": rl.WorstFit,
    "NextFit": rl.NextFit,
    "LIFOFit": rl.LIFOFit,
    "Buddy": rl.Buddy,
    "SegFit": rl.SegFit,
    "Slab": rl.Slab,
}


@pytest.fixture
def arena():
    with rl.Arena(size=1 << 20) as arena:
        yield arena
        arena.check()


def listening(listener, operation, kinds=rl.ALL_KINDS):
    """The exceptions that `listener` met in the course of `operation`."""
    met = []

    def listen(code, params):
        try:
            listener()
        except Exception as error:
            met.append(error)

    stream.attach(listen, kinds)
    try:
        operation()
    finally:
        stream.detach(listen)
    return met


def within(arena, pool):
    """Operations that a listener may not ask for, by name."""
    land = rl.CBSFast(arena)
    point = rl.MVT(arena).allocation_point()
    block = pool.alloc(64)
    return {
        "alloc": lambda: pool.alloc(64),
        "free": lambda: pool.free(block, 64),
        "resize": lambda: pool.resize(block, 64, 64),
        "the making of a pool": lambda: rl.MVFF(arena),
        "destroy of a pool": pool.destroy,
        "reserve": lambda: point.reserve(64),
        "destroy of an allocation point": point.destroy,
        "insert": lambda: land.insert(4096, 8192),
        "find_first": lambda: land.find_first(64),
        "iteration": lambda: list(land),
        "check": arena.check,
        "describe": arena.describe,
        "largest_free": lambda: pool.largest_free,
        "collect": arena.collect,
        "the setting of spare": lambda: setattr(arena, "spare", 0.5),
        "the setting of commit_limit": lambda: setattr(arena, "commit_limit", 1 << 40),
        "destroy of an Arena": arena.destroy,
        "control_alloc": lambda: arena.control_alloc(64),
        "the making of an Arena": lambda: rl.Arena(space=arena.space),
        "attach": lambda: rl.Arena.attach(arena.space, arena.address),
        "AddressSpace.reserve": lambda: arena.space.reserve(4096),
        "AddressSpace.reserve_at": lambda: arena.space.reserve_at(arena.space.base, 4096),
    }


@pytest.mark.parametrize("kind", POOLS)
def test_a_listener_that_asks_for_an_operation_is_refused(arena, kind):
    pool = POOLS[kind](arena)
    for name, asks in within(arena, pool).items():
        block = None

        def operation():
            nonlocal block
            block = pool.alloc(64)

        met = listening(asks, operation)
        assert met, name
        for error in met:
            assert isinstance(error, rl.ProtocolError), name
            assert f"{name} is refused: alloc is in course" in str(error), name
        arena.check()
        pool.free(block, 64)


def test_every_operation_says_that_it_is_in_course(arena):
    pool = rl.MVFF(arena, extend_by=4096)
    land = rl.CBSZoned(arena)
    operations = {
        "the making of a pool": lambda: rl.MFS(arena, 8),
        "the making of an Arena": lambda: rl.Arena(space=arena.space).destroy(),
        "alloc": lambda: pool.alloc(1 << 16),
        "free": lambda: pool.free(pool.alloc(1 << 16), 1 << 16),
        "resize": lambda: pool.resize(pool.alloc(1 << 16), 1 << 16, 8),
        "control_alloc": lambda: arena.control_alloc(1 << 16),
        "collect": arena.collect,
        "destroy of": lambda: rl.CBS(arena).destroy(),
        "insert": lambda: land.insert(8192, 16384),
    }
    seen = set()
    for call in operations.values():
        for error in listening(arena.check, call):
            seen.add(str(error).partition(" is refused: ")[2].partition(" is in course")[0])
    seen = {name.partition(" <")[0] for name in seen}
    missing = {"the making of a pool", "the making of an Arena", "alloc", "free"} - seen
    assert not missing, seen


def test_a_listener_may_read_accounts_and_use_another_space(arena):
    pool = rl.MVFF(arena)
    with rl.Arena(size=1 << 20) as other:
        there = rl.MVFF(other)
        blocks = []

        def listener():
            assert arena.committed >= 0 and pool.total_size >= 0 and arena.reserved
            arena.load(arena.address)
            # The events of this one come here, too.
            if other.space.operation is None:
                blocks.append(there.alloc(64))

        assert not listening(listener, lambda: pool.alloc(64))
        assert blocks
        other.check()


def test_a_visitor_that_destroys_what_it_visits_is_refused(arena):
    for kind in (rl.CBS, rl.CBSFast, rl.CBSZoned, rl.Freelist, rl.Failover):
        land = kind(arena)
        base = rl.MVFF(arena, extend_by=4096).alloc(4096)
        for i in range(0, 4096, 256):
            land.insert(base + i, base + i + 64)
        node_pools = [x.nodes for x in (land, getattr(land, "primary", None)) if hasattr(x, "nodes")]
        attempts = [land.destroy, arena.destroy, lambda: land.insert(base + 64, base + 128)]
        attempts += [lambda: list(land), lambda: rl.MVFF(arena)]
        attempts += [pool.destroy for pool in node_pools]
        refused = 0

        def visit(*_):
            nonlocal refused
            for attempt in attempts:
                with pytest.raises(rl.ProtocolError, match="iterate_and_delete is in course"):
                    attempt()
                refused += 1
            return True

        land.iterate_and_delete(visit)
        assert refused == 16 * len(attempts) and len(land) == 0
        land.check()
        land.destroy()


def test_what_a_visitor_raises_leaves_the_land_whole(arena):
    land = rl.CBSFast(arena)
    for i in range(10):
        land.insert(4096 + i * 128, 4096 + i * 128 + 64)

    def visit(base, limit):
        if base == 4096 + 5 * 128:
            raise KeyboardInterrupt
        return True

    with pytest.raises(KeyboardInterrupt):
        land.iterate_and_delete(visit)
    land.check()
    assert len(land) == 5
    land.insert(4096, 4160)


def test_a_second_thread_in_the_middle_is_refused(arena):
    pool = rl.MVFF(arena)
    met = []

    def elsewhere():
        try:
            pool.alloc(64)
        except rl.ProtocolError as error:
            met.append(error)

    def listener():
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()

    assert not listening(listener, lambda: pool.alloc(64))
    assert met and all("alloc is in course" in str(error) for error in met)


def test_threads_in_turn_are_served(arena):
    pool = rl.MVFF(arena)
    blocks = []
    for _ in range(8):
        thread = threading.Thread(target=lambda: blocks.append(pool.alloc(64)))
        thread.start()
        thread.join()
    assert len(set(blocks)) == 8


def test_a_finalizer_in_the_middle_is_refused(arena):
    pool = rl.MVFF(arena)

    class Owner:
        def __init__(self):
            self.block = pool.alloc(64)

        def __del__(self):
            try:
                pool.free(self.block, 64)
                outcome.append("freed")
            except rl.ProtocolError:
                outcome.append("refused")

    outcome, owners = [], [Owner()]
    listening(lambda: (owners.clear(), gc.collect()), lambda: pool.alloc(64))
    assert outcome == ["refused"]


def test_a_claim_that_is_refused_leaves_the_operation_in_course(arena):
    space = arena.space
    space.enter("this")
    for _ in range(3):
        with pytest.raises(rl.ProtocolError, match="collect is refused: this is in course"):
            arena.collect()
    assert space.operation == "this"
    space.leave()
    assert space.operation is None and interrupts.depth == 0
    arena.collect()


# What breaks in


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_a_listener_raises_comes_after_the_operation(arena, error):
    pool = rl.MVFF(arena)
    calls = []

    def listener(code, params):
        calls.append(code)
        raise error

    stream.attach(listener, rl.ALL_KINDS)
    try:
        with pytest.raises(error):
            pool.alloc(64)
    finally:
        stream.detach(listener)
    assert len(calls) > 3, "the operation went on"
    assert pool.total_size - pool.free_size == 64
    arena.check()


def test_a_warning_that_is_an_error_comes_after_the_operation(arena):
    pool = rl.MVFF(arena)

    def listener(code, params):
        raise ValueError

    stream.attach(listener, rl.ALL_KINDS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="is detached"):
            pool.alloc(64)
    assert pool.total_size - pool.free_size == 64
    arena.check()


class Angry(rl.FaultPlan):
    """A plan that raises at the nth time that it is asked."""

    def __init__(self, nth, error):
        super().__init__()
        self.left, self.error = nth, error

    def refuses(self, kind):
        self.left -= 1
        if self.left == 0:
            raise self.error
        return False


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, rl.ProtocolError])
def test_what_a_fault_plan_raises_unwinds_like_a_refusal(error):
    for nth in range(1, 12):
        space = rl.AddressSpace()
        space.faults = plan = Angry(nth, error)
        arena = None
        try:
            arena = rl.Arena(size=1 << 20, space=space)
            rl.MVFF(arena).alloc(1 << 18)
        except error:
            pass
        space.faults = None
        assert plan.left <= 0 or nth > 6
        if arena is None and space.reserved:
            # It came after the arena was made, before anybody had a name for it.
            arena = rl.Arena.attach(space, max(held.base for held in space.reservations.values()))
        if arena is not None:
            arena.check()
            arena.__exit__()
        assert space.reserved == space.mapped == 0 and space.operation is None


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, ZeroDivisionError])
@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_what_a_placement_raises_unwinds_like_a_refusal(error, nth):
    space = rl.AddressSpace()
    calls = []

    def placement(size):
        calls.append(size)
        if len(calls) == nth:
            raise error

    space.placement = placement
    arena = None
    with pytest.raises(error):
        arena = rl.Arena(size=1 << 18, space=space)
        pool = rl.MVFF(arena)
        for _ in range(8):
            pool.alloc(1 << 18)
    space.placement = None
    if arena is not None:
        arena.check()
        arena.__exit__()
    assert space.reserved == space.mapped == 0


def test_a_placement_that_raises_an_iterator_too():
    def bases():
        yield None
        raise KeyboardInterrupt

    space = rl.AddressSpace(placement=bases())
    with pytest.raises(KeyboardInterrupt):
        rl.Arena(space=space)
    assert space.reserved == space.mapped == 0


def test_signals_wait_for_the_operation_and_come_once(arena):
    came = []
    before = signal.signal(signal.SIGUSR1, lambda *_: came.append(arena.space.operation))
    try:
        pool = rl.MVFF(arena)
        met = listening(lambda: signal.raise_signal(signal.SIGUSR1), lambda: pool.alloc(64))
        assert not met
        assert came and set(came) == {None}
        count = len(came)
        pool.alloc(64)
        assert len(came) == count
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_handler_is_wrapped_once_and_still_the_users(arena):
    def handler(*_):
        pass

    before = signal.signal(signal.SIGUSR2, handler)
    try:
        for _ in range(3):
            rl.MVFF(arena).destroy()
        wrapped = signal.getsignal(signal.SIGUSR2)
        assert type(wrapped) is Deferred and wrapped.handler is handler
        assert "handler" in repr(wrapped)
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        rl.MVFF(arena).destroy()
        assert signal.getsignal(signal.SIGUSR2) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_a_handler_that_breaks_in_is_left_alone(arena):
    class Ended(Exception):
        pass

    def handler(*_):
        raise Ended

    handler.breaks_in = True
    before = signal.signal(signal.SIGUSR2, handler)
    pool = rl.MVFF(arena)
    stream.attach(listener := lambda *_: signal.raise_signal(signal.SIGUSR2), rl.ALL_KINDS)
    try:
        assert signal.getsignal(signal.SIGUSR2) is handler
        with pytest.warns(UserWarning, match="Ended"):
            pool.alloc(64)
    finally:
        stream.detach(listener)
        signal.signal(signal.SIGUSR2, before)


def test_outside_an_operation_an_exception_is_raised_at_once():
    assert interrupts.depth == 0
    with pytest.raises(KeyboardInterrupt):
        interrupts.hold(KeyboardInterrupt())
    assert not interrupts.held
