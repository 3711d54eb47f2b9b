"""Recorded columns: the operations of a real program, for the stress driver.

Source: design/stress.md#.sol.recorded
"""

import numpy as np

from rangeland.invariants import fields as d
from rangeland.invariants.columns import SLICE, Operations

# The values of the column `op` of a trace (design/readers.md#.sol.columns).
ALLOC, FREE, REALLOC = 0, 1, 2


class RecordedColumns(Operations):
    """The operations of a trace, whose columns are `op`, `id`, `size`.

    A realloc is an allocation and a free of the old block; a block of no bytes
    has one. `name` is what to call the trace. Units: bytes.
    Cost: O(n), about a second for a million rows.
    """

    seed = 0

    def __init__(self, name, op, id, size):
        self.name = name
        kinds, sizes, picks, halves = [], [], [], []
        # As the driver keeps them: a free moves the last block to its place.
        place, order = {}, []
        most = 0
        for kind, block, bytes_ in zip(op.tolist(), id.tolist(), size.tolist(), strict=True):
            if kind != FREE:
                kinds.append(d.ALLOC)
                sizes.append(max(1, bytes_))
                picks.append(0)
                order.append(block)
                most = max(most, len(order))
            if kind != ALLOC:
                at = place[block]
                kinds.append(d.ANY)
                sizes.append(0)
                picks.append(at)
                last = order.pop()
                if at < len(order):
                    order[at] = last
                    place[last] = at
            elif kind == ALLOC:
                place[block] = len(order) - 1
            if kind == FREE:
                del place[block]
            if kind == REALLOC:
                halves.append(len(kinds) - 1)
        self.most = max(1, most)
        # Where the second operation of each realloc is.
        self.halves = np.array(halves, np.int64)
        self.kinds = np.array(kinds, np.int8)
        self.sizes = np.array(sizes, np.int64)
        self.picks = np.array(picks, np.int64)
        self.stamps = np.random.default_rng(self.seed).integers(-(1 << 63), (1 << 63) - 1, len(kinds))

    def __len__(self):
        return len(self.kinds)

    def events(self, done):
        """As `Operations.events`: of a realloc both operations are one event, or the first alone."""
        return done - int(np.searchsorted(self.halves, done))

    def operations(self, events):
        """How many operations the first `events` events are."""
        numbers = np.arange(len(self.halves))
        return min(len(self), events + int(np.count_nonzero(self.halves - numbers <= events)))

    def of_size(self, size):
        """The same, of blocks of one size."""
        same = object.__new__(RecordedColumns)
        same.__dict__.update(self.__dict__, sizes=np.where(self.kinds == d.ALLOC, size, 0))
        return same

    def drawn(self, number):
        """As `Columns.drawn`; the last slice may be shorter."""
        part = slice(SLICE * number, SLICE * (number + 1))
        return tuple(column[part] for column in (self.kinds, self.sizes, self.picks, self.stamps))

    def call(self, subject, operations):
        """Lines of Python that do them with `subject`, the first `operations` and the rest."""
        return [
            "from rangeland.invariants.recorded import RecordedColumns",
            "from rangeland.invariants.stress import stress_recorded",
            "from rangeland.traces.read import read_trace",
            "",
            f"trace = read_trace({self.name!r})",
            "columns = RecordedColumns(trace.path, trace.op, trace.id, trace.size)",
            f"result = stress_recorded({subject}, columns)",
        ]
