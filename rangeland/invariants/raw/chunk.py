"""Chunks in raw words: tables, page entries, and the machine's own page states.

Source: design/raw.md#.sol.chunk
"""

from rangeland.invariants.finding import Broken
from rangeland.invariants.raw import layout as at
from rangeland.invariants.raw.words import hold, union


class Chunk:
    """What the raw words say of one chunk, and its grains by number."""

    def __init__(self, raw, address, arena, grain):
        self.__dict__.update(raw.read(at.CHUNK, address))
        self.raw, self.grain, self.address = raw, grain, address
        ours = self.sig == at.name("CHNK") and self.arena == arena
        hold(ours, "chunks", f"no chunk of the arena lies at {address:#x}")
        whole = self.base == address and self.pages * grain == self.limit - address
        hold(whole, "chunks", f"{self} is not whole pages from its own base")
        self.vm = raw.read(at.VM, address + at.CHUNK["vm"])
        sparse = raw.read(at.SPARSE, address + at.CHUNK["sparse"])
        expected = {
            "sig": at.name("SPRS"),
            "base": self.page_table,
            "element": at.ENTRY_BYTES,
            "length": self.pages,
            "vm": address + at.CHUNK["vm"],
        }
        described = all(sparse[key] == value for key, value in expected.items())
        hold(described, "table-pages", f"the sparse array of {self} describes no page table of it")
        self.allocated = raw.bits(self.alloc_table, self.pages)
        self.mapped = raw.bits(sparse["mapped"], self.pages)
        self.table_pages = raw.bits(sparse["pages"], sparse["count"])
        tables = sparse["pages"] + (sparse["count"] + 63) // 64 * 8
        ends = self.page_table + self.pages * at.ENTRY_BYTES
        ordered = tables <= self.overhead <= self.page_table and ends <= self.at(self.alloc_base)
        hold(ordered, "partition", f"the tables of {self} do not end where its grains begin")
        taken = any(self.allocated[: self.alloc_base])
        hold(not taken, "partition", f"overhead of {self} is allocated")

    def __str__(self):
        return f"the chunk at {self.address:#x}"

    def at(self, i):
        """The address of page i."""
        return self.base + i * self.grain

    def entry(self, i):
        """The pool, the segment and the base in the descriptor of page i."""
        return self.raw.words(self.page_table + i * at.ENTRY_BYTES, 3)

    def ranges(self, flags):
        """The addresses of the grains whose flag is set, as ranges, of which none touch."""
        flags, found, limit = bytes(flags), [], 0
        while (base := flags.find(1, limit)) >= 0:
            limit = flags.find(0, base)
            limit = len(flags) if limit < 0 else limit
            found.append((self.at(base), self.at(limit)))
        return found

    def judge_machine(self):
        """The machine maps what the tables say, and nothing else (A5, S1, S2)."""
        for i, flag in enumerate(self.table_pages):
            page = i * at.OS_PAGE
            first = page // at.ENTRY_BYTES
            last = min((page + at.OS_PAGE - 1) // at.ENTRY_BYTES + 1, self.pages)
            used = any(self.mapped[first:last])
            hold(flag == used, "table-pages", f"page {i} of the table of {self}: in use {used}")
        expected = [(self.base, self.overhead)]
        expected += [
            (self.page_table + i * at.OS_PAGE, self.page_table + (i + 1) * at.OS_PAGE)
            for i, flag in enumerate(self.table_pages)
            if flag
        ]
        expected += self.ranges(self.mapped)
        cursor, mapped = self.base, 0
        for base, limit in [*union(expected), (self.limit, self.limit)]:
            free = cursor == base or self.raw.is_unmapped(cursor, base)
            hold(free, "committed-accounts", f"[{cursor:#x}, {base:#x}): mapped, and nobody's")
            there = base == limit or self.raw.is_mapped(base, limit)
            hold(there, "committed-accounts", f"[{base:#x}, {limit:#x}): in use, not mapped")
            cursor, mapped = limit, mapped + limit - base
        told = self.vm["mapped"]
        hold(told == mapped, "vm-descriptor", f"the VM of {self} maps {mapped} bytes, not {told}")

    def judge_entries(self, owners, segments):
        """Page entries agree with the bits (A2), and with the functions of
        `owners` and `segments`, {pool: of a page}. Returns the owners of the
        pages from the first to allocate on; -1 is spare, None is not mapped."""
        found = []
        for i in range(self.alloc_base, self.pages):
            if self.mapped[i]:
                found.append(self._owner(i, owners, segments))
            elif self.allocated[i]:
                raise Broken("owners", f"page {i} is allocated and not mapped")
            else:
                found.append(None)
        return found

    def _owner(self, i, owners, segments):
        # No `hold`: there are many pages, and what it would say costs more than to look.
        if not self.table_pages[i * at.ENTRY_BYTES // at.OS_PAGE]:
            told = f"page {i} of {self} is mapped, and its descriptor is not"
            raise Broken("table-pages", told)
        pool, segment, base = self.entry(i)
        if not self.allocated[i]:
            if pool or segment or base:
                raise Broken("owners", f"page {i} of {self} is spare and still somebody's")
            return -1
        if pool not in owners:
            raise Broken("owners", f"page {i} of {self} belongs to {pool:#x}, where is no pool")
        if not self.at(self.alloc_base) <= base <= self.at(i) or base % self.grain:
            raise Broken("owners", f"page {i} of {self} was got with grains at {base:#x}")
        extent = owners[pool]
        if extent is not None and extent(self.at(i)) != base:
            raise Broken("owners", f"page {i} of {self} lies in no extent at {base:#x}")
        expected = segments[pool](self.at(i)) if pool in segments else 0
        if segment != expected:
            told = f"page {i} of {self} names the segment {segment:#x}, not {expected:#x}"
            raise Broken("owners", told)
        return pool
