"""The stress driver: what it does, what it finds, and what it makes of that."""

import json

import numpy as np
import pytest

import rangeland as rl
from rangeland.invariants import fields as d
from rangeland.invariants import stress as module
from rangeland.invariants.columns import Columns
from rangeland.invariants.driver import Driver
from rangeland.invariants.finding import Broken, CannotTry
from rangeland.invariants.shadow import Shadow
from rangeland.invariants.stress import Stress, stress

SUBJECTS = {
    "MVFF": rl.MVFF,
    "MVFF high": lambda arena: rl.MVFF(arena, slot_high=True, first_fit=False, arena_high=True),
    "MVFF lean": lambda arena: rl.MVFF(arena, spare=0, extend_by=4096, align=64),
    "MFS": lambda arena: rl.MFS(arena, 100),
}


@pytest.fixture
def operations(speed):
    """How many operations a run of a test has."""
    return 200_000 if speed == "compiled" else 8_000


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_a_run_finds_nothing_where_nothing_is_wrong(subject, seed, operations):
    done = []
    result = stress(subject, operations, seed, every=operations // 2, progress=done.append)
    assert result.ok, str(result)
    assert (result.steps, result.refused, done[-1]) == (operations, 0, operations)
    assert json.loads(json.dumps(result.to_dict()))["operations_per_second"] > 0


@pytest.mark.parametrize("lifetime", ["random", "lifo", "fifo", "waves", "epochs"])
def test_every_lifetime_in_an_arena_with_a_limit(lifetime, seed, operations):
    result = stress(
        rl.MVFF, operations // 4, seed, lifetime=lifetime, sizes="cliffs", most=300,
        make_arena=lambda: rl.Arena(1 << 20, commit_limit=1 << 18),
    )  # fmt: skip
    assert result.ok and result.refused > 0


def test_the_driver_does_what_a_client_would_have_done():
    columns = Columns(3, "mixed", "mixed", 50)
    run = Stress(rl.MVFF, columns)
    run.drive(3000, 1000)
    arena = rl.Arena()
    pool, live = rl.MVFF(arena), {}
    for step in columns.steps(0, 3000):
        if step[0] == "alloc":
            live[step[1]] = pool.alloc(step[2]), step[2]
        else:
            pool.free(*live.pop(step[1]))
    blocks = {name: (address, size) for name, address, size in run.driver.blocks()}
    assert blocks == live
    assert (run.pool.total_size, run.pool.free_size) == (pool.total_size, pool.free_size)
    assert arena.committed == run.arena.committed


def driven(operations=500, **options):
    """A run in progress."""
    run = Stress(rl.MVFF, Columns(1, options.pop("sizes", "small"), "random", 100))
    run.drive(operations, 10**9)
    return run


def go_on(run):
    """Drive `run` until it finds something."""
    with pytest.raises(Broken) as caught:
        run.drive(run.driver.done + 3000, 10**9)
    return caught.value.invariant


def test_a_block_that_was_freed_behind_its_back_is_found_taken():
    run = driven()
    _, address, size = run.driver.blocks()[0]
    run.pool.free(address, size)
    assert go_on(run) == "accounts"


def test_a_block_given_twice_overlaps():
    run = driven()
    _, address, size = next(b for b in run.driver.blocks() if b[2] > 8)
    run.pool.free(address, size)
    # A driver whose accounts hold, so that nothing but the place tells.
    driver = Driver(run.pool, 100, 8)
    driver.shadow.mark(address, address + size)
    driver.load(*run.columns.drawn(0))
    assert driver.run(0, 3000) >= 0
    assert driver.verdict == d.OVERLAP
    assert address <= driver.spot < address + size


@pytest.mark.parametrize("sizes, at", [("small", 0), (8000, 8), (8000, 7992)])
def test_a_changed_byte_is_found(sizes, at):
    run = driven(sizes=sizes)
    for _, address, _ in run.driver.blocks():
        run.arena.view(address + at, 1)[0] ^= 0x10
    assert go_on(run) == "contents"


def test_a_changed_byte_is_found_by_the_check_of_all():
    run = driven()
    _, address, size = run.driver.blocks()[-1]
    run.arena.view(address + size - 1, 1)[0] ^= 0x80
    with pytest.raises(Broken, match="contents"):
        run.check()


def test_the_bytes_behind_a_block_are_not_its_own():
    run = driven()
    for _, address, size in run.driver.blocks():
        if size % 8:
            run.arena.view(address + size, 1)[0] ^= 0xFF
    run.drive(2000, 10**9)


def test_a_stricter_alignment_is_found_missing():
    run = driven()
    run.driver = Driver(run.pool, 100, 64)
    run.driver.load(*run.columns.drawn(0))
    assert run.driver.run(0, 1000) >= 0
    assert run.driver.verdict == d.MISALIGNED


def test_a_broken_descriptor_is_found_by_the_deep_check():
    run = driven()
    words = run.arena.space.words_at(run.arena.address + 944, 8)
    words[0] += 4096
    with pytest.raises(Broken, match="own-check"):
        run.check()
    words[0] -= 4096
    run.end()


def test_a_run_that_only_the_driver_can_repeat_is_told_as_such(seed):
    run = driven()
    run.arena.view(run.driver.blocks()[0][1], 1)[0] ^= 1
    with pytest.raises(Broken) as caught:
        run.check()
    finding = run.finding(caught.value)
    assert finding.invariant == "contents" and finding.steps == []
    assert finding.program.startswith("import rangeland as rl\nfrom rangeland.invariants.stress")
    assert "stress(rl.MVFF, 501, 1, sizes='small', lifetime='random', most=100)" in finding.program


FAULTS = {
    "overlap": """
def alloc_block(self, size):
    address = MVFF.alloc_block(self, size)
    return address - 8 if size == 40 and address % 16 else address
""",
    "alignment": """
def alloc_block(self, size):
    return MVFF.alloc_block(self, size) + (4 if size == 40 else 0)
""",
    "outside": """
def alloc_block(self, size):
    return MVFF.alloc_block(self, size) + (1 << 30 if size == 40 else 0)
""",
    "accounts": """
def free_block(self, address, size):
    return MVFF.free_block(self, address, size - 8 if size == 40 else size)
""",
    "contents": """
def free_block(self, address, size):
    self.space.view(address + 80, 8)[:] = bytes(8)
    return MVFF.free_block(self, address, size)
""",
    "free-refused": """
def free_block(self, address, size):
    return 1 if size == 40 else MVFF.free_block(self, address, size)
""",
    "nonsense": """
def alloc_block(self, size):
    return -99 if size == 40 else MVFF.alloc_block(self, size)
""",
    "raises": """
def free_block(self, address, size):
    return {}[size] if size == 40 else MVFF.free_block(self, address, size)
""",
}


@pytest.mark.parametrize("invariant", FAULTS)
def test_a_faulty_pool_is_found_and_shown_in_few_steps(invariant, speed):
    if speed == "compiled":
        pytest.skip("compiled methods cannot be overridden in Python")
    scope = {"MVFF": rl.MVFF}
    exec(FAULTS[invariant], scope)
    faulty = type("Faulty", (rl.MVFF,), {k: f for k, f in scope.items() if k.endswith("block")})
    run = Stress(faulty, Columns(2, "small", "random", 60))
    with pytest.raises(Broken) as caught:
        run.drive(4000, 10**9)
    assert caught.value.invariant == invariant
    result = stress(faulty, 4000, 2, sizes="small", most=60, lifetime="random")
    assert not result.ok and len(result.finding.steps) <= 6
    assert all(step[0] in ("alloc", "free", "begin") for step in result.finding.steps)
    assert "pool.alloc(" in result.counterexample


@pytest.mark.parametrize(
    "subject, match",
    [
        (lambda: rl.CBS, "expected a pool of Rangeland"),
        (lambda arena: rl.CBSFast(arena), "expected a pool of Rangeland"),
        (lambda arena: rl.MVFF(arena, spare=7), "raised ParamError"),
        (rl.MVT, "at allocation points only: expected a pool with `alloc`"),
        (5, "expected a callable"),
    ],
)
def test_what_is_no_pool_cannot_be_tried(subject, match):
    with pytest.raises(CannotTry, match=match):
        stress(subject, 10)


def test_a_pool_that_has_nothing_cannot_be_tried():
    arena = rl.Arena()
    pool = rl.MVFF(arena)
    arena.commit_limit = arena.committed
    with pytest.raises(CannotTry, match="refused every block"):
        stress(lambda: pool, 1000, sizes=1 << 17)


def test_a_run_ends_in_time():
    done = []
    result = stress(rl.MVFF, 10**9, seconds=0, every=10**9, progress=done.append)
    assert result.ok and 0 < result.steps == done[-1] <= module.SLICE


def test_the_shadow_map_knows_every_word(rng):
    base = 1 << 44
    shadow, model = Shadow(base, 1 << 20), set()
    for _ in range(2000):
        low = rng.randrange(0, 1 << 14)
        high = min(1 << 14, low + rng.choice((1, 3, 63, 64, 65, 500)))
        words = set(range(low, high))
        if rng.random() < 0.5:
            found = shadow.mark(base + 8 * low, base + 8 * high - rng.randrange(8))
            taken = sorted(words & model)
            assert found == (base + 8 * taken[0] if taken else -1)
            model |= set() if taken else words
        else:
            shadow.clear(base + 8 * low, base + 8 * high)
            model -= words
    assert np.array(sorted(model)).size > 0
