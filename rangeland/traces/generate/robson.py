"""Adversaries: Robson's, and one for size classes (design/generate.md#.sol.robson)."""

import numpy as np

from rangeland.traces.fields import ALLOC, FREE
from rangeland.traces.generate.plan import BATCH


class FirstFit:
    """A memory without an end, in which blocks of one size at a time are placed by first fit.

    `base` and `size` are columns of the live blocks, in the order of their bases.
    Units: words.
    """

    def __init__(self):
        self.key = np.zeros(0, np.int64)
        self.base = np.zeros(0, np.int64)
        self.size = np.zeros(0, np.int64)
        self.top = 0

    def keep(self, kept):
        """Free the blocks that are not `kept` (a column of truths); returns their keys."""
        freed = self.key[~kept]
        self.key, self.base, self.size = self.key[kept], self.base[kept], self.size[kept]
        return freed

    def alloc(self, keys, size):
        """Place blocks of `size` words, one after another, each in the first hole that has room."""
        limits = self.base + self.size
        hole = np.concatenate([[0], limits])
        room = np.append(self.base, hole[-1] + len(keys) * size) - hole
        fit = room // size
        before = np.cumsum(fit) - fit
        fit = np.clip(len(keys) - before, 0, fit)
        which = np.repeat(np.arange(len(hole)), fit)
        within = np.arange(len(which)) - np.repeat(np.cumsum(fit) - fit, fit)
        base = hole[which] + within * size
        order = np.argsort(np.concatenate([self.base, base]), kind="stable")
        self.key = np.concatenate([self.key, keys])[order]
        self.size = np.concatenate([self.size, np.full(len(keys), size)])[order]
        self.base = np.concatenate([self.base, base])[order]
        if len(order):
            self.top = max(self.top, int(self.base[-1] + self.size[-1]))


def steps(words, largest):
    """The adversary against first fit: yields (op, keys, size), and the memory after each step.

    At most `words` words live; sizes are the powers of two up to `largest`.
    """
    memory, offset, made = FirstFit(), 0, 0
    size = 1
    while size <= largest:
        if size > 1:
            choices = (offset, offset + size // 2)
            worth = [_worth(memory, choice, size) for choice in choices]
            offset = choices[int(np.argmax(worth))]
            yield FREE, memory.keep(_occupying(memory, offset, size)), 0, memory
        count = (words - int(memory.size.sum())) // size
        keys = np.arange(made, made + count)
        made += count
        memory.alloc(keys, size)
        yield ALLOC, keys, size, memory
        size *= 2


def _occupying(memory, offset, step):
    """Which blocks have a word at an address that is `offset` modulo `step`."""
    return (offset - memory.base) % step < memory.size


def _worth(memory, offset, step):
    kept = memory.size[_occupying(memory, offset, step)]
    return int((step - kept).sum())


def robson(plan):
    """The adversary, over and over: what it has left is freed before it begins again."""
    return _repeated(plan, _adversary)


def robson_round(plan):
    """How many events the adversary takes until the worst is reached."""
    return _round(plan, _adversary)


def classes(plan):
    """Each power of two in turn fills the memory, and leaves a block in each space of `largest`."""
    return _repeated(plan, _fillings)


def classes_round(plan):
    """How many events it takes until all powers of two have filled the memory."""
    return _round(plan, _fillings)


def _adversary(words, largest):
    return (step[:3] for step in steps(words, largest))


def _fillings(words, largest):
    held, made, size = 0, 0, 1
    while size <= largest:
        keys = np.arange(made, made + max(words - held, 0) // size)
        made += len(keys)
        yield ALLOC, keys, size
        left = np.arange(len(keys)) % (largest // size) == 0
        yield FREE, keys[~left], 0
        held += int(left.sum()) * size
        size *= 2


def _words(plan):
    """The size of a word, and `memory` and `largest` in words."""
    grain = plan.sizes.draw(plan.chance(), 1)[0]
    return grain, plan.memory // grain, plan.largest // grain


def _round(plan, once):
    return sum(len(keys) for _, keys, _ in once(*_words(plan)[1:]))


def _repeated(plan, once):
    """The steps of `once` as rows, what is left at its end freed, over and over."""
    grain, words, largest = _words(plan)
    for _ in range(plan.events):
        live = np.zeros(0, np.int64)
        for op, keys, size in once(words, largest):
            live = np.append(live, keys) if op == ALLOC else np.setdiff1d(live, keys, True)
            yield from _rows(op, keys, size * grain)
        yield from _rows(FREE, live, 0)


def _rows(op, keys, size):
    for at in range(0, len(keys), BATCH):
        part = keys[at : at + BATCH]
        yield np.full(len(part), op, np.int8), part, np.full(len(part), size, np.int64)
