"""Write over every word that keeps an arena together, and see what comes of it.

    python tests/stress/garble.py --help

Tells how many cases ended how, by structure; exits with 1 if one did not end
with an error of ours, or a correct arena. Interpreted with RANGELAND_INTERPRETED=1.
"""

import argparse
import random
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))

from support import garbled


def main():
    """Try what the command line asks for. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checked", action="store_true", help="in checked mode")
    parser.add_argument("--seed", type=int, default=0, help="of the random values and samples")
    parser.add_argument("--words", type=int, default=0, help="so many words of each structure")
    parser.add_argument("--values", type=int, default=20, help="so many values for each word")
    parser.add_argument("--seconds", type=float, help="so long, words in an order of chance")
    parser.add_argument("--structure", action="append", help="those whose name has this in it")
    parser.add_argument("--bad", type=int, default=20, help="show so many cases that are not right")
    parser.add_argument("--list", action="store_true", help="list the structures, and try nothing")
    options = parser.parse_args()
    arena, client = garbled.built(options.checked)
    words = chosen(garbled.words_of(arena), options)
    if options.list:
        for structure, count in Counter(word[0] for word in words).items():
            print(f"{count:6,} words  {structure}")
        return 0
    counts, bad = tried(arena, client, words, options)
    garbled.table(counts)
    return 1 if bad else 0


def chosen(words, options):
    """The words of the structures asked for, of each no more than asked for."""
    rng = random.Random(options.seed)
    if options.structure:
        words = [word for word in words if any(part in word[0] for part in options.structure)]
    if not options.words:
        return words
    found = []
    for structure in dict.fromkeys(word[0] for word in words):
        those = [word for word in words if word[0] == structure]
        found += sorted(rng.sample(those, min(options.words, len(those))))
    return found


def tried(arena, client, words, options):
    """How many cases of each structure ended how, and how many are not right."""
    rng = random.Random(options.seed)
    counts, bad, begun, done = {}, 0, time.monotonic(), 0
    if options.seconds:
        rng.shuffle(words)
    for structure, i, address in words:
        if options.seconds and time.monotonic() - begun > options.seconds:
            break
        if sys.stderr.isatty():
            print(f"\r{done:,} of {len(words):,} words", end="", file=sys.stderr)
        for value in garbled.values_of(arena.space, address, rng, (), options.values):
            outcome, text = garbled.tried(arena, client, address, value)
            counts.setdefault(structure, Counter())[outcome] += 1
            if outcome not in garbled.RIGHT:
                bad += 1
                what = f"{structure} word {i} at {address:#x} = {value:#x}"
                if bad <= options.bad:
                    print(f"{what}: {outcome}: {text}", flush=True)
        done += 1
    print(f"{done:,} of {len(words):,} words in {time.monotonic() - begun:.0f} s")
    return counts, bad


if __name__ == "__main__":
    sys.exit(main())
