"""Stray words in pools over regions, each tried in a process of its own.

A pool is made with some blocks, one word of it is written over, and all that can be
asked of a pool is asked: what comes must be an error of ours. Each trial is a fork of
the process, so that a crash or a loop without end is an outcome of that trial:

    python tests/support/garble_regions.py KIND [checked] [one in so many trials] [seed]

prints the counts as JSON, and each finding.
"""

import contextlib
import json
import random
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support import garbled

import rangeland as rl
from rangeland.invariants.raw import audit

OPTIONS = {
    "Buddy": {"extend_by": 8192, "min_size": 32},
    "SegFit": {"extend_by": 16384, "direct_above": 9000},
    "Slab": {},
}
SIZES = (20, 40, 100, 300, 700, 1500, 5000, 12_000, 40_000)


class Victim:
    """A pool with live and free blocks of many sizes, and idle regions."""

    def __init__(self, kind, checked, rng):
        space = rl.AddressSpace(1 << 28, checked=checked)
        self.space, self.arena = space, rl.Arena(1 << 20, space=space)
        self.pool = getattr(rl, kind)(self.arena, **OPTIONS[kind])
        blocks = [(self.pool.alloc(size), size) for size in SIZES for _ in range(7)]
        blocks += [(self.pool.alloc(40), 40) for _ in range(130)]
        rng.shuffle(blocks)
        self.gone = blocks[: len(blocks) // 2]
        for address, size in self.gone:
            self.pool.free(address, size)
        self.live = blocks[len(self.gone) :]
        self.pool.check()

    def descriptors(self):
        """The words of the pool's descriptor and of those of its regions."""
        pool = self.pool
        found = list(range(pool.address, pool.address + pool.descriptor_size, 8))
        for region in pool.regions():
            words = self.space.words_at(region, 72)
            found += range(region, region + words[6], 8)
        return found

    def client_words(self):
        """Words of free memory, and those before live blocks."""
        found = []
        for base, limit in self.pool.free_ranges():
            found += [at for at in (*range(base, base + 40, 8), limit - 8, limit) if at % 8 == 0]
        if isinstance(self.pool, rl.SegFit):
            found += [address - 8 for address, size in self.live if size <= self.pool.direct_above]
        return sorted({at for at in found if self.space.first_unmapped(at, at + 8) == at + 8})

    def others(self):
        """Addresses that mean something here."""
        return [*self.pool.regions(), *(address for address, _ in self.live + self.gone)]


def asked(victim, rng):
    """What is asked of a pool whose words may be wrong, in an order of chance."""
    pool, arena, live = victim.pool, victim.arena, list(victim.live)

    def alloc():
        size = rng.choice(SIZES)
        live.append((pool.alloc(size, rng.choice((None, None, None, 4096))), size))

    def free():
        address, size = live.pop(rng.randrange(len(live)))
        pool.free(address, size)

    def resize():
        i = rng.randrange(len(live))
        address, size = live[i]
        new = rng.choice((1, size // 2 + 1, size + 8, 2 * size))
        if pool.resize(address, size, new):
            live[i] = address, new

    def twice():
        address, size = rng.choice(victim.gone)
        with contextlib.suppress(rl.ProtocolError):
            pool.resize(address, size, size + 8)

    asks = [alloc, free, resize] * 12 + [
        twice, pool.check, pool.describe, pool.regions, pool.spans, arena.check,
        lambda: list(pool.free_ranges()), lambda: pool.largest_free, lambda: pool.free_size,
        lambda: pool.whole_free_size, lambda: pool.slack_size, lambda: pool.total_size,
        lambda: rl.Arena.attach(victim.space, arena.address).pools[0].check(),
    ]  # fmt: skip
    own = {"Buddy": "free_blocks", "SegFit": "chunks", "Slab": "slabs"}
    asks.append(getattr(pool, own[type(pool).__name__]))
    rng.shuffle(asks)
    return [pool.check, *asks] if rng.random() < 0.5 else [*asks, pool.check, pool.destroy]


def trial(victim, rng):
    """Ask all. Returns what came of it: a name."""
    errors = Counter()
    for ask in asked(victim, rng):
        try:
            ask()
        except MemoryError as error:
            assert isinstance(error, rl.RangelandError), repr(error)
        except rl.RangelandError as error:
            errors[type(error).__name__] += 1
        except AssertionError:
            errors["AssertionError"] += 1
    if not errors:
        audit(victim.space, victim.arena.address)
        return "right"
    return "DamageError" if errors["DamageError"] else errors.most_common(1)[0][0]


def overwritten(victim, at, value, seed):
    """A trial with one word written over: what came of it, as `garbled.apart` has it."""
    victim.space.words_at(at, 8)[0] = value
    return trial(victim, random.Random(seed)), ""


def attempts(victim, one_in, rng):
    """All trials, or one in so many: (what is written where, what tries it)."""
    for at in victim.descriptors() + victim.client_words():
        for value in garbled.values_of(victim.space, at, rng, victim.others()):
            if rng.random() * one_in < 1:
                seed = rng.getrandbits(32)
                told = f"{value:#x} at {at:#x}"
                yield told, (overwritten, victim, at, value, seed)


def main(kind, checked, one_in=1, seed=1):
    """Try, and print the counts; exit with 1 if there is a finding."""
    rng = random.Random(seed)
    victim = Victim(kind, checked == "checked", rng)
    counts, findings = Counter(), []
    for told, attempt in attempts(victim, int(one_in), rng):
        outcome, text = garbled.apart(*attempt)
        counts[outcome] += 1
        if outcome in garbled.OUTCOMES:
            findings.append(f"{told}: {outcome}: {text}")
    print(json.dumps({"counts": dict(counts), "findings": findings[:40]}))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
