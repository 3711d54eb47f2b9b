"""Verdicts on one operation of an arena: where a block lies, what it keeps, and
what an arena may have. Source: design/stress.md#.sol.arena
"""

from rangeland.invariants.blocks import pattern, spans
from rangeland.invariants.finding import Broken
from rangeland.invariants.ranges import runs_in
from rangeland.invariants.raw import layout

PAGE = 4096
# The zones from which memory is taken first, in an arena that has zones.
UPPER = (1 << 64) - (1 << 32)
LOWER = (1 << 32) - 1


def expect_limit(arena):
    """Judge that no more is committed than the limit allows (A6)."""
    limit, committed = arena.commit_limit, arena.committed
    if limit is None or committed <= limit:
        return
    # What a chunk that failed half made left counted is allowed.
    if committed - arena.space.word(arena.address + layout.ARENA["lost"]) > limit:
        told = f"{committed} bytes are committed, with a limit of {limit}"
        raise Broken("commit-limit", told, "assert arena.committed <= arena.commit_limit")


def expect_spare_bounded(arena):
    """Judge that spare memory is within its fraction of the committed (A7)."""
    spare, most = arena.spare_committed, int(arena.committed * arena.spare)
    if spare > most:
        raise Broken(
            "spare-bounded",
            f"{spare} bytes are spare, expected at most {most}",
            "assert arena.spare_committed <= int(arena.committed * arena.spare)",
        )


def expect_place(trial, held, pool, address, size, name):
    """Judge where a new block lies, that the pool `held` of number `pool`
    gave to `trial`, and that a program calls `name`."""
    if type(address) is not int:
        raise Broken("nonsense", f"an allocation gave {address!r}")
    if address % held.align:
        told = f"a block lies at {address:#x}, not at a multiple of {held.align}"
        raise Broken("alignment", told, f"assert {name} % {held.align} == 0")
    other = trial.blocks.in_the_way(address, size)
    if other is not None:
        theirs = trial.script.names[other.number]
        told = f"{size} bytes at {address:#x} overlap {other.size} at {other.address:#x}"
        proof = f"assert {name} + {size} <= {theirs} or {theirs} + {other.size} <= {name}"
        raise Broken("overlap", told, proof)
    for at in {max(address, page) for page in range(address & -PAGE, address + size, PAGE)}:
        owner = trial.arena.pool_of(at)
        if owner is None or owner.serial != held.serial:
            raise Broken(
                "outside",
                f"{at:#x}, of a block of {held.pool!r}, belongs to {owner!r}",
                f"assert arena.pool_of({name} + {at - address}).serial == pool{pool}.serial",
            )


def expect_kept(arena, block, name):
    """Judge that `block`, which a program calls `name`, is as written."""
    for start, length in spans(block.size):
        data = pattern(block.stamp, start, length)
        if arena.view(block.address + start, length) != data:
            text = f"arena.view({name} + {start}, {length})"
            raise Broken(
                "contents",
                f"{length} bytes at {block.address + start:#x} are not as written",
                f"assert {text} == pattern({block.stamp}, {length}, {start})",
            )


def expect_end(arena, base, size, high):
    """Judge that [base, base + size), grains that were just taken in the
    upper zones, lie at the low or the `high` end of what was free there."""
    if not arena.zoned:
        return
    if _runs(arena, base, base + size) != [(base, base + size)]:
        _expect_none_above(arena, base, size)
        return
    for start, limit in free_runs(arena, (UPPER,)):
        if limit - start >= size and (limit > base + size if high else start < base):
            told = f"{size} bytes were taken at {base:#x}, though [{start:#x}, {limit:#x})"
            wanted = "higher" if high else "lower"
            raise Broken("grain-placement", f"{told} is free in the same zones, and {wanted}")


def _expect_none_above(arena, base, size):
    """Judge grains that lie in other zones: these are taken last, also when the arena
    has just grown, but for what is refused."""
    if arena.commit_limit is not None or arena.space.faults is not None:
        return
    for start, limit in free_runs(arena, (UPPER,)):
        if limit - start >= size:
            told = f"{size} bytes were taken at {base:#x}, though [{start:#x}, {limit:#x})"
            raise Broken("grain-placement", f"{told} is free in zones that are taken first")


def free_runs(arena, zone_sets=(UPPER, LOWER)):
    """The longest runs of free grains in each of some sets of zones.

    Not those in a range of more than 64 stripes: of such a one not all is
    searched when memory is taken (design/land.md#.sol.zebra).
    """
    most = 64 << arena.zone_shift
    free = [(b, x) for chunk in arena.chunks for b, x in _free(chunk) if x - b <= most]
    return [run for zones in zone_sets for span in free for run in _runs(arena, *span, zones)]


def _runs(arena, base, limit, zones=UPPER):
    return runs_in(base, limit, zones, arena.zone_shift)


def _free(chunk):
    """The ranges of a chunk whose grains nobody has, ascending."""
    grain = (chunk.limit - chunk.base) // chunk.pages
    taken, pages = chunk.allocated, chunk.pages
    lo = taken.next_reset(chunk.alloc_base, pages)
    while lo < pages:
        hi = taken.next_set(lo, pages)
        yield chunk.base + lo * grain, chunk.base + hi * grain
        lo = taken.next_reset(hi, pages)
