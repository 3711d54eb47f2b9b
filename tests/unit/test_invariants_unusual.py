"""Allocators of unusual kinds: the right ones are left alone, and what little
shows of the others is found (design/invariants.md#.req.quiet)."""

import pytest
from support import unusual
from support.faulty import FirstFit

import rangeland as rl
from rangeland.invariants.allocator import AllocatorTrial
from rangeland.invariants.engine import replay

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
@pytest.mark.parametrize("seed", (1, 2, 3))
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
    monkeypatch.setattr(AllocatorTrial, "predict", None)
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
