"""Allocators of unusual kinds: the right ones are left alone, and what little
shows of the others is found (design/invariants.md#.req.quiet)."""

import re

import pytest
from support import unusual
from support.faulty import Clobbers, FirstFit
from support.profile import SEEDS

import rangeland as rl
from rangeland.invariants.allocator import AllocatorTrial
from rangeland.invariants.engine import examine, replay

pytestmark = pytest.mark.once

FEW = {"examples": 32, "steps": 300}
GROWING = (
    unusual.GrowsInPlace,
    unusual.GrowsElsewhere,
    unusual.GrowsFromBase,
    unusual.GrowsAsPair,
)


def expect_found(kind, invariant, *lines, seed=1):
    """Prove finds `invariant`, and a program with these `lines` that fails."""
    result = rl.prove(kind, seed)
    assert result.invariant == invariant, result
    for line in lines:
        assert line in result.counterexample, result
    with pytest.raises(BaseException) as caught:
        exec(compile(result.counterexample, "counterexample", "exec"), {})
    assert not isinstance(caught.value, (SyntaxError, NameError)), result
    return result


@pytest.mark.parametrize("kind", GROWING, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("seed", SEEDS)
def test_memory_may_grow(kind, seed):
    assert rl.prove(kind, seed, **FEW).ok


def test_memory_that_grows_bounds_no_sizes():
    sizes = set()

    class Watched(unusual.GrowsAsPair):
        def alloc(self, size):
            sizes.add(size)
            return super().alloc(size)

    assert rl.prove(Watched, 1, **FEW).ok
    assert max(sizes) > 4096 and len(sizes) > 100


def test_a_block_lies_in_the_memory_as_it_is_then():
    expect_found(
        unusual.GrowsTooLate, "outside", "assert 0 <= a and a + 100 <= len(pool.memory)\n"
    )


def test_memory_that_raises_cannot_be_tried():
    class Raises(FirstFit):
        @property
        def memory(self):
            raise RuntimeError("not yet")

        @memory.setter
        def memory(self, memory):
            pass

    with pytest.raises(rl.CannotTry, match="the memory of .* raised RuntimeError: not yet"):
        rl.prove(Raises)


def test_what_is_called_pool_may_be_anything():
    assert rl.prove(unusual.WrapsPool, 1, **FEW).ok


def test_a_failure_of_the_kit_is_no_finding(monkeypatch):
    monkeypatch.setattr(AllocatorTrial, "expect_predicted", None)
    with pytest.raises(rl.CannotTry, match="the kit itself failed: TypeError: .*allocator.py"):
        rl.prove(FirstFit)


def test_what_a_subject_raises_at_first_is_told_with_how_it_is_made():
    class Shy(FirstFit):
        def __getattribute__(self, name):
            if name == "realloc":
                raise OSError("not yet")
            return super().__getattribute__(name)

    broken = replay(lambda: AllocatorTrial(Shy), [("begin",)])
    assert broken.invariant == "raises"
    assert "= make()" in AllocatorTrial(Shy).program([("begin",)])


@pytest.mark.parametrize(
    ("kind", "invariant", "line"),
    [
        (unusual.MethodsWrong, "accounts", "assert pool.total_size() - pool.free_size() >= "),
        (unusual.FreeRaises, "accounts", "\npool.free_size\n"),
        (unusual.FreeIsNone, "accounts", "assert isinstance(pool.free_size, int), pool.free_size"),
        (unusual.FreeIsFloat, "accounts", "assert isinstance(pool.free_size, int)"),
        (unusual.FreeIsText, "accounts", "assert isinstance(pool.free_size, int)"),
        (unusual.ChecksFalse, "own-check", "assert pool.check() is not False"),
        (unusual.ChecksExit, "own-check", "\npool.check()\n"),
    ],
)
def test_what_little_shows_of_is_found(kind, invariant, line):
    expect_found(kind, invariant, line)


def test_accounts_may_be_methods():
    assert rl.prove(unusual.Methods, 1, **FEW).ok


def test_what_grants_nothing_has_not_been_tried():
    with pytest.raises(rl.CannotTry, match="Refuses granted nothing: each of .* was refused"):
        rl.prove(unusual.Refuses)


@pytest.mark.parametrize("align", ("16", 24, 0, -8, 8.0, True))
def test_an_align_that_is_none_cannot_be_tried(align):
    kind = type("Kind", (FirstFit,), {"align": align})
    with pytest.raises(rl.CannotTry, match=f"align of .* is {align!r}: expected a power of two"):
        rl.prove(kind)


@pytest.mark.parametrize("name", ("free_size", "max_size", "align"))
def test_an_attribute_that_raises_at_first_cannot_be_tried(name):
    kind = type("Kind", (FirstFit,), {name: property(lambda self: 1 // 0)})
    with pytest.raises(rl.CannotTry, match=f"the {name} of .* raised ZeroDivisionError"):
        rl.prove(kind)


@pytest.mark.parametrize("sizes", ((10, 1), 64, (0, 100), (1, 8.0), ("1", 2), (1, 2, 3), (1, True)))
def test_wrong_sizes_are_refused(sizes):
    with pytest.raises(rl.ParamError, match=r"^sizes is .*: expected \(least, most\)"):
        rl.prove(FirstFit, sizes=sizes)


def test_what_is_skipped_is_not_counted():
    done = []

    class Skips(AllocatorTrial):
        def do(self, step):
            done.append(super().do(step) and step[0] != "free")
            return done[-1]

    result = examine(lambda: Skips(FirstFit), 1, 20, 100)
    assert result.steps == sum(done) < len(done)


def test_a_result_tells_what_was_judged_and_what_not():
    result = rl.prove(FirstFit, 1, **FEW)
    told = result.to_dict()
    judged = {"overlap", "alignment", "contents", "outside", "leak", "reunion"}
    assert judged <= set(told["judged"]) and told["invariant"] is told["counterexample"] is None
    assert told["not_judged"]["accounts"] == "it has no free_size"
    assert told["not_judged"]["prefix"] == "it has no realloc"
    text = str(result)
    assert "\njudged: nonsense, raises, hang, overlap, alignment, " in text
    assert "accounts (it has no free_size)" in text.splitlines()[2]


def test_what_is_judged_depends_on_what_is_told():
    told = rl.prove(type("Kind", (unusual.Refuses,), {"alloc": lambda *_: 1 << 64})).to_dict()
    assert told["invariant"] == "nonsense" and "assert" in told["counterexample"]
    told = rl.prove(rl.MVFF, 1, examples=40).to_dict()
    assert {"accounts", "unwound", "own-check", "placement", "give-back"} <= set(told["judged"])
    told = rl.prove(unusual.WrapsPool, 1, examples=3).to_dict()
    assert told["not_judged"]["reunion"] == "an arena, or no end of memory, is below it"
    told = rl.prove(unusual.FreeIsFloat, 1, examples=1, steps=1).to_dict()
    assert "accounts" in told["judged"]
    told = rl.prove(rl.SortedLand, 1, examples=3).to_dict()
    assert {"find", "membership"} <= set(told["judged"]) and "iteration" not in told["not_judged"]


def test_what_is_not_reproduced_is_told():
    result = rl.prove(unusual.Chance, 1)
    assert result.invariant and not result.finding.reproducible
    assert result.to_dict()["finding"]["reproducible"] is False
    assert "\nnot reproduced by a fresh allocator: " in str(result)
    assert result.counterexample.startswith("# not reproduced by a fresh allocator: ")
    assert rl.prove(Clobbers, 1).finding.reproducible


def test_the_request_that_fails_is_in_the_program():
    result = expect_found(unusual.RaisesTheSecondTime, "raises", " = pool.alloc(1)  # raises: ")
    assert result.finding.reproducible and result.counterexample.endswith("only once\n")


def test_a_realloc_that_is_refused_leaves_the_name_of_the_block():
    result = expect_found(unusual.ReallocRefuses, "overlap", "\npool.realloc(a, ")
    assert "assert b + " in result.counterexample


def test_a_program_says_what_to_put_where_nothing_can_be_imported():
    class Local(FirstFit):
        def alloc(self, size):
            return 0

    for make, name in ((Local, ".*.Local"), (lambda: Local(), ".*<lambda>")):
        program = rl.prove(make, 1).counterexample
        told = f"# Define `make` as what was tried: {name} of {__name__}, which cannot be imported"
        assert re.match(rf"{told}\npool = make\(\)\n", program), program


@pytest.mark.parametrize("seed", SEEDS)
def test_refusals_do_not_take_more_and_more(seed):
    result = rl.prove(unusual.RefusalTakes, seed)
    assert result.invariant in ("unwound", "leak") and len(result.finding.steps) <= 8, result
    assert rl.prove(unusual.RecordsOnce, seed).ok


def test_sizes_may_be_wanted_by_name():
    assert rl.prove(unusual.ByName, 1, **FEW).ok
    expect_found(unusual.ByNameWrong, "overlap", "size=")


@pytest.mark.parametrize(
    ("name", "wants", "message"),
    [
        ("alloc", lambda self, size, zone: 0, "alloc wants zone, which cannot be given"),
        ("alloc", lambda self, size, *, zone: 0, "alloc wants zone, which cannot be given"),
        ("alloc", lambda self: 0, "alloc takes no size"),
        ("free", lambda self, address, size, zone, by: 0, "free wants zone, by, which"),
        ("realloc", lambda self, address: 0, "realloc takes no size"),
    ],
)
def test_what_wants_more_than_can_be_given_cannot_be_tried(name, wants, message):
    with pytest.raises(rl.CannotTry, match=message):
        rl.prove(type("Kind", (FirstFit,), {name: wants}))


@pytest.mark.parametrize(
    "free",
    [
        lambda self, address: 0,
        lambda self, address, quickly=False: 0,
        lambda self, *arguments: 0,
        lambda self, address, size=None, *, quickly=False, **more: 0,
    ],
)
def test_what_need_not_be_given_is_not(free):
    kind = type("Kind", (FirstFit,), {"free": free})
    assert replay(lambda: AllocatorTrial(kind), [("alloc", 0, 8), ("free", 0)]) is None


def test_a_class_destroys_the_pools_that_it_made():
    assert rl.prove(unusual.TwoPools, 1, examples=8).ok
    expect_found(unusual.ForgetsAPool, "teardown", "\npool.destroy()\n", "assert not arena.pools")
    assert rl.prove(lambda arena: unusual.ForgetsAPool(arena), 1, examples=8).ok
