"""Arenas in raw words: `audit(space, address)` walks and judges a whole one.

Every grain of every chunk must be overhead, page table, a pool's, spare or
free, by all the structures that say so: tables, page entries, lands, pools,
descriptors of VMs, and the machine's own page states.
Source: design/raw.md#.sol.audit
"""

from itertools import groupby, pairwise

from rangeland.invariants.finding import Broken
from rangeland.invariants.raw import layout as at
from rangeland.invariants.raw.chunk import Chunk
from rangeland.invariants.raw.classes import read_pool
from rangeland.invariants.raw.pools import MFSPool, MVFFPool, judge_nodes
from rangeland.invariants.raw.walk import RawTree, walk_land
from rangeland.invariants.raw.words import Raw, hold, inside, total, union, zones_of
from vm.results import AccessError, ParamError


class Audit:
    """All of an arena, walked and judged; `summary` says what was found.

    `clients` are the pools of clients, `pages_of` the ranges of grains of each pool
    by its address, as page entries tell it (-1: spare, None: unmapped and free).
    """

    def __init__(self, space, address):
        self.raw = raw = Raw(space)
        self.address = address
        self.head = raw.read(at.ARENA, address)
        there = self.head["sig"] == at.name("ARNA")
        hold(there, "links", f"no arena descriptor lies at {address:#x}")
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
        self._judge_chunks()
        self._judge_pools()
        self._judge_control()
        self._judge_vms()
        self._judge_accounts()

    def _walk_chunks(self):
        tree = RawTree(self.raw, self.address + at.ARENA["root"], 32)
        for base, _, node in tree.nodes:
            hold(base == node, "chunks", f"the chunk at {node:#x} is not its own node")
        chunks = [Chunk(self.raw, node, self.address, self.grain) for _, _, node in tree.nodes]
        hold(chunks, "chunks", "the arena has no chunk")
        serials = {chunk.serial for chunk in chunks}
        fresh = len(serials) == len(chunks) and max(serials) < self.head["chunk_serial"]
        hold(fresh, "chunks", f"the chunks have the serial numbers {sorted(serials)}")
        oldest = min(chunks, key=lambda chunk: chunk.serial)
        primary = self.head["primary"]
        hold(oldest.base == primary, "chunks", f"the primary chunk, {primary:#x}, is the oldest")
        return chunks

    def _walk_pools(self):
        found, previous, address = [], 0, self.head["first_pool"]
        while address:
            pool = read_pool(self.raw, address)
            linked = pool.previous == previous
            hold(linked, "links", f"{pool} comes after {previous:#x}, and does not say so")
            found.append(pool)
            previous, address = address, pool.next
        last = self.head["last_pool"]
        hold(previous == last, "links", f"the last pool is {previous:#x}, not {last:#x}")
        return found

    def _own_land(self, field, sig, blocks, shift=None):
        """The ranges of a land that hosts itself (A16, C1)."""
        tree = walk_land(self.raw, self.address + at.ARENA[field], sig, blocks.address, shift)
        judge_nodes((tree,), blocks, "self-hosting")
        single = all(limit - base == self.grain for base, limit in blocks.extents)
        hold(single, "self-hosting", f"{blocks} gets its memory grain by grain")
        return tree.ranges

    def _judge_chunks(self):
        """A1, A2, A3, A8: each page is allocated or free; spare is free."""
        owners = {owner: find for pool in self.pools for owner, find in pool.extent_of.items()}
        segments = {owner: find for pool in self.pools for owner, find in pool.segment_of.items()}
        self.runs, self.pages_of, unallocated, spare = {}, {}, [], []
        for chunk in self.chunks:
            chunk.judge_machine()
            found = chunk.judge_entries(owners, segments)
            runs = list(_runs(found, chunk.alloc_base))
            self.runs[chunk.serial] = [run for run in runs if run[2] is not None]
            for lo, hi, owner in runs:
                self.pages_of.setdefault(owner, []).append((chunk.at(lo), chunk.at(hi)))
            lowest = chunk.at(chunk.alloc_base)
            grains = chunk.allocated[chunk.alloc_base :]
            unallocated += chunk.ranges([0] * chunk.alloc_base + [not bit for bit in grains])
            spare += chunk.ranges(m > a for m, a in zip(chunk.mapped, chunk.allocated))
            across = any(base < lowest < limit for base, limit in self.free)
            hold(not across, "one-chunk", f"a free range goes across the base of {chunk}")
        _same("partition", "the free land", self.free, unallocated)
        _same("spare-accounts", "the spare land", self.spare, spare)

    def _judge_pools(self):
        """Grains by page entries are grains by the pools' own books (C2)."""
        serials = [serial for pool in self.pools for serial in pool.own.values()]
        fresh = len(set(serials)) == len(serials) and max(serials) < self.head["pool_serial"]
        hold(fresh, "links", f"the pools have the serial numbers {sorted(serials)}")
        free_zones = self.head["free_zones"]
        for pool in self.pools:
            hold(pool.arena == self.address, "links", f"{pool} says it is of another arena")
            for owner, spans in pool.grains.items():
                pages = union(self.pages_of.get(owner, []))
                _same("partition", f"the memory of the pool at {owner:#x}", spans, pages)
                for base, limit in spans if owner != self.free_blocks.address else ():
                    used = not free_zones & zones_of(base, limit, self.shift)
                    hold(used, "zones", f"[{base:#x}, {limit:#x}) is {pool}'s, its zone still free")

    def _judge_control(self):
        """The control pool holds the descriptors of the clients, what else
        they have there, and what the arena itself has: `extra` is how many
        bytes more."""
        expected, taken = at.GLOBALS, []
        for pool in self.clients:
            for base, size in pool.control:
                where = f"[{base:#x}, {base + size:#x}), of {pool},"
                within = inside(self.control.spans, base, base + size)
                hold(within, "control-accounts", f"{where} is no control memory")
                taken.append((base, base + size))
                expected += size
        free = self.control.free_ranges
        for (base, limit), (above, _) in pairwise(sorted(taken + free)):
            told = f"[{base:#x}, {limit:#x}) of control memory is free, or taken twice"
            hold(limit <= above, "control-accounts", told)
        self.extra = self.control.total - self.control.free - expected
        hold(self.extra >= 0, "control-accounts", f"the control pool lacks {-self.extra} bytes")

    def _judge_vms(self):
        """The VM descriptors (V1, V2, V3, V7)."""
        for vm in (self.vm, *(chunk.vm for chunk in self.chunks)):
            where = f"the VM descriptor of [{vm['base']:#x}, {vm['limit']:#x})"
            signed = vm["sig"] == at.name("VM") and vm["page"] == at.OS_PAGE
            hold(signed, "vm-descriptor", f"{where} is none")
            block = vm["block"]
            within = block <= vm["base"] < vm["limit"] <= block + vm["reserved"]
            hold(within, "vm-descriptor", f"{where} lies beside what it reserved")
            whole = vm["base"] % self.grain == 0 and 0 <= vm["mapped"] <= vm["reserved"]
            hold(whole, "vm-descriptor", f"{where} maps {vm['mapped']} of {vm['reserved']} bytes")
        base, limit = self.vm["base"], self.vm["limit"]
        own = base == self.address and self.raw.is_mapped(base, limit)
        hold(own, "committed-accounts", f"the arena is not mapped at {base:#x}")
        for chunk in self.chunks:
            same = (chunk.vm["base"], chunk.vm["limit"]) == (chunk.base, chunk.limit)
            same = same and chunk.vm["reserved"] == chunk.reserved
            hold(same, "vm-descriptor", f"the VM descriptor of {chunk} is of other addresses")

    def _judge_accounts(self):
        """A4, A5, A6, V8."""
        head, vms = self.head, [self.vm, *(chunk.vm for chunk in self.chunks)]
        for name, found, expected in (
            ("spare-accounts", head["spare_committed"], total(self.spare)),
            ("committed-accounts", head["committed"], sum(v["mapped"] for v in vms) + head["lost"]),
            ("reserved-accounts", head["reserved"], sum(vm["reserved"] for vm in vms)),
        ):
            hold(found == expected, name, f"{found} bytes are counted, expected {expected}")
        within = head["committed"] <= head["commit_limit"] or head["lost"]
        hold(within, "commit-limit", f"{head['committed']} bytes, above {head['commit_limit']}")

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
            "free": total(self.free) // grain,
            "spare": total(self.spare) // grain,
            "pools": {names[o]: total(p) // grain for o, p in self.pages_of.items() if o in names},
            "totals": {s: t for pool in self.pools for s, t in pool.totals.items()},
            "runs": self.runs,
            "committed": self.head["committed"],
            "reserved": self.head["reserved"],
            "mapped": self.head["committed"] - self.head["lost"],
            "serials": [pool.serial for pool in self.clients],
        }


def _same(invariant, what, found, expected):
    """Judge that two lists of ranges are the same."""
    if found != expected:
        strays = sorted(set(found) ^ set(expected)) or [(0, 0)]
        base, limit = strays[0]
        raise Broken(invariant, f"{what} and the page tables differ at [{base:#x}, {limit:#x})")


def _runs(owners, first):
    """(lo, hi, owner) for each run of pages of one owner, or of none: None."""
    for owner, pages in groupby(owners):
        lo, first = first, first + sum(1 for _ in pages)
        yield lo, first, owner


def audit(space, address):
    """Walk and judge the arena at `address` in `space`: an Audit.

    Only the space is asked, for its bytes and for which pages are mapped.
    Raises: Broken, which names the invariant.
    Cost: O(pages + ranges + units).
    """
    try:
        return Audit(space, address)
    except (AccessError, ParamError, ZeroDivisionError, OverflowError) as error:
        # A wrong word led the walk astray.
        raise Broken("links", f"the arena at {address:#x} cannot be walked: {error}") from None
