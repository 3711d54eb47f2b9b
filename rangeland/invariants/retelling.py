"""A retelling: accounts made of events, and of nothing else.

It keeps a dict with an entry for each page: as naive as can be, and sharing
nothing with what writes the events or draws reports of them.
Source: design/stress.md#.sol.retelling
"""

from dataclasses import dataclass, field

PAGE = 4096


@dataclass
class Told:
    """What a log tells of one arena. Of its MVT pools: `segments` and `points`,
    {address: (pool, base, limit)}, and `keywords`, {pool: what it was made with}."""

    reserved: int
    mapped: int
    spare: int
    fraction: float | None
    control: int
    vms: dict
    owned: dict
    pools: dict
    segments: dict
    points: dict
    keywords: dict


@dataclass
class VM:
    """A VM that a log tells of: its addresses, and what it has of them."""

    base: int
    limit: int
    reserved: int = 0
    pages: set = field(default_factory=set)


class Retelling:
    """What is reserved, mapped and allocated, after the events taken so far,
    and in `troubles` what these tell that cannot be."""

    def __init__(self):
        self.vms = {}
        self.owner = {}
        self.grains = {}
        self.control = {}
        self.fractions = {}
        self.pools = {}
        self.open_steps = []
        self.troubles = []
        self.chunks = {}
        self.segments = {}
        self.points = {}
        self.keywords = {}

    def take(self, name, params):
        """Enter one event."""
        enter = getattr(self, "_" + name, None)
        if enter is not None:
            enter(**params)

    # Events, by their names

    def _StepEnter(self, step, subject, size):
        self.open_steps.append(step)

    def _StepLeave(self, step, res):
        if not self.open_steps or self.open_steps.pop() != step:
            self.troubles.append(f"{step} ended, and was not open")

    def _VMInit(self, vm, base, limit):
        self.vms[vm] = VM(base, limit)

    def _VMReserve(self, vm, block, reserved):
        self.vms[vm].reserved = reserved

    def _VMCopy(self, source, target):
        # Two descriptors of one VM, until it is finished by either.
        self.vms[target] = self.vms[source]

    def _VMFinish(self, vm):
        gone = self.vms[vm]
        self.vms = {at: held for at, held in self.vms.items() if held is not gone}
        self.chunks = {at: c for at, c in self.chunks.items() if not gone.base <= at < gone.limit}

    def _VMMap(self, vm, base, limit):
        self.vms[vm].pages.update(range(base, limit, PAGE))

    def _VMUnmap(self, vm, base, limit):
        self.vms[vm].pages.difference_update(range(base, limit, PAGE))

    def _ChunkInit(self, arena, chunk, serial, base, size, allocBase, reserved):
        self.chunks[base] = arena, allocBase

    def _ArenaCreateVM(self, arena, grainSize, **_):
        self.grains[arena] = grainSize

    def _ArenaAlloc(self, arena, baseTract, base, size, pool):
        self._give(base, base + size, pool)

    def _PageAlloc(self, arena, base, size, pool):
        self._give(base, base + size, pool)

    def _PoolExtend(self, pool, base, limit):
        self._give(base, limit, pool)

    def _give(self, base, limit, pool):
        for page in range(base, limit, PAGE):
            self.owner[page] = pool

    def _ArenaFree(self, arena, base, size, pool):
        for page in range(base, base + size, PAGE):
            # A grain kept for nodes belongs to another pool by now.
            if self.owner.get(page) == pool:
                del self.owner[page]

    _PageFree = _ArenaFree

    def _ControlAlloc(self, arena, base, size, res):
        if not res:
            self.control.setdefault(arena, {})[base] = size

    def _ControlFree(self, arena, base, size):
        del self.control[arena][base]

    def _PoolInit(self, pool, arena, poolClass, serial):
        self.pools[pool] = arena, serial

    def _PoolFinish(self, pool, arena):
        del self.pools[pool]
        self.keywords.pop(pool, None)

    def _PoolInitMVT(self, pool, **keywords):
        self.keywords[pool] = tuple(keywords.values())

    def _SegAlloc(self, arena, seg, base, size, pool):
        self.segments[seg] = pool, base, base + size

    def _SegFree(self, arena, seg):
        del self.segments[seg]

    def _BufferInit(self, buffer, pool, isMutator):
        self.points[buffer] = pool, 0, 0

    def _BufferFill(self, buffer, size, base, filled):
        pool, _, limit = self.points[buffer]
        if limit or filled < size:
            self.troubles.append(f"{buffer:#x} filled by {filled} for {size}, limit {limit:#x}")
        self.points[buffer] = pool, base, base + filled

    def _BufferEmpty(self, buffer, spare):
        pool, base, limit = self.points[buffer]
        if spare > limit - base:
            self.troubles.append(f"{buffer:#x} left {spare} of {limit - base} bytes")
        self.points[buffer] = pool, 0, 0

    def _BufferFinish(self, buffer):
        if self.points.pop(buffer)[2]:
            self.troubles.append(f"{buffer:#x} ended with memory")

    def _ArenaSetSpare(self, arena, spare):
        self.fractions[arena] = spare

    def _ArenaDestroy(self, arena):
        self.fractions.pop(arena, None)
        self.control.pop(arena, None)

    # The accounts

    @property
    def held(self):
        """The VMs that there are: a list."""
        return list({id(vm): vm for vm in self.vms.values()}.values())

    @property
    def reserved(self):
        """The bytes that count as reserved, in all arenas."""
        return sum(vm.reserved for vm in self.held)

    @property
    def mapped(self):
        """The bytes that are mapped, in all arenas."""
        return sum(len(vm.pages) for vm in self.held) * PAGE

    def arena(self, address):
        """What is told of the arena whose descriptor is at `address`."""
        mine = [
            vm
            for vm in self.held
            if vm.base == address or self.chunks.get(vm.base, (None,))[0] == address
        ]
        owned, spare = {}, 0
        for vm in mine:
            first = self._first_page(vm)
            for page in vm.pages:
                pool = self.owner.get(page)
                if pool is not None:
                    owned[pool] = owned.get(pool, 0) + PAGE
                elif page >= first:
                    spare += PAGE
        return Told(
            reserved=sum(vm.reserved for vm in mine),
            mapped=sum(len(vm.pages) for vm in mine) * PAGE,
            spare=spare,
            fraction=self.fractions.get(address),
            control=sum(-(-size // 8) * 8 for size in self.control.get(address, {}).values()),
            vms={(vm.base, vm.limit): len(vm.pages) * PAGE for vm in mine},
            owned=owned,
            pools={at: serial for at, (arena, serial) in self.pools.items() if arena == address},
            segments=self._of(address, self.segments),
            points=self._of(address, self.points),
            keywords={
                pool: told for pool, told in self.keywords.items() if self._is_of(address, pool)
            },
        )

    def _is_of(self, address, pool):
        return self.pools.get(pool, (None,))[0] == address

    def _of(self, address, told):
        """What is told of the pools of the arena at `address`."""
        return {at: words for at, words in told.items() if self._is_of(address, words[0])}

    def _first_page(self, vm):
        """The first address of a VM that can be allocated; its limit, if none."""
        if vm.base not in self.chunks:
            return vm.limit
        arena, first = self.chunks[vm.base]
        return vm.base + first * self.grains[arena]
