"""Trials of arenas, of the bootstrap and of the telemetry: no false alarm on
what is right, and each kind of fault found and shown as a program."""

import pytest
from support.profile import part

import rangeland as rl
from rangeland.invariants.arena import ArenaTrial
from rangeland.invariants.bootstrap import RAISED, BootstrapTrial
from rangeland.invariants.engine import examine, replay
from rangeland.invariants.finding import Broken
from rangeland.invariants.telemetry import TelemetryTrial
from vm import events as ev
from vm import space as machine

TRIALS = [ArenaTrial, BootstrapTrial, TelemetryTrial]


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.__name__)
def test_nothing_is_found_where_nothing_is_wrong(trial, seed, speed):
    examples = part(60 if speed == "compiled" else 12, of=2)
    result = examine(trial, seed, examples, 120)
    assert result.ok, str(result)
    assert result.steps > 10 * examples


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.__name__)
def test_any_part_of_a_run_is_a_run(trial, rng):
    whole, steps = trial(), []
    for _ in range(80):
        steps.append(whole.choose(rng))
        whole.do(steps[-1])
    whole.end()
    for part in (steps[1:], steps[::2], steps[40:], [s for s in steps if s[0] != "mvff"]):
        assert replay(trial, part, every=20) is None


def broken(trial, steps):
    """The Broken that `steps` end in, and the program that shows it."""
    found = replay(trial, steps)
    assert isinstance(found, Broken)
    return found.invariant, trial().program(steps)


POOL = ("mvff", 1, 4096, 8, 0.5, False, False, True)
POINTED = ("mvt", 1, 32, 4096, 64, 0.3, 8)


class Wrong(ArenaTrial):
    """A trial with one more step, that does something wrong to the arena."""

    def do_wrong(self, what):
        arena = self.arena
        pool = self.pools[1].pool
        self.script.begin(f"wrong({what!r})")
        if what == "stolen":
            pool.free(self.blocks[2].address, 8)
        elif what == "scribbled":
            arena.view(self.blocks[2].address, 1)[0] ^= 1
        elif what == "forgotten":
            pool.alloc(100)
        elif what == "counted":
            arena.space.words_at(arena.address + 944, 8)[0] += 4096
        elif what == "unlisted":
            arena.control_alloc(40)
        elif what == "held":
            pool.points[0].reserve(64)
            pool.points[0].commit(pool.points[0].init_address, 64)
        elif what == "named":
            pool.pool.grains.set_segment(self.blocks[2].address, 1, 0)
        elif what == "unthreaded":
            arena.space.words_at(pool.address + 56, 8)[0] = 0


@pytest.mark.parametrize(
    "what, invariants",
    [
        ("stolen", {"overlap"}),
        ("scribbled", {"contents"}),
        ("forgotten", {"accounts"}),
        ("counted", {"own-check"}),
        ("unlisted", {"control-accounts"}),
    ],
)
def test_what_is_wrong_is_found_and_named(what, invariants):
    steps = [POOL, ("alloc", 2, 1, 8), ("alloc", 3, 1, 16), ("wrong", what)]
    invariant, program = broken(Wrong, steps)
    assert invariant in invariants
    assert "pool1 = rl.MVFF(arena" in program and "wrong(" in program
    compile(program, "program", "exec")


@pytest.mark.parametrize(
    "what, invariants",
    [
        ("stolen", {"overlap"}),
        ("scribbled", {"contents"}),
        ("held", {"accounts"}),
        ("unthreaded", {"control-accounts"}),
    ],
)
def test_what_is_wrong_with_points_is_found_and_named(what, invariants):
    steps = [POINTED, ("alloc", 2, 1, 8), ("alloc", 3, 1, 16), ("wrong", what)]
    invariant, program = broken(Wrong, steps)
    assert invariant in invariants
    assert "pool1 = AtPoints(rl.MVT(arena" in program and "wrong(" in program
    compile(program, "program", "exec")


def test_a_page_that_names_another_segment_is_found(speed):
    if speed == "compiled":
        pytest.skip("compiled grains cannot be called")
    steps = [POINTED, ("alloc", 2, 1, 8), ("alloc", 3, 1, 16), ("wrong", "named")]
    assert replay(Wrong, steps).invariant in {"own-check", "owners", "raises"}


def test_a_point_that_is_refused_may_have_given_up_what_it_held():
    trial = ArenaTrial()
    for step in (POINTED, ("alloc", 2, 1, 3000), ("alloc", 3, 1, 64), ("spare", 0)):
        trial.do(step)
    held = trial.pools[1].held
    assert held == 1096 + 4096 - 64
    trial.do(("limit", 0))
    trial.do(("alloc", 4, 1, 8192))
    assert trial.outcomes[-1] == ("alloc", "CommitLimitError")
    assert trial.pools[1].held == held - 1096
    trial.check()
    trial.do(("limit", None))
    trial.end()


def test_a_program_repeats_a_run_with_points(python):
    steps = [
        ("begin", 1 << 20, 4096, True, 0, True), POINTED, ("alloc", 1, 1, 5000),
        ("alloc", 2, 1, 64), ("renew", 1, 0), ("alloc", 3, 1, 3000), ("attach",),
        ("alloc", 4, 1, 2000), ("limit", 0), ("alloc", 5, 1, 1 << 19), ("free", 1), ("free", 3),
        ("renew", 1, 1), ("attach",), ("destroy", 1),
    ]  # fmt: skip
    program = ArenaTrial().program(steps)
    assert program.endswith("arena.destroy()\n# nothing breaks\n")
    assert program.count("except MemoryError:") == 1
    assert "pool1 = AtPoints(pool1, turn=3)" in program
    result = python("-c", program)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_program_repeats_the_run_of_an_arena(python):
    steps = [
        ("begin", 1 << 20, 16384, False, 0.25, True), POOL, ("mfs", 2, 24, 4096),
        ("alloc", 1, 1, 5000), ("alloc", 2, 2, 24), ("limit", 4), ("alloc", 3, 1, 1 << 20),
        ("limit", None), ("refuse", "mapping", 1, 1000), ("alloc", 4, 1, 1 << 19), ("relent",),
        ("attach",), ("second", 1, 1), ("free", 1), ("grow", 8192, 4096), ("spare", 0.5),
        ("collect",), ("close", 1), ("destroy", 1),
    ]  # fmt: skip
    program = ArenaTrial().program(steps)
    assert program.endswith("arena.destroy()\n# nothing breaks\n")
    assert program.count("except MemoryError:") == 2
    result = python("-c", program)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_program_repeats_the_run_of_a_bootstrap(python):
    steps = [
        ("begin", True), ("reserve", 1, 16), ("refuse", "mapping", 3, 1),
        ("create", 2, 1 << 20, 4096, True, None), ("relent",), ("create", 3, 1, 4096, True, 5),
        ("create", 4, 1, 4096, True, None), ("destroy", 4), ("release", 1),
    ]  # fmt: skip
    trial = BootstrapTrial()
    program = trial.program(steps)
    assert program.count("except MemoryError:") == 2
    result = python("-c", program)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.fixture
def stale(monkeypatch, speed):
    """A machine whose pages keep what was in them when they are unmapped."""
    if speed == "compiled":
        pytest.skip("compiled methods cannot be replaced")

    def unmap(self, base, limit):
        self._expect_pages(base, limit, "mapped")
        machine.bits.reset_range(self.states, 0, self._page(base), self._page(limit))
        self.mapped -= limit - base
        return 0

    monkeypatch.setattr(machine.AddressSpace, "unmap", unmap)


def test_memory_that_does_not_read_as_zeros_when_mapped_anew_is_found(stale):
    lean = ("mvff", 1, 4096, 8, 0, False, False, True)
    allocs, frees = [("alloc", n, 1, 4096) for n in range(3)], [("free", n) for n in range(3)]
    steps = [("spare", 0), lean, *allocs, *frees, ("alloc", 3, 1, 4096)]
    assert replay(ArenaTrial, steps).invariant == "fresh-zeros"


def test_an_event_that_is_not_told_is_found(monkeypatch):
    quiet = TelemetryTrial.listen
    monkeypatch.setattr(
        TelemetryTrial, "listen",
        lambda self, code, params: code == 0x0C or quiet(self, code, params),
    )  # fmt: skip
    steps = [POOL, ("alloc", 1, 1, 200000), ("free", 1)]
    assert replay(TelemetryTrial, steps).invariant == "log-accounts"


@pytest.mark.parametrize("code", [ev.SEG_FREE, ev.BUFFER_EMPTY, ev.BUFFER_FILL, ev.BUFFER_FINISH])
def test_an_event_of_points_that_is_not_told_is_found(monkeypatch, code):
    quiet = TelemetryTrial.listen
    monkeypatch.setattr(
        TelemetryTrial, "listen",
        lambda self, found, params: found == code or quiet(self, found, params),
    )  # fmt: skip
    steps = [POINTED, ("alloc", 1, 1, 3000), ("alloc", 2, 1, 3000), ("alloc", 3, 1, 3000)]
    steps += [("alloc", 4, 1, 5000), ("free", 4), ("renew", 1, 0)]
    assert replay(TelemetryTrial, steps).invariant == "log-accounts"


@pytest.mark.parametrize("kind", ["reservation", "mapping", "node"])
def test_every_refusal_of_a_creation_has_its_reason(kind):
    refusals = 0
    for nth in range(1, 16):
        trial = BootstrapTrial()
        trial.do(("refuse", kind, nth, 1))
        trial.do(("create", 1, 1 << 20, 4096, True, None))
        refusals += not trial.arenas
        trial.check()
        trial.end()
    assert refusals >= 2


def test_a_wrong_reason_is_found(monkeypatch):
    monkeypatch.setitem(RAISED, "mapping", "IO")
    steps = [("refuse", "mapping", 1, 1), ("create", 1, 1 << 20, 4096, True, None)]
    assert replay(BootstrapTrial, steps).invariant == "raises"


def test_what_a_failed_creation_leaves_is_found(monkeypatch):
    real = rl.Arena.__init__

    def leaky(self, *args, space, **options):
        try:
            real(self, *args, space=space, **options)
        except MemoryError:
            space.reserve_at(space.base, 4096)
            raise

    monkeypatch.setattr(rl.Arena, "__init__", leaky)
    steps = [("create", 1, 1 << 20, 4096, True, 3)]
    invariant, program = broken(BootstrapTrial, steps)
    assert invariant == "boot-unwound"
    assert "commit_limit=12288" in program
