"""The ledger: which memory is whose, and the accounts, from events alone.

Source: design/telemetry.md#.sol.ledger
"""

from arena import fields as a
from land import fields as lf
from pools import fields as p
from rangeland.reports.facts import handler
from rangeland.reports.spans import Spans
from vm import fields as f
from vm.results import ParamError


# What control memory is for that a step asks for, if it is not the step's name.
DESCRIPTORS = {"first pool": "descriptor of the first pool"}


class Held:
    """A reservation: its addresses, and the bytes that count as reserved."""

    def __init__(self, base, limit):
        self.base = base
        self.limit = limit
        self.reserved = limit - base


class Ledger:
    """What is reserved, mapped and allocated after the facts taken so far.

    `names` are the Names of the facts. Events without effect on memory are
    taken and ignored.
    """

    def __init__(self, names):
        self.names = names
        self._vms = {}
        self._mapped = Spans()
        self._owned = Spans()
        self._blocks = {}
        self._settled = {}

    def take(self, fact):
        """Enter one fact."""
        enter = handler(self, fact.name)
        if enter is not None:
            enter(fact.params, fact)

    def _vm_init(self, e, _):
        self._vms[e["vm"]] = Held(e["base"], e["limit"])

    def _vm_reserve(self, e, _):
        self._held(e["vm"]).reserved = e["reserved"]

    def _vm_copy(self, e, _):
        self._vms[e["target"]] = self._held(e["source"])
        self._settled[e["target"]] = (f.VM_SIZE, "VM descriptor")

    def _vm_finish(self, e, _):
        gone = self._held(e["vm"])
        self._vms = {at: held for at, held in self._vms.items() if held is not gone}

    def _held(self, at):
        if at not in self._vms:
            raise ParamError(f"the log does not tell what the VM descriptor at {at:#x} describes")
        return self._vms[at]

    def _vm_map(self, e, _):
        self._mapped.paint(e["base"], e["limit"], True)

    def _vm_unmap(self, e, _):
        self._mapped.paint(e["base"], e["limit"], None)

    def _arena_alloc(self, e, _):
        self._owned.paint(e["base"], e["base"] + e["size"], e["pool"])

    _page_alloc = _arena_alloc

    def _pool_extend(self, e, _):
        self._owned.paint(e["base"], e["limit"], e["pool"])

    def _arena_free(self, e, _):
        # A grain kept for nodes belongs to another pool by now.
        for low, high, owner in list(self._owned.within(e["base"], e["base"] + e["size"])):
            if owner == e["pool"]:
                self._owned.paint(low, high, None)

    _page_free = _arena_free

    def _control_alloc(self, e, fact):
        if not e["res"]:
            what = [step for step in fact.path if step != "control"][-1:] or ["block"]
            self._blocks[e["base"]] = (e["size"], DESCRIPTORS.get(what[0], what[0]))

    def _control_free(self, e, _):
        self._blocks.pop(e["base"], None)

    def _pool_init_mfs(self, e, _):
        self._settled[e["pool"]] = (p.MFS_SIZE, self.names.pool(e["pool"]))

    def _pool_init_mvff(self, e, _):
        self._settled[e["pool"]] = (p.FIT_SIZE, self.names.pool(e["pool"]))

    def _land_init(self, e, _):
        if e["owner"] not in self.names.pools:
            self._settled[e["land"]] = (lf.CBS_SIZE, self.names.land(e["land"]))

    def _gen_init(self, e, _):
        self._settled[e["gen"]] = (a.GEN_SIZE, f"generation {e['serial']}")

    # The accounts

    @property
    def held(self):
        """The reservations: a list, in the order of their making."""
        return list({id(held): held for held in self._vms.values()}.values())

    @property
    def reserved(self):
        """The bytes that count as reserved."""
        return sum(held.reserved for held in self.held)

    @property
    def committed(self):
        """The bytes that are mapped."""
        return self._mapped.size()

    # The map

    def runs(self):
        """What every address is, as of now: a list of dicts, each a run of
        one kind, region by region in the order of their making.

        The kinds: arena descriptor, overhead, page table, pool, spare, free.
        """
        found = []
        for held in self.held:
            region = self.names.region(held.base)
            if not region.is_chunk:
                found += self._plain(region, region.base, region.limit, "arena descriptor")
                continue
            table = region.page_table or (region.limit, region.limit)
            found += self._plain(region, region.base, table[0], "overhead")
            found += self._plain(region, *table, "page table")
            found += self._pages(region, table[1])
        return found

    def _plain(self, region, base, limit, kind):
        """The runs of [base, limit), which no pool owns."""
        if kind == "overhead":
            parts = {base: (size, what) for base, size, what in region.parts}
        else:
            parts = {} if kind == "page table" else self._settled
        for low, high, mapped in self._mapped.within(base, limit):
            yield self._run(region, low, high, kind, bool(mapped), parts)

    def _pages(self, region, base):
        """The runs of the pages that can be allocated, from `base` on."""
        for low, high, owner in self._owned.within(base, region.limit):
            for start, end, mapped in self._mapped.within(low, high):
                kind = "pool" if owner else ("spare" if mapped else "free")
                yield self._run(region, start, end, kind, bool(mapped), self._blocks, owner)

    def _run(self, region, base, limit, kind, mapped, parts, owner=None):
        pages = list(self.names.page_numbers(base, limit)) if region.is_chunk else None
        return {
            "region": region.word,
            "chunk": region.serial,
            "kind": kind,
            "owner": self.names.pool(owner) if owner else None,
            "owner_address": owner,
            "mapped": mapped,
            "base": base,
            "limit": limit,
            "size": limit - base,
            "offset": base - region.base,
            "pages": pages,
            "parts": [
                {"base": at, "offset": at - region.base, "size": size, "what": what}
                for at, size, what in _outermost(parts)
                if base <= at < limit
            ],
        }


def _outermost(parts):
    """The parts that lie in no other part: (base, size, what), ascending."""
    end = 0
    for base, (size, what) in sorted(parts.items()):
        if base >= end:
            end = base + size
            yield base, size, what


def accounts(ledger):
    """What is reserved, committed and spare, in bytes, and what makes up what
    is committed: the runs that are mapped, summed by kind and owner."""
    by = {}
    for run in ledger.runs():
        if run["mapped"]:
            what = run["owner"] or run["kind"]
            by[what] = by.get(what, 0) + run["size"]
    return {
        "reserved": ledger.reserved,
        "committed": ledger.committed,
        "spare_committed": by.get("spare", 0),
        "reserved_by": [
            {"what": ledger.names.region(held.base).word, "bytes": held.reserved}
            for held in ledger.held
        ],
        "committed_by": [{"what": what, "bytes": size} for what, size in by.items()],
    }
