"""Regions: memory that a pool got together, with a descriptor in control memory
that the page table names; and what pools over regions share.

A region is busy, or idle: all of it is free. Idle ones go back to the arena as
soon as more than the fraction `spare` of the pool's memory is free.
Source: design/classes.md#.sol.regions
"""

from pools import fields as p
from pools.pool import Pool
from vm import mmu, raw
from vm import results as r
from vm.results import ProtocolError


class RegionPool(Pool):
    """A pool whose memory is regions; `get_region` and `reduce` tell the story.

    A class of such pools defines `unhook`, and makes a region idle and busy.
    """

    def init_regions(self, arena_address, align, least_order, options):
        """Write what the descriptors of pools over regions have in common, and
        zeros in all that is the class's own."""
        self.init_pool(arena_address, align)
        n = mmu.at(self.space, self.address, self.descriptor_size)
        w = self.space.words
        for field in range(p.REGION_SPARE, self.descriptor_size // 8):
            w[n + field] = 0
        self.space.floats[n + p.REGION_SPARE] = options["spare"]
        w[n + p.REGION_HIGH] = options["arena_high"]
        w[n + p.REGION_BY] = options["extend_by"]
        w[n + p.LEAST_ORDER] = least_order

    def unhook(self, region):
        """Forget that the memory of an idle region is free. Returns OK."""
        return r.UNIMPL

    def get_region(self, size, align, bytes):
        """A new busy region of `size` bytes of grains at a multiple of `align`,
        whose descriptor has `bytes` bytes; or a negative code, and then
        nothing has changed. What the descriptor has beyond REGION_SIZE is 0."""
        base = self._aligned_grains(size, align)
        if base < 0:
            return base
        region = self.grains.alloc_control(bytes)
        if region < 0:
            self.grains.free_grains(base, size, self.address)
            return region
        w = self.space.words
        m = mmu.at(self.space, region, bytes)
        for i in range(bytes >> 3):
            w[m + i] = 0
        w[m] = p.REGION_SIG
        w[m + p.REGION_POOL] = self.address
        w[m + p.REGION_BASE] = base
        w[m + p.REGION_LIMIT] = base + size
        w[m + p.REGION_BYTES] = bytes
        self._push(p.FIRST_BUSY, region)
        self.grains.set_segment(base, size, region)
        w[mmu.at(self.space, self.address, p.REGIONS_HEAD) + p.REGION_TOTAL] += size
        return region

    def _aligned_grains(self, size, align):
        """`size` bytes of grains at a multiple of `align`, or a negative code.
        Where the arena's choice is not aligned, more is got and trimmed."""
        high = self.space.words[mmu.at(self.space, self.address, p.REGIONS_HEAD) + p.REGION_HIGH]
        base = self.grains.alloc_grains(size, high, self.address)
        if base < 0 or base & (align - 1) == 0:
            return base
        self.grains.free_grains(base, size, self.address)
        more = align - self.grains.grain
        base = self.grains.alloc_grains(size + more, high, self.address)
        if base < 0:
            return base
        aligned = base + align - 1 & -align
        if aligned > base:
            self.grains.free_grains(base, aligned - base, self.address)
        if aligned - base < more:
            self.grains.free_grains(aligned + size, more - (aligned - base), self.address)
        return aligned

    def put_back(self, region):
        """Give `region` to the arena: first the descriptor, then the grains.
        Always OK."""
        w = self.space.words
        m = mmu.at(self.space, region, p.REGION_SIZE)
        base = w[m + p.REGION_BASE]
        size = w[m + p.REGION_LIMIT] - base
        self._pull(region)
        w[m] = 0
        w[mmu.at(self.space, self.address, p.REGIONS_HEAD) + p.REGION_TOTAL] -= size
        self.grains.free_control(region, w[m + p.REGION_BYTES])
        return self.grains.free_grains(base, size, self.address)

    def _push(self, head, region):
        """Make `region` the first of the list at the word `head`. Returns OK."""
        w = self.space.words
        n = mmu.at(self.space, self.address, p.REGIONS_HEAD) + head
        m = mmu.at(self.space, region, p.REGION_SIZE)
        following = w[n]
        w[m + p.NEXT_REGION] = following
        w[m + p.PREVIOUS_REGION] = 0
        w[m + p.IS_IDLE] = head == p.FIRST_IDLE
        if following:
            w[mmu.at(self.space, following, p.REGION_SIZE) + p.PREVIOUS_REGION] = region
        w[n] = region
        return r.OK

    def _pull(self, region):
        """Take `region` out of its list. Returns OK."""
        w = self.space.words
        m = mmu.at(self.space, region, p.REGION_SIZE)
        following = w[m + p.NEXT_REGION]
        previous = w[m + p.PREVIOUS_REGION]
        if following:
            w[mmu.at(self.space, following, p.REGION_SIZE) + p.PREVIOUS_REGION] = previous
        if previous:
            w[mmu.at(self.space, previous, p.REGION_SIZE) + p.NEXT_REGION] = following
        else:
            head = p.FIRST_IDLE if w[m + p.IS_IDLE] else p.FIRST_BUSY
            w[mmu.at(self.space, self.address, p.REGIONS_HEAD) + head] = following
        return r.OK

    def make_idle(self, region):
        """All of the busy `region` is free now. Returns OK."""
        self._pull(region)
        return self._push(p.FIRST_IDLE, region)

    def make_busy(self, region):
        """Some of the idle `region` is in a block now. Returns OK."""
        self._pull(region)
        return self._push(p.FIRST_BUSY, region)

    def reduce(self):
        """Give idle regions back, the one that came last first, while more
        than the fraction `spare` of the memory is free. Always OK."""
        n = mmu.at(self.space, self.address, p.REGIONS_HEAD)
        w = self.space.words
        while w[n + p.FIRST_IDLE] and w[n + p.REGION_FREE] > raw.whole(
            self.space.floats[n + p.REGION_SPARE] * w[n + p.REGION_TOTAL]
        ):
            region = w[n + p.FIRST_IDLE]
            self.unhook(region)
            self.put_back(region)
        return r.OK

    def region_of(self, address):
        """The region that holds `address`, or 0 if it is not the pool's."""
        return self.grains.segment_of(address, self.address)

    # Accounts

    def total(self):
        """The bytes of the pool's regions."""
        return self._word(p.REGION_TOTAL)

    def free_bytes(self):
        """The bytes of `total` that a block could have."""
        return self._word(p.REGION_FREE)

    def slack(self):
        """The bytes of `total` that are in no block and free for none."""
        return self._word(p.REGION_SLACK)

    # For people, and for checks

    def _region_words(self, region):
        bytes = self.space.words_at(region, p.REGION_SIZE)[p.REGION_BYTES]
        return self.space.words_at(region, bytes)

    def regions(self, idle=None):
        """The addresses of the regions, or of those that are idle, or not."""
        found = []
        for head in (p.FIRST_BUSY, p.FIRST_IDLE):
            region = self._word(head)
            while region and idle in (None, head == p.FIRST_IDLE):
                found.append(region)
                region = self._region_words(region)[p.NEXT_REGION]
        return found

    def spans(self):
        """The memory of the regions: a list of (base, limit), ascending."""
        words = [self._region_words(region) for region in self.regions()]
        return sorted((w[p.REGION_BASE], w[p.REGION_LIMIT]) for w in words)

    def expect_in_region(self, address, size):
        """The region that holds [address, address + size). Raises: ProtocolError."""
        align = self._word(p.POOL_ALIGN)
        if address % align:
            raise ProtocolError(f"block {address:#x} of {self!r} is not aligned to {align}")
        region = self.region_of(address)
        if region == 0 or address + size > self._region_words(region)[p.REGION_LIMIT]:
            raise ProtocolError(
                f"[{address:#x}, {address + size:#x}) is in no region of {self!r}"
            )
        return region

    def check_regions(self):
        """Assert the invariants of the regions (design/classes.md#.req.check)."""
        self._expect_alive()
        total = 0
        for head in (p.FIRST_BUSY, p.FIRST_IDLE):
            region, previous = self._word(head), 0
            while region:
                w = self._region_words(region)
                assert w[0] == p.REGION_SIG and w[p.REGION_POOL] == self.address, "it is ours"
                assert w[p.PREVIOUS_REGION] == previous, "a region names the one before it"
                assert w[p.IS_IDLE] == (head == p.FIRST_IDLE), "it is in the list that it says"
                base, limit = w[p.REGION_BASE], w[p.REGION_LIMIT]
                assert base % self.grains.grain == limit % self.grains.grain == 0, "whole grains"
                assert self.region_of(base) == self.region_of(limit - 1) == region, "pages name it"
                total += limit - base
                region, previous = w[p.NEXT_REGION], region
        assert total == self.total(), "total is the sum of the regions"
        assert 0 <= self.free_bytes() + self.slack() <= total, "what is free is part of it"

    def finish(self):
        """Give all memory back to the arena and invalidate the descriptor."""
        for region in self.regions():
            self.put_back(region)
        self.finish_pool()

    def described(self, what):
        """What the pool holds, as text, with the line `what` of its class."""
        n = mmu.at(self.space, self.address, p.REGIONS_HEAD)
        return (
            f"{self.class_name.removesuffix('Pool')} pool {self.serial} at {self.address:#x}\n"
            f"  extend by {self._word(p.REGION_BY)} bytes, align {self.align}, "
            f"spare {self.space.floats[n + p.REGION_SPARE]}, "
            f"{'high' if self._word(p.REGION_HIGH) else 'low'} end of the arena\n"
            f"{what}"
            f"  total {self.total()}, free {self.free_bytes()}, slack {self.slack()} bytes "
            f"in {len(self.regions())} regions, {len(self.regions(idle=True))} of them idle, "
            f"largest {self.largest()}\n"
        )
