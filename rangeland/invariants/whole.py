"""A whole arena, judged three ways: by its handles, its bytes, its blocks.

Source: design/stress.md#.sol.whole
"""

from bisect import bisect_right

from rangeland.invariants.finding import Broken
from rangeland.invariants.raw import audit
from rangeland.invariants.raw.words import total
from rangeland.invariants.trial import own_check

AUDIT = "audit(space, arena.address)"
# The pools of the arena itself: of free nodes, of spare nodes, control, its nodes.
SYSTEM_SERIALS = {0, 1, 2, 3}


def judge_whole(trial):
    """Judge the arena of `trial` with all its pools and blocks. Returns the
    summary of the audit of its bytes.

    Raises: Broken. Cost: O(pages + ranges + units + blocks).
    """
    arena = trial.arena
    own_check(arena.space, "space")
    own_check(arena, "arena")
    try:
        found = audit(trial.space, arena.address)
    except Broken as broken:
        broken.proof = AUDIT
        raise
    if found.extra:
        raise Broken("control-accounts", f"{found.extra} bytes of control memory are nobody's")
    summary = found.summary
    _judge_accounts(trial, summary)
    _judge_machine(trial, summary)
    _judge_owners(arena, found)
    _judge_clients(trial, found)
    return summary


def expect_gone(space):
    """Judge that nothing is left in `space`, of anything. Raises: Broken."""
    own_check(space, "space")
    stacked = space.stack.limit - space.stack.pointer
    if space.reserved or space.mapped or space.reservations or stacked:
        raise Broken(
            "teardown",
            f"{space.reserved} bytes are reserved, {space.mapped} mapped, {stacked} stacked",
            "assert (space.reserved, space.mapped) == (0, 0)",
        )


def _judge_accounts(trial, summary):
    """What the handles tell is what the bytes tell."""
    arena = trial.arena
    for name, invariant, expected in (
        ("committed", "committed-accounts", summary["committed"]),
        ("reserved", "reserved-accounts", summary["reserved"]),
        ("spare_committed", "spare-accounts", summary["spare"] * arena.grain_size),
    ):
        told = getattr(arena, name)
        if told != expected:
            proof = f"assert arena.{name} == {expected}"
            raise Broken(invariant, f"{name} is {told}, expected {expected}", proof)
    for chunk in arena.chunks:
        runs, expected = list(chunk.runs()), summary["runs"][chunk.serial]
        if runs != expected:
            raise Broken("owners", f"{chunk!r} tells the runs {runs}, expected {expected}")
    serials = [pool.serial for pool in arena.pools]
    known = sorted(held.serial for held in trial.pools.values())
    if serials != summary["serials"] or sorted(serials) != known:
        told = f"the pools {serials}, by bytes {summary['serials']}, by the client {known}"
        raise Broken("accounts", told)


def _judge_machine(trial, summary):
    """V8: what the machine has is what all arenas have."""
    mapped, reserved = summary["mapped"], summary["reserved"]
    for other in trial.others.values():
        found = audit(trial.space, other.arena.address).summary
        mapped, reserved = mapped + found["mapped"], reserved + found["reserved"]
    space = trial.space
    if (space.mapped, space.reserved) != (mapped, reserved):
        told = f"{space.mapped} bytes are mapped and {space.reserved} reserved"
        proof = f"assert (space.mapped, space.reserved) == {mapped, reserved}"
        raise Broken("vm-accounts", f"{told}: expected {mapped} and {reserved}", proof)


def _judge_owners(arena, found):
    """A10: `pool_of` tells whose a grain is, at both ends of each run, and
    that overhead is nobody's."""
    for chunk in found.chunks:
        expected = {chunk.base: None, chunk.overhead - 1: None}
        for lo, hi, owner in found.runs[chunk.serial]:
            owner = None if owner == -1 else owner
            expected |= {chunk.at(lo): owner, chunk.at(hi) - 1: owner}
        for address, owner in expected.items():
            pool = arena.pool_of(address)
            told = pool and pool.address
            if told != owner:
                proof = f"assert (arena.pool_of({address:#x}) is None) == {owner is None}"
                raise Broken("owners", f"{address:#x} is of {told}, expected {owner}", proof)


def _judge_clients(trial, found):
    """m2, M2: what is not free is what the client has, where the client
    knows it to be; and the pools tell so."""
    clients = {pool.serial: pool for pool in found.clients}
    owned = dict.fromkeys(trial.pools, 0)
    for block in trial.blocks:
        number = trial.owner[block.number]
        held = trial.pools[number]
        owned[number] += held.takes(block.size)
        raw = clients[held.serial]
        expect_apart((block.number, block.address, block.size), raw.spans, raw.free_ranges)
    for number, held in trial.pools.items():
        raw, pool = clients[held.serial], held.pool
        told = pool.total_size, pool.free_size, pool.slack_size
        if told != (raw.total, raw.free, raw.slack):
            expected = raw.total, raw.free, raw.slack
            names = ", ".join(f"pool{number}.{name}_size" for name in ("total", "free", "slack"))
            proof = f"assert ({names}) == {expected}"
            raise Broken("accounts", f"{pool!r} tells {told}, not {expected}", proof)
        if held.held != (points := total(getattr(raw, "held", ()))):
            proof = f"assert pool{number}.held_size == {points}"
            raise Broken("accounts", f"points of {pool!r} hold {held.held}, not {points}", proof)
        used = owned[number] + points + raw.slack
        if raw.total - raw.free != used:
            proof = f"assert pool{number}.total_size - pool{number}.free_size == {used}"
            told = f"{raw.total - raw.free} bytes of {pool!r} are in use, {owned[number]} live"
            raise Broken("accounts", told, proof)
        if held.unit is None:
            _judge_largest(pool, raw, number)


def _judge_largest(pool, raw, number):
    """The largest block that needs no more memory is the largest free range
    of either land; in MVT, what of it lies in one segment."""
    if pool.largest_free != raw.largest:
        told = f"the largest free range is of {pool.largest_free} bytes, not {raw.largest}"
        raise Broken("find", told, f"assert pool{number}.largest_free == {raw.largest}")


def expect_apart(block, spans, free):
    """Judge that `block`, (number, base, size), lies in one of `spans` and in
    nothing of `free`, both ranges in order. Raises: Broken."""
    number, base, size = block
    limit = base + size
    told = f"block {number}, [{base:#x}, {limit:#x}), is"
    i = bisect_right(spans, limit - 1, key=_base) - 1
    # Blocks of MFS and MVFF may lie across extents that touch, which are one
    # span; those of MVT never lie across segments.
    if i < 0 or not (spans[i][0] <= base and limit <= spans[i][1]):
        raise Broken("outside", f"{told} not in memory of its pool")
    i = bisect_right(free, limit - 1, key=_base) - 1
    if i >= 0 and free[i][1] > base:
        raise Broken("overlap", f"{told} in memory that is free")


def _base(span):
    return span[0]
