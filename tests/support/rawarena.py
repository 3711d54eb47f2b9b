"""The raw checker of a whole arena: `audit(space, address)`.

Every grain of every chunk must be overhead, page table, a pool's, spare or
free, by all the structures that say so: tables, page entries, lands, pools,
descriptors of VMs, and the machine's own page states. Invariants are named
as A1 to A16, C1, C2, F1, M1 to M4.
"""

from support import layout as at
from support.raw import Raw, RawTree, inside, union, walk_freelist, walk_land, zones_of


class Pool:
    """What the raw words say of one pool."""

    def __init__(self, raw, address, expected):
        head = raw.read(at.POOL, address)
        self.address, self.serial, self.arena = address, head["serial"], head["arena"]
        assert head["sig"] == at.name(expected), f"an {expected} pool at {address:#x}"
        self.next, self.previous = head["next"], head["previous"]


class MFSPool(Pool):
    """An MFS pool: its extents, its units, free and used (M1 to M4)."""

    def __init__(self, raw, address):
        super().__init__(raw, address, "MFS")
        words = raw.read(at.MFS, address)
        unit = words["unit"]
        assert unit == max(8, words["client"] + 7 & -8), "the unit is the client's, rounded"
        self.extents, base, last = [], words["first"], 0
        while base:
            following, size = raw.words(base, 2)
            self.extents.append((base, base + size))
            base, last = following, base
        assert last == words["last"], "the last extent is the last of the list"
        slots = [
            slot
            for base, limit in self.extents
            for slot in range(base + at.EXTENT_HEADER, limit - unit + 1, unit)
        ]
        self.total = sum(limit - base - at.EXTENT_HEADER for base, limit in self.extents)
        assert words["total"] == self.total, "M1: total counts extents after their headers"
        free, cursor = set(), words["free_units"]
        while cursor:
            assert cursor not in free, "the list of free units has no circle"
            free.add(cursor)
            cursor = raw.word(cursor) ^ at.FREE_KEY
        assert free <= set(slots), "M3: a free unit is a slot of an extent"
        self.used = set(slots) - free
        self.unit, self.free = unit, words["free"]
        assert self.total - self.free == len(self.used) * unit, "M2, M4: free counts the rest"
        self.grains = {self.address: union(self.extents)}
        self.extent_of = {self.address: self._extent_of}
        self.size = at.MFS_BYTES
        self.totals = {self.serial: (self.total, self.free)}
        self.own = {self.address: self.serial}

    def _extent_of(self, address):
        """The base of the extent that holds `address`, or None."""
        return next((b for b, x in self.extents if b <= address < x), None)


class MVFFPool(Pool):
    """An MVFF pool: its lands, and the pool of their nodes (C1, C2, F1)."""

    def __init__(self, raw, address):
        super().__init__(raw, address, "MVFF")
        self.blocks = MFSPool(raw, address + at.MVFF["blocks"])
        total = walk_land(raw, address + at.MVFF["total"], "CBSF", self.blocks.address)
        primary = walk_land(raw, address + at.MVFF["primary"], "CBSF", self.blocks.address)
        self.secondary = walk_freelist(raw, address + at.MVFF["secondary"])
        nodes = [node for tree in (total, primary) for _, _, node in tree.nodes]
        assert len(set(nodes)) == len(nodes), "C1: a node is in one tree"
        assert set(nodes) == self.blocks.used, "C1: the used units are the nodes"
        self.spans = total.ranges
        self.free_ranges = union(primary.ranges + self.secondary)
        for base, limit in self.free_ranges:
            assert inside(self.spans, base, limit), "m1: what is free is the pool's"
        self.total = sum(limit - base for base, limit in self.spans)
        self.free = sum(limit - base for base, limit in self.free_ranges)
        self.size = at.MVFF_BYTES
        self.grains = {address: self.spans, **self.blocks.grains}
        self.extent_of = {address: None, **self.blocks.extent_of}
        self.totals = {self.serial: (self.total, self.free), **self.blocks.totals}
        self.own = {address: self.serial, **self.blocks.own}


POOLS = {at.name("MFS"): MFSPool, at.name("MVFF"): MVFFPool}


class Chunk:
    """What the raw words say of one chunk, and its grains by number."""

    def __init__(self, raw, address, arena, grain):
        self.__dict__.update(raw.read(at.CHUNK, address))
        self.raw, self.grain, self.address = raw, grain, address
        assert self.sig == at.name("CHNK") and self.arena == arena
        assert self.base == address and self.pages * grain == self.limit - address
        self.vm = raw.read(at.VM, address + at.CHUNK["vm"])
        sparse = raw.read(at.SPARSE, address + at.CHUNK["sparse"])
        assert sparse["base"] == self.page_table and sparse["element"] == at.ENTRY_BYTES
        assert sparse["length"] == self.pages and sparse["sig"] == at.name("SPRS")
        assert sparse["vm"] == address + at.CHUNK["vm"], "its pages are of the chunk's VM"
        self.allocated = raw.bits(self.alloc_table, self.pages)
        self.mapped = raw.bits(sparse["mapped"], self.pages)
        self.table_pages = raw.bits(sparse["pages"], sparse["count"])
        tables = sparse["pages"] + (sparse["count"] + 63) // 64 * 8
        assert tables <= self.overhead <= self.page_table, "the bit tables are overhead"
        size = self.pages * at.ENTRY_BYTES
        assert self.page_table + size <= self.at(self.alloc_base), "then comes the page table"
        assert not any(self.allocated[: self.alloc_base]), "A10: overhead is nobody's"

    def at(self, i):
        return self.base + i * self.grain

    def entry(self, i):
        """The pool and the base in the descriptor of page i."""
        pool, _, base = self.raw.words(self.page_table + i * at.ENTRY_BYTES, 3)
        return pool, base

    def ranges(self, flags):
        """The addresses of the grains whose flag is set, as ranges."""
        return union((self.at(i), self.at(i + 1)) for i, flag in enumerate(flags) if flag)

    def check_machine(self):
        """The machine maps what the tables say, and nothing else (A5, S1, S2)."""
        raw, mapped = self.raw, 0
        for i, flag in enumerate(self.table_pages):
            page = i * at.OS_PAGE
            first = page // at.ENTRY_BYTES
            last = min((page + at.OS_PAGE - 1) // at.ENTRY_BYTES + 1, self.pages)
            assert flag == any(self.mapped[first:last]), "a table page is mapped if it is used"
        expected = [(self.base, self.overhead)]
        expected += [
            (self.page_table + i * at.OS_PAGE, self.page_table + (i + 1) * at.OS_PAGE)
            for i, flag in enumerate(self.table_pages)
            if flag
        ]
        expected += self.ranges(self.mapped)
        cursor = self.base
        for base, limit in union(expected):
            assert raw.is_unmapped(cursor, base) or cursor == base, "what is free is unmapped"
            assert raw.is_mapped(base, limit), f"[{base:#x}, {limit:#x}) is mapped"
            cursor, mapped = limit, mapped + limit - base
        assert cursor == self.limit or raw.is_unmapped(cursor, self.limit)
        assert mapped == self.vm["mapped"], "the VM descriptor counts it"

    def check_entries(self, owners):
        """Page entries agree with the bits (A2); the owner of each page."""
        found = []
        for i in range(self.alloc_base, self.pages):
            table_page = i * at.ENTRY_BYTES // at.OS_PAGE
            if not self.mapped[i]:
                assert not self.allocated[i], f"page {i} is allocated and not mapped"
                found.append(None)
                continue
            assert self.table_pages[table_page]
            pool, base = self.entry(i)
            if self.allocated[i]:
                assert pool in owners, f"page {i} belongs to {pool:#x}, where is no pool"
                assert self.at(self.alloc_base) <= base <= self.at(i) and base % self.grain == 0
                extent = owners[pool]
                assert extent is None or extent(self.at(i)) == base, "M3: grains of one extent"
            else:
                assert pool == 0 and base == 0, f"page {i} is spare and still somebody's"
            found.append(pool or -1)
        return found


class Audit:
    """All of an arena, walked; `summary` says what was found."""

    def __init__(self, space, address):
        self.raw = raw = Raw(space)
        self.address = address
        self.head = raw.read(at.ARENA, address)
        assert self.head["sig"] == at.name("ARNA"), "an arena descriptor"
        self.grain, self.shift = self.head["grain"], self.head["zone_shift"]
        self.vm = raw.read(at.VM, address + at.ARENA["vm"])
        self.chunks = self._walk_chunks()
        self.free_blocks = MFSPool(raw, address + at.ARENA["free_blocks"])
        self.spare_blocks = MFSPool(raw, address + at.ARENA["spare_blocks"])
        self.control = MVFFPool(raw, address + at.ARENA["control"])
        self.clients = self._walk_pools()
        self.pools = [self.free_blocks, self.spare_blocks, self.control, *self.clients]
        self.free = self._own_land("free_land", "CBSZ", self.free_blocks, self.shift)
        self.spare = self._own_land("spare_land", "CBS", self.spare_blocks)
        self._check_chunks()
        self._check_pools()
        self._check_control()
        self._check_accounts()

    def _walk_chunks(self):
        tree = RawTree(self.raw, self.address + at.ARENA["root"], 32)
        assert all(base == node for base, _, node in tree.nodes), "a chunk is its own node"
        chunks = [Chunk(self.raw, node, self.address, self.grain) for _, _, node in tree.nodes]
        serials = [chunk.serial for chunk in chunks]
        assert len(set(serials)) == len(serials) and max(serials) < self.head["chunk_serial"]
        oldest = min(chunks, key=lambda chunk: chunk.serial)
        assert oldest.base == self.head["primary"], "A9: the oldest chunk is the primary"
        return chunks

    def _walk_pools(self):
        found, previous, address = [], 0, self.head["first_pool"]
        while address:
            pool = POOLS[self.raw.word(address)](self.raw, address)
            assert pool.previous == previous, "the list of pools goes both ways"
            found.append(pool)
            previous, address = address, pool.next
        assert previous == self.head["last_pool"], "and ends with the last"
        return found

    def _own_land(self, field, sig, blocks, shift=None):
        """The ranges of a land that hosts itself (A16, C1)."""
        tree = walk_land(
            self.raw, self.address + at.ARENA[field], sig, blocks.address, shift
        )
        assert {node for _, _, node in tree.nodes} == blocks.used, "C1: units are nodes"
        assert all(limit - base == self.grain for base, limit in blocks.extents)
        return tree.ranges

    def _check_chunks(self):
        """A1, A2, A3, A8: each page is allocated or free; spare is free."""
        owners = {owner: find for pool in self.pools for owner, find in pool.extent_of.items()}
        self.runs, self.pages_of, unallocated, spare = {}, {}, [], []
        for chunk in self.chunks:
            chunk.check_machine()
            found = chunk.check_entries(owners)
            self.runs[chunk.serial] = list(_runs(found, chunk.alloc_base))
            for i, owner in enumerate(found, chunk.alloc_base):
                self.pages_of.setdefault(owner, []).append((chunk.at(i), chunk.at(i + 1)))
            lowest = chunk.at(chunk.alloc_base)
            unallocated += chunk.ranges(
                i >= chunk.alloc_base and not bit for i, bit in enumerate(chunk.allocated)
            )
            spare += chunk.ranges(
                m and not a for m, a in zip(chunk.mapped, chunk.allocated)
            )
            assert not any(b < lowest < x for b, x in self.free), "A8: a range is in one chunk"
        assert unallocated == self.free, "A1: the free land is what is not allocated"
        assert spare == self.spare, "A3: the spare land is what is mapped and not allocated"

    def _check_pools(self):
        """Grains by page entries are grains by the pools' own books (C2)."""
        serials = [serial for pool in self.pools for serial in pool.own.values()]
        assert len(set(serials)) == len(serials) and max(serials) < self.head["pool_serial"]
        free_zones = self.head["free_zones"]
        for pool in self.pools:
            assert pool.arena == self.address, "a pool knows its arena"
            for owner, spans in pool.grains.items():
                pages = self.pages_of.get(owner, [])
                assert union(pages) == spans, f"the grains of the pool at {owner:#x}"
                if owner != self.free_blocks.address:
                    for base, limit in spans:
                        assert not free_zones & zones_of(base, limit, self.shift), "A11"

    def _check_control(self):
        """The control pool holds the descriptors of the clients, and what the
        arena itself has, and not a byte more."""
        expected = at.GLOBALS
        for pool in self.clients:
            base, limit = pool.address, pool.address + pool.size
            assert inside(self.control.spans, base, limit), "a descriptor is control memory"
            assert not any(b < limit and base < x for b, x in self.control.free_ranges)
            expected += pool.size
        self.extra = self.control.total - self.control.free - expected

    def _check_accounts(self):
        """A4, A5, A6 and the VM descriptors (V1, V3, V8)."""
        head, vms = self.head, [self.vm, *(chunk.vm for chunk in self.chunks)]
        for vm in vms:
            assert vm["sig"] == at.name("VM") and vm["page"] == at.OS_PAGE
            assert vm["block"] <= vm["base"] < vm["limit"] <= vm["block"] + vm["reserved"]
            assert vm["base"] % self.grain == 0 and vm["mapped"] <= vm["reserved"]
        assert self.vm["base"] == self.address and self.raw.is_mapped(
            self.vm["base"], self.vm["limit"]
        )
        for chunk in self.chunks:
            assert (chunk.vm["base"], chunk.vm["limit"]) == (chunk.base, chunk.limit)
            assert chunk.vm["reserved"] == chunk.reserved
        spare = sum(limit - base for base, limit in self.spare)
        assert head["spare_committed"] == spare, "A4"
        assert head["committed"] == sum(vm["mapped"] for vm in vms) + head["lost"], "A5"
        assert head["reserved"] == sum(vm["reserved"] for vm in vms), "A5"
        assert head["committed"] <= head["commit_limit"] or head["lost"], "A6"

    def is_spare_bounded(self):
        """A7: spare memory is no more than its fraction of the committed."""
        fraction = self.raw.double(self.address + at.ARENA["spare"])
        return self.head["spare_committed"] <= int(self.head["committed"] * fraction)

    @property
    def summary(self):
        """What was found, in grains and bytes, as a dict."""
        grain = self.grain
        names = {owner: serial for pool in self.pools for owner, serial in pool.own.items()}
        return {
            "overhead": sum((c.overhead - c.base) // grain for c in self.chunks),
            "table pages": sum(sum(c.table_pages) for c in self.chunks),
            "free": sum(x - b for b, x in self.free) // grain,
            "spare": sum(x - b for b, x in self.spare) // grain,
            "pools": {names[o]: len(p) for o, p in self.pages_of.items() if o in names},
            "totals": {s: t for pool in self.pools for s, t in pool.totals.items()},
            "runs": self.runs,
            "committed": self.head["committed"],
            "reserved": self.head["reserved"],
            "mapped": self.head["committed"] - self.head["lost"],
            "serials": [pool.serial for pool in self.clients],
        }


def _runs(owners, first):
    """(lo, hi, owner) for each run of pages of one owner; None is none."""
    lo = 0
    for i in range(1, len(owners) + 1):
        if i == len(owners) or owners[i] != owners[lo]:
            if owners[lo] is not None:
                yield first + lo, first + i, owners[lo]
            lo = i


def audit(space, address):
    """Walk and judge the arena at `address`. Returns the Audit."""
    return Audit(space, address)
