"""What SegFit promises: a block is cut off the low end of a smallest chunk.

Source: design/invariants.md#.sol.models
"""

from rangeland.invariants.models.model import up
from rangeland.invariants.models.regions import RegionModel

HEADER = 8
QUANTUM = 16
LEAST = 32
# An unused word at the beginning of a region, and a header at its end.
EDGES = 16


class SegFitModel(RegionModel):
    """`chunks` are the free ones, (base, limit) with their headers, of which the
    last came last; `taken` is what blocks have, {address: limit}."""

    def __init__(self, grain, extend_by=65536, direct_above=1 << 18, **more):
        super().__init__(grain, **more)
        self.extend_by, self.direct_above = up(extend_by, grain), direct_above
        self.chunks, self.taken, self.sizes = [], {}, {}

    def need(self, size):
        """The bytes of a chunk for a block."""
        return max(LEAST, up(size + HEADER, QUANTUM))

    def alloc(self, size, align=None):
        """The low end of the smallest chunk that holds it, of equals of that
        which came last; of an aligned block, what lies before it stays free."""
        align = max(align or 1, QUANTUM)
        if size > self.direct_above:
            at = max(self.grain, align if align > QUANTUM else 1)
            return self.get_region(up(size, self.grain), at)
        need = self.need(size)
        found = self._detach(need if align == QUANTUM else need + align + QUANTUM)
        if found is None:
            return None
        base, limit = found
        if align > QUANTUM:
            lead = up(base + HEADER, align) - HEADER - base
            if 0 < lead < LEAST:
                lead += align
            if lead:
                self.chunks.append((base, base + lead))
            base += lead
        return self._cut(base, limit, need)

    def _detach(self, need):
        """The chunk to cut a block of; it is free no more. Or None."""
        fitting = [x - b for b, x in self.chunks if x - b >= need]
        if not fitting and not self._extend(need):
            return None
        best = min(fitting) if fitting else None
        at = max(i for i, (b, x) in enumerate(self.chunks) if best in (None, x - b))
        base, limit = self.chunks.pop(at)
        if base - HEADER in self.idle:
            if limit == self.regions[base - HEADER] - HEADER:
                self.idle.remove(base - HEADER)
        return base, limit

    def _cut(self, base, limit, need):
        if limit - base - need >= LEAST:
            self.chunks.append((base + need, limit))
            limit = base + need
        self.taken[base + HEADER], self.sizes[base + HEADER] = limit, need
        return base + HEADER

    def _extend(self, need):
        least = up(need + EDGES, self.grain)
        size = max(self.extend_by, least)
        base = self.get_region(size, self.grain)
        if base is None and size > least:
            size = least
            base = self.get_region(size, self.grain)
        if base is None:
            return False
        self.chunks.append((base + HEADER, base + size - HEADER))
        self.idle.insert(0, base)
        return True

    def free(self, address, size):
        """Free it, as one with its free neighbours."""
        if size > self.direct_above:
            self.put_back(address)
        else:
            del self.sizes[address]
            self._unite(address - HEADER, self.taken.pop(address))
        self.reduce()

    def _unite(self, low, high):
        for base, limit in [span for span in self.chunks if span[1] == low or span[0] == high]:
            self.chunks.remove((base, limit))
            low, high = min(low, base), max(high, limit)
        self.chunks.append((low, high))
        if self.regions.get(low - HEADER) == high + HEADER:
            self.idle.insert(0, low - HEADER)

    def resize(self, address, old, new):
        """A block gives its end back, or takes of the free chunk behind it; one
        with a region of its own keeps to its grains."""
        if old > self.direct_above or new > self.direct_above:
            same = up(old, self.grain) == up(new, self.grain)
            return old > self.direct_above and new > self.direct_above and same
        base, limit, need = address - HEADER, self.taken[address], self.need(new)
        if need > limit - base:
            behind = next((x for b, x in self.chunks if b == limit), limit)
            if need > behind - base:
                return False
            self.chunks.remove((limit, behind))
            self._cut(base, behind, need)
            return True
        self.sizes[address] = need
        if limit - base - need >= LEAST:
            self.taken[address] = base + need
            self._unite(base + need, limit)
        self.reduce()
        return True

    def unhook(self, base):
        """The one chunk of the region is free no more."""
        self.chunks.remove((base + HEADER, self.regions[base] - HEADER))

    @property
    def slack(self):
        """The edges of regions, and what blocks have too much."""
        alone = self.regions.keys() - self.taken.keys()
        rests = sum(x - at + HEADER - self.sizes[at] for at, x in self.taken.items())
        sole = sum(1 for base in alone if not self._has_chunks(base))
        return EDGES * (len(self.regions) - sole) + rests

    @slack.setter
    def slack(self, value):
        """It follows from all else."""

    def _has_chunks(self, base):
        """True unless all of the region is one block."""
        limit = self.regions[base]
        return any(base < at < limit for at in self.taken) or any(
            base < b < limit for b, _ in self.chunks
        )

    def ranges(self):
        """The free chunks, headers included, ascending."""
        return sorted(self.chunks)

    def largest(self):
        """The bytes of the largest block that a chunk holds."""
        most = max((x - b - HEADER for b, x in self.chunks), default=0)
        return min(most, self.direct_above)
