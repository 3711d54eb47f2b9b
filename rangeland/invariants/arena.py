"""ArenaTrial: a whole arena under judges, with several pools and refusals.

Source: design/stress.md#.sol.arena
"""

from arena.arena import Arena
from rangeland.invariants.client import Client
from rangeland.invariants.finding import Broken
from rangeland.invariants.holdings import HoldingTrial
from rangeland.invariants.neighbours import Neighbour
from rangeland.invariants.points import AtPoints
from rangeland.invariants.trial import described
from rangeland.invariants.whole import expect_gone, judge_whole
from vm import events as ev
from vm.results import AllocationError, ParamError
from vm.telemetry import stream

PAGE = 4096
DEFAULTS = (1 << 20, PAGE, True, 0.75, False)


class ArenaTrial(HoldingTrial):
    """One run of an arena that has pools, limits and faults.

    Steps: begin; mvff, mfs, mvt, fit, buddy, segfit, slab, renew, destroy; alloc,
    free; limit, spare, collect, grow, attach; refuse, relent; second, close. `outcomes` has, for
    each step that was not skipped, what came of it.
    """

    # A check of everything is as dear as many steps.
    cost = 5
    # The kinds of events that are listened to.
    kinds = ev.SEG | ev.ARENA

    def __init__(self):
        super().__init__()
        self.client = None
        self.others = {}
        self.outcomes = []

    def choose(self, rng):
        """The next step at random."""
        if self.client is None:
            self.client = Client(rng, self)
        return self.client.next()

    def do(self, step):
        """Do and judge one step; whatever it is, there is an arena.

        An AllocationError where one is allowed is an outcome like another.
        """
        if self.arena is None and step[0] != "begin":
            self.do(("begin", *DEFAULTS))
        self.got, self.gave = 0, False
        before = self._spare() if step[0] == "alloc" else None
        stream.attach(self._listener, self.kinds)
        try:
            outcome = getattr(self, "do_" + step[0])(*step[1:])
        finally:
            stream.detach(self._listener)
        if self.trouble:
            raise self.trouble
        if outcome is False:
            return False
        if before is not None and isinstance(outcome, int):
            self._expect_spare(*before)
        self.outcomes.append((step[0], outcome))
        return True

    def listen(self, code, params):
        """As it is; and how many bytes this step got of the arena."""
        super().listen(code, params)
        if code == ev.ARENA_ALLOC:
            self.got += params[3]
        elif code == ev.ARENA_FREE:
            self.gave = True

    def _spare(self):
        """What is spare, what the arena's own nodes have, and how many were refused."""
        arena = self.arena
        refused = sum(self.plan.refused.values()) if self.plan else 0
        free, spare, _ = arena.system_pools
        return arena.spare_committed, sum(x - b for p in (free, spare) for b, x in p.extents()), refused

    def _expect_spare(self, spare, nodes, refused):
        """Memory that is spare is taken, or becomes nodes; no more of it goes while nothing
        else is refused."""
        left, now, again = self._spare()
        if self.arena.commit_limit is not None or self.gave or again > refused + 1:
            return
        if spare - left > self.got + now - nodes:
            told = f"{spare - left} bytes of spare memory went for {self.got} bytes"
            raise Broken("spare-accounts", told)

    # Steps of the arena

    def do_begin(self, size, grain_size, zoned, spare, checked):
        """Make the arena, in a space of its own."""
        if self.arena is not None:
            return False
        lines = self._make_space(checked)
        options = f"{size}, grain_size={grain_size}, zoned={zoned}, spare={spare}"
        try:
            self.arena = Arena(
                size, grain_size=grain_size, zoned=zoned, spare=spare, space=self.space
            )
        except ParamError:
            return False
        self.script.add(*lines, f"arena = rl.Arena({options}, space=space)")
        return True

    def do_limit(self, grains):
        """A commit limit so many grains above what is committed, or none."""
        arena = self.arena
        if grains is None:
            self.script.begin("arena.commit_limit = None")
            arena.commit_limit = None
            return None
        wanted = max(0, arena.committed + grains * PAGE)
        allowed = wanted >= arena.committed - arena.spare_committed
        self.script.begin(f"arena.commit_limit = {wanted}")
        try:
            arena.commit_limit = wanted
        except ParamError as error:
            if allowed:
                raise Broken("commit-limit", described(error)) from error
            self.script.undo()
            return "refused"
        if not allowed or arena.committed > wanted or arena.commit_limit != wanted:
            told = f"{arena.committed} bytes committed, limit {arena.commit_limit}, set {wanted}"
            raise Broken("commit-limit", told, "assert arena.committed <= arena.commit_limit")
        return wanted

    def do_spare(self, fraction):
        """The fraction of committed memory that may be spare."""
        self.script.begin(f"arena.spare = {fraction}")
        try:
            self.arena.spare = fraction
        except ParamError:
            self.script.undo()
            return False
        return fraction

    def do_collect(self):
        """Chunks in which nothing is allocated go."""
        before = self.arena.reserved
        self.script.begin("arena.collect()")
        gone = self.arena.collect()
        if before - gone != self.arena.reserved:
            told = f"collect gave back {gone} bytes of {before}, {self.arena.reserved} are left"
            raise Broken("reserved-accounts", told)
        return gone

    def do_grow(self, extend_by, extend_min):
        """By how much the arena grows."""
        self.script.begin(
            "arena.extend_min = 0",
            f"arena.extend_by, arena.extend_min = {extend_by}, {extend_min}",
        )
        try:
            self.arena.extend_min = 0
            self.arena.extend_by, self.arena.extend_min = extend_by, extend_min
        except ParamError:
            self.script.undo()
            return False
        return extend_by, extend_min

    def do_attach(self):
        """Go on with handles that are made anew from the bytes."""
        old = self.arena
        before = old.describe()
        numbers = {held.serial: number for number, held in self.pools.items()}
        self.script.begin("arena = rl.Arena.attach(space, arena.address)")
        self.arena = Arena.attach(self.space, old.address)
        if names := [f"pool{numbers[pool.serial]}" for pool in self.arena.pools]:
            self.script.add(f"{', '.join(names)}, = arena.pools")
        for pool in self.arena.pools:
            number = numbers[pool.serial]
            held = self.pools[number]
            if held.at_points:
                turn = held.pool.turn
                pool = AtPoints(pool, turn=turn)
                self.script.add(f"pool{number} = AtPoints(pool{number}, turn={turn})")
            held.pool = pool
        if self.arena.describe() != before:
            raise Broken("attach", "the arena that was attached tells something else of itself")
        return len(numbers)

    # Steps of other arenas in the same space

    def do_second(self, number, size):
        """One more arena, with a pool and a block."""
        if number in self.others:
            return False
        before = self.space.reserved, self.space.mapped
        self.script.begin(*Neighbour.text(number, size))
        try:
            self.others[number] = Neighbour(self.space, size)
        except ParamError:
            self.script.undo()
            return False
        except AllocationError as error:
            self.script.refused()
            if (self.space.reserved, self.space.mapped) != before:
                raise Broken("boot-unwound", f"{described(error)} left something") from error
            return type(error).__name__
        return self.others[number].arena.address

    def do_close(self, number):
        """Destroy one of the other arenas."""
        if number not in self.others:
            return False
        self.script.begin(f"arena{number}.__exit__()")
        self.others.pop(number).end()
        return True

    def check(self):
        """Everything, by handles, by raw bytes, and by blocks. Returns the
        summary of the raw audit."""
        if self.arena is None:
            return None
        for block in self.blocks:
            self._kept(block)
        for other in self.others.values():
            other.check()
        return judge_whole(self)

    # The end

    def end(self):
        """Destroy everything, and judge that nothing is left."""
        if self.arena is None:
            return
        self.do_relent()
        for number in list(self.others):
            self.do_close(number)
        for number in list(self.pools):
            self.do_destroy(number)
        self.check()
        self.script.begin("arena.destroy()")
        self.arena.destroy()
        expect_gone(self.space)

    def abandon(self):
        """Let go of everything."""
        self.arena = self.space = self.client = None
