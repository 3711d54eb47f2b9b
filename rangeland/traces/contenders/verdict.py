"""The judge of placements: shares no code with what places (design/contenders.md#.sol.verdict)."""

from bisect import bisect_left, insort


def check_placement(lives, base, height):
    """Assert that `lives`, a Lives, can lie at `base` within [0, height).

    No two that live at a time share a byte, and each lies at a multiple of its
    alignment. Raises: AssertionError, which names the blocks. Cost: O(n log n).
    """
    size, alignment = lives.size.tolist(), lives.alignment.tolist()
    base = [int(address) for address in base]
    assert len(base) == len(size), f"{len(base)} places for {len(size)} blocks"
    # At one event ends come first: what ends there makes room for what begins.
    turns = [(event, 1, block) for block, event in enumerate(lives.lower.tolist())]
    turns += [(event, 0, block) for block, event in enumerate(lives.upper.tolist())]
    live = []
    for event, begins, block in sorted(turns):
        place = (base[block], block)
        at = bisect_left(live, place)
        if not begins:
            assert live.pop(at) == place
            continue
        limit = base[block] + size[block]
        assert 0 <= base[block] and limit <= height, (
            f"block {block} lies at [{base[block]}, {limit}), not within [0, {height})"
        )
        assert base[block] % alignment[block] == 0, (
            f"block {block} lies at {base[block]}, no multiple of {alignment[block]}"
        )
        for other, number in live[max(at - 1, 0) : at + 1]:
            assert other + size[number] <= base[block] or limit <= other, (
                f"blocks {number} and {block} overlap after event {event}"
            )
        insort(live, place)
