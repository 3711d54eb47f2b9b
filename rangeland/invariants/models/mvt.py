"""What MVT promises: points get whole segments, and what is free is used again
when much of it has come together.

Source: design/invariants.md#.sol.models
"""

from dataclasses import dataclass

from rangeland.invariants.models.model import Model, up
from rangeland.invariants.ranges import Ranges


@dataclass
class Segment:
    """Grains that were got together; `block` is the bytes of the one block that
    they were got for, or 0."""

    base: int
    limit: int
    block: int = 0


@dataclass
class Point:
    """What a point holds: [init, limit), of which [init, alloc) is reserved."""

    init: int = 0
    alloc: int = 0
    limit: int = 0


class MVTModel(Model):
    """Segments in the order of their making, free ranges, the splinter, the
    queue (oldest first), and the points in the order of theirs."""

    def __init__(
        self, grain, mean_size=32, max_size=8192, reserve_depth=1024, frag_limit=0.3, align=8,
        min_size=8,
    ):  # fmt: skip
        super().__init__(grain)
        self.align, self.min_size = align, min_size
        self.percent = int(frag_limit * 100)
        self.fill_size = up(max_size, grain)
        self.reuse = 2 * self.fill_size
        self.depth = max(3, -(-reserve_depth * mean_size // self.reuse))
        self.segments, self.queue, self.points = [], [], []
        self.unused, self.splinter, self.overflowed = Ranges(), (0, 0), False

    # Points

    def reserve(self, index, size):
        """The address of `size` bytes at the point of that index, or None."""
        point = self.points[index]
        if point.limit - point.init < size:
            self._empty(point)
            found = self._fill(size)
            if found is None:
                return None
            point.init, point.limit = found
        point.alloc = point.init + size
        return point.init

    def commit(self, index):
        """What is reserved there is a block."""
        self.points[index].init = self.points[index].alloc

    def renew(self, index):
        """One more point, and that of this index less."""
        self.points.append(Point())
        self._empty(self.points.pop(index % (len(self.points) - 1)))

    def _empty(self, point):
        base, limit = point.init, point.limit
        point.init = point.alloc = point.limit = 0
        if base == limit:
            return
        segment = self._segment_of(base)
        if segment.block:
            self._give_back(segment)
        elif limit - base < self.min_size:
            self._insert(base, limit)
        elif self.splinter[1] - self.splinter[0] > limit - base:
            self._insert(base, limit)
        else:
            old, self.splinter = self.splinter, (base, limit)
            if old[0] < old[1]:
                self._insert(*old)

    def _fill(self, size):
        """(base, limit) for a point that has to hold `size` bytes, or None."""
        if size > self.fill_size:
            segment = self._new_segment(up(size, self.grain), size)
            return segment and (segment.base, segment.base + size)
        if self.splinter[1] - self.splinter[0] >= size:
            found, self.splinter = self.splinter, (0, 0)
            return found
        found = self._take_queued(size)
        if found is None and self._available() >= self.total * self.percent // 100:
            found = self._take_first(size)
        if found is not None:
            return found
        segment = self._new_segment(self.fill_size)
        return (segment.base, segment.limit) if segment else self._take_first(size)

    def _available(self):
        return self.unused.size + self.splinter[1] - self.splinter[0]

    # Segments

    def _new_segment(self, size, block=0):
        base = self.source.alloc(size)
        if base is None or self.source.is_undone(base, size):
            return None
        self.segments.append(Segment(base, base + size, block))
        self.total += size
        return self.segments[-1]

    def _give_back(self, segment):
        self.segments.remove(segment)
        self.total -= segment.limit - segment.base
        self.source.free(segment.base, segment.limit - segment.base)

    def _segment_of(self, address):
        return next(s for s in self.segments if s.base <= address < s.limit)

    # What is free

    def _take_queued(self, size):
        if not self.queue and self.overflowed:
            self.overflowed = False
            for base, limit in self.unused:
                if limit - base >= self.reuse:
                    if len(self.queue) == self.depth:
                        self.overflowed = True
                        break
                    self.queue.append((base, limit))
        return self._take_part(*self.queue[0], size) if self.queue else None

    def _take_first(self, size):
        for base, limit in self.unused.fitting(size):
            found = self._take_part(base, limit, size)
            if found is not None:
                return found
        return None

    def _take_part(self, base, limit, size):
        """Of a free range what lies in its first segment, or else in its second."""
        for _ in range(2):
            end = min(limit, self._segment_of(base).limit)
            if end - base >= size:
                self._delete(base, end)
                return base, end
            if limit - end < size:
                return None
            base = end
        return None

    def _insert(self, base, limit):
        base, limit = self.unused.insert(base, limit)
        if limit - base >= self.reuse:
            self._drop(base, limit)
            self._enqueue(base, limit)

    def _delete(self, base, limit):
        low, high = self.unused.delete(base, limit)
        self._drop(low, high)
        for left in ((low, base), (limit, high)):
            if left[1] - left[0] >= self.reuse:
                self._enqueue(*left)

    def _drop(self, base, limit):
        self.queue = [(b, x) for b, x in self.queue if x <= base or limit <= b]

    def _enqueue(self, base, limit):
        """When the queue is full, whole segments of its oldest range go back."""
        if len(self.queue) < self.depth:
            self.queue.append((base, limit))
        elif self._return_segments(*self.queue[0]):
            if len(self.queue) < self.depth:
                self.queue.append((base, limit))
        else:
            self.overflowed = True

    def _return_segments(self, base, limit):
        whole = False
        while base < limit:
            segment = self._segment_of(base)
            if base <= segment.base and segment.limit <= limit:
                self._delete(segment.base, segment.limit)
                self._give_back(segment)
                whole = True
            base = segment.limit
        return whole

    # Blocks

    def free(self, address, size):
        """Free it; one with a segment of its own takes that along."""
        size = up(size, self.align)
        if size > self.fill_size:
            self._give_back(self._segment_of(address))
        else:
            self._insert(address, address + size)

    def resize(self, address, old, new):
        """A block keeps the bytes that it takes."""
        return up(old, self.align) == up(new, self.align)

    # Accounts

    @property
    def free_size(self):
        """What is free in segments, the splinter, and what large blocks leave."""
        left = sum(s.limit - s.base - s.block for s in self.segments if s.block)
        return self._available() + left

    def ranges(self):
        """The free ranges, ascending; the splinter is none of them."""
        return list(self.unused)

    def largest(self):
        """The bytes of the largest free piece inside one segment."""
        pieces = [*self.unused, self.splinter]
        inside = [min(x, s.limit) - max(b, s.base) for b, x in pieces for s in self.segments]
        return max([0, *inside])

    def whole(self):
        """MVT gives back segments, whatever grains are free: it tells of none."""
        return 0
