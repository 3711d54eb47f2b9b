"""Trials of our pool classes over regions: Buddy, SegFit and Slab.

What they predict is made from results and from who owns the grains of the
arena, and from nothing that the pool itself says but how much it has.
Source: design/invariants.md#.sol.regional
"""

from pools.buddy import Buddy
from pools.segfit import SegFit
from pools.slab import Slab
from rangeland.invariants.allocator import AllocatorTrial
from rangeland.invariants.finding import Broken
from rangeland.invariants.rounding import rounding_of

SPARES = (0, 0.25, 0.5, 0.75, 0.75, 1)
BYTES = (1, 4096, 16384, 65536, 65536)


class RegionTrial(AllocatorTrial):
    """A trial of a pool over regions, of drawn keywords; `begin` has, after the
    options of the arena, a value for each of the `names`.

    `regions` are those that the pool is known to have, {base: limit}: what it
    owned more after an allocation was one.
    """

    also = ("placement", "give-back")
    names = ()

    def do_begin(self, *options):
        """Make the pool with these keywords, or its own defaults."""
        if self.pool is not None:
            return False
        self.keywords = dict(zip(self.names, options[3:]))
        return super().do_begin(*options[:3])

    def _see_what_it_offers(self, options):
        super()._see_what_it_offers(options)
        self.rounded = rounding_of(self.pool)
        self.regions, self.total = {}, 0
        # After a cycle nobody knows which grains were got together.
        self.is_known = True

    def _owned(self):
        """The ranges of grains that the arena says are the pool's, ascending."""
        owned = []
        for chunk in sorted(self.arena.chunks, key=lambda chunk: chunk.base):
            for lo, hi, owner in chunk.runs():
                if owner == self.pool.address:
                    owned.append((chunk.address_of(lo), chunk.address_of(hi)))
        return owned

    def _note(self):
        """See whether the pool has got a region, or given some back."""
        if self.pool.total_size == self.total:
            return
        self.total = self.pool.total_size
        owned = self._owned()
        for base, limit in list(self.regions.items()):
            if not any(low < limit and base < high for low, high in owned):
                del self.regions[base]
        for low, high in owned:
            at = low
            for base, limit in sorted(self.regions.items()):
                if low <= base < high:
                    self._add_region(at, base)
                    at = limit
            self._add_region(at, high)

    def _add_region(self, base, limit):
        if base < limit:
            self.regions[base] = limit

    def expect_predicted(self, address, expected, name):
        """Raises: Broken if a block lies elsewhere than predicted."""
        super().expect_predicted(address, expected, name)
        self._note()

    def _settle(self, number, address, size, name):
        super()._settle(number, address, size, name)
        self._note()

    def do_cycle(self, size, times):
        """As it is for all; what regions there are then, nobody knows."""
        self.is_known = False
        return super().do_cycle(size, times)

    def _taken(self, base, limit):
        """What blocks take of [base, limit): a list of (base, limit), ascending."""
        return [
            self._extent(block) for block in self.blocks.ascending() if base <= block.address < limit
        ]

    def _extent(self, block):
        """All that a block takes."""
        return block.address, block.address + self.rounded(block.size)

    def do_free(self, number):
        """As it is for all; then, what the pool keeps is judged."""
        if number not in self.blocks:
            return False
        self.before = self.pool.total_size
        return super().do_free(number)

    def freed_block(self, block):
        """Nothing goes back that is not too much, and no region that is free
        is kept while more than the fraction `spare` is."""
        self._note()
        total, free = self.pool.total_size, self.pool.free_size
        limit = int(self.keywords.get("spare", 0.75) * total)
        gone = self.before - total
        alone = self._is_alone(block)
        if gone and not alone and free + gone <= int(self.keywords.get("spare", 0.75) * self.before):
            raise Broken(
                "give-back",
                f"{gone} bytes go back, though {free + gone} free bytes of {self.before} are not "
                f"too much",
                f"assert pool.total_size == {self.before}",
            )
        if self.is_known and free > limit:
            for base, end in self.regions.items():
                if not self._taken(base, end):
                    raise Broken(
                        "give-back",
                        f"[{base:#x}, {end:#x}) is free and stays, though {free} bytes of {total} "
                        f"are free, more than {limit}",
                        f"assert pool.free_size <= {limit}",
                    )

    def _is_alone(self, block):
        """True if a block has grains of its own, which always go back."""
        return False


class BuddyTrial(RegionTrial):
    """A trial of a Buddy pool: blocks lie at multiples of their size, and a
    block that needs no more memory does not get more."""

    names = ("extend_by", "min_size", "spare", "arena_high")

    @staticmethod
    def drawn(rng):
        """The keywords of the pool."""
        return (
            rng.choice(BYTES),
            rng.choice((16, 16, 32, 256, 4096)),
            rng.choice(SPARES),
            rng.random() < 0.5,
        )

    def free_blocks(self):
        """The free blocks that there must be, {base: size}: the halves of each
        region, and of these, and so on, that are free and no buddy of a free one."""
        found = {}
        for base, limit in self.regions.items():
            self._halve(base, limit - base, self._taken(base, limit), found)
        return found

    def _halve(self, base, size, taken, found):
        inside = [span for span in taken if span[0] < base + size and base < span[1]]
        if not inside:
            found[base] = size
        elif inside != [(base, base + size)]:
            self._halve(base, size // 2, inside, found)
            self._halve(base + size // 2, size // 2, inside, found)

    def do_alloc(self, number, size):
        """As it is for all; and of the least free block that holds it, the low end."""
        before = self.free_blocks() if self.pool and self.is_known else {}
        total = self.total
        done = super().do_alloc(number, size)
        if done and number in self.blocks and self.is_known:
            self._expect_split(number, before, total)
        return done

    def _expect_split(self, number, before, total):
        name, address = self.script.names[number], self.blocks[number].address
        size = self.rounded(self.blocks[number].size)
        if address % size:
            raise Broken(
                "alignment",
                f"a block of {size} bytes lies at {address:#x}: expected a multiple of it",
                f"assert {name} % {size} == 0",
            )
        fitting = [free for free in before.values() if free >= size]
        if fitting and self.total != total:
            told = f"the pool got memory for {size} bytes, though {min(fitting)} are free as one"
            raise Broken("placement", told, f"assert pool.total_size == {total}")
        if fitting and before.get(address) != min(fitting):
            told = f"a block of {size} bytes lies at {address:#x}, where is none of {min(fitting)}"
            bases = [base for base, free in before.items() if free == min(fitting)]
            raise Broken("placement", told, f"assert {name} in {bases}")

    def check(self):
        """As it is for all; and buddies that are free have been made one."""
        super().check()
        if self.pool is not None and self.is_known:
            largest = max(self.free_blocks().values(), default=0)
            if self.pool.largest_free != largest:
                raise Broken(
                    "placement",
                    f"the largest free block has {self.pool.largest_free} bytes, expected {largest}",
                    f"assert pool.largest_free == {largest}",
                )


class SegFitTrial(RegionTrial):
    """A trial of a SegFit pool: a block lies at the low end of a smallest free
    chunk that holds it."""

    names = ("extend_by", "direct_above", "spare", "arena_high")

    @staticmethod
    def drawn(rng):
        """The keywords of the pool."""
        return (
            rng.choice(BYTES),
            rng.choice((0, 500, 5000, 1 << 18, 1 << 18)),
            rng.choice(SPARES),
            rng.random() < 0.5,
        )

    def _see_what_it_offers(self, options):
        super()._see_what_it_offers(options)
        # What rest of a chunk was too small for one: {block: bytes}.
        self.rests = {}

    def _is_alone(self, block):
        return block.size > self.pool.direct_above

    def _extent(self, block):
        if self._is_alone(block):
            return super()._extent(block)
        begin = block.address - 8
        return begin, begin + self.rounded(block.size) + self.rests.get(block.number, 0)

    def _chunks(self):
        """The free chunks that there must be: a list of (base, limit)."""
        found = []
        for base, limit in self.regions.items():
            at = base + 8
            for begin, end in [*self._taken(base, limit), (limit - 8, limit)]:
                if at < begin:
                    found.append((at, begin))
                at = end
        return found

    def do_alloc(self, number, size):
        """As it is for all; and the chunk that it was cut of is a smallest one."""
        before = self._chunks() if self.pool and self.is_known else []
        done = super().do_alloc(number, size)
        if done and number in self.blocks and self.is_known and not self._is_alone(self.blocks[number]):
            self._expect_best(number, before)
        return done

    def do_aligned(self, number, align, size):
        """As it is for all; what rest there is may be in no chunk."""
        done = super().do_aligned(number, align, size)
        if done and number in self.blocks:
            self.is_known = False
        return done

    def _expect_best(self, number, before):
        need, address = self.rounded(self.blocks[number].size), self.blocks[number].address
        name = self.script.names[number]
        fitting = [(x - b, b) for b, x in before if x - b >= need]
        least = min(fitting)[0] if fitting else None
        bases = [b + 8 for size, b in fitting if size == least]
        if fitting and address not in bases:
            told = f"a chunk of {need} bytes lies at {address - 8:#x}, which is none of the smallest"
            raise Broken("placement", f"{told}, of {least} bytes", f"assert {name} in {bases}")
        chunk = next((x - b for b, x in self._around(address - 8)), need)
        if 0 < chunk - need < 32:
            self.rests[number] = chunk - need

    def _around(self, begin):
        """The chunk that begins at `begin`, if the block there were not."""
        live = [self._extent(block)[0] for block in self.blocks.ascending()]
        for base, limit in self.regions.items():
            if base <= begin < limit:
                yield begin, min([at for at in live if at > begin and at < limit] + [limit - 8])

    def do_free(self, number):
        """As it is for all; the rest goes with the block."""
        done = super().do_free(number)
        self.rests.pop(number, None)
        return done


class SlabTrial(RegionTrial):
    """A trial of a Slab pool: a block is the lowest unit of its class that is
    known to be free."""

    names = ("align", "spare", "arena_high")

    @staticmethod
    def drawn(rng):
        """The keywords of the pool."""
        return rng.choice((8, 16, 16, 64, 256)), rng.choice(SPARES), rng.random() < 0.5

    def _see_what_it_offers(self, options):
        super()._see_what_it_offers(options)
        # The unit of each slab, {base: bytes}, as its first block told.
        self.units = {}

    def _note(self):
        super()._note()
        self.units = {base: unit for base, unit in self.units.items() if base in self.regions}

    def predict(self, size):
        """The lowest free unit of the class of `size`, if a slab has one."""
        unit = self.rounded(size)
        if not self.is_known or unit >= 4 * self.arena.grain_size:
            return None
        for base, known in sorted(self.units.items()):
            if known == unit:
                taken = {begin for begin, _ in self._taken(base, self.regions[base])}
                for at in range(base, self.regions[base], unit):
                    if at not in taken:
                        return at
        return None

    def _is_alone(self, block):
        return self.rounded(block.size) >= 4 * self.arena.grain_size

    def _settle(self, number, address, size, name):
        super()._settle(number, address, size, name)
        base = max((base for base in self.regions if base <= address), default=None)
        unit = self.rounded(size)
        if base is None or not self.is_known or self._is_alone(self.blocks[number]):
            return
        if self.units.setdefault(base, unit) != unit or (address - base) % unit:
            told = f"a block of {size} bytes is no unit of the slab of {self.units[base]} at {base:#x}"
            raise Broken("placement", told)


TRIALS = ((Buddy, BuddyTrial), (SegFit, SegFitTrial), (Slab, SlabTrial))
