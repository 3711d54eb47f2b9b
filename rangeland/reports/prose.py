"""Prose: one event in plain words.

Each sentence says what is done, how much, where, and for whom; what is not in
the event comes from the other events of the log, by way of the Names.
"""

from arena import fields as a
from pools import fields as p
from rangeland.reports.facts import handler
from rangeland.reports.headings import heading
from rangeland.reports.names import many, measure, opening
from vm import fields as f
from vm import results as r
from vm.results import NAMES

# What each boot allocation is good for.
BOOTED = {
    "chunk descriptor": "what the arena remembers of the chunk as a whole",
    "allocation table": "a bit for each page: is it allocated?",
    "table of descriptors in use": "a bit for each page: is its page descriptor in use?",
    "table of page table pages": "a bit for each 4 KiB of the page table: is it mapped?",
    "page table": "a descriptor of 24 bytes for each page: whose is it? Most pages are free and "
    "need none: so these addresses are left unmapped, and mapped piece by piece",
}


class Prose:
    """Tells facts in sentences; `names` are the Names of all of them."""

    def __init__(self, names):
        self.names = names

    def sentence(self, facts):
        """What happened in `facts`, a list of those that are one deed."""
        first = facts[0]
        if first.name != "StepEnter":
            merged = {name: value for fact in facts for name, value in fact.params.items()}
            return self._told(merged, first)
        deeds = [fact for fact in facts if fact.name in ("ControlAlloc", "ControlFree")]
        told = [self._told(fact.params, fact) for fact in deeds]
        if not told or first.params["step"] not in ("control", "control free"):
            told.insert(0, heading(first, self.names))
        return " ".join(told)

    def _told(self, params, fact):
        tell = handler(self, fact.name)
        if tell is None:
            pairs = (f"{name}={value}" for name, value in params.items())
            return f"{fact.name}: {', '.join(pairs)}."
        text = tell(params, fact)
        if "string" in params and fact.name != "Intern":
            text += f" It is labelled \"{params['string']}\"."
        return text

    def _range(self, e):
        """How much the event is about, and where."""
        limit = e.get("limit", e["base"] + e.get("size", 0))
        return f"{measure(limit - e['base'])} at {self.names.span(e['base'], limit)}"

    def _pool(self, e):
        """Whom the event is about."""
        return self.names.pool(e["pool"])

    def _settled(self, e):
        """Where a pool's descriptor is, and which pool it is of."""
        number = ""
        if "serial" in e:
            number = f" ({e['poolClass'].removesuffix('Pool')}, pool number {e['serial']})"
        return f"{self.names.where(e['pool'])}: {self._pool(e)}{number}"

    def _arena_options(self, e, fact):
        limit = "no limit on"
        if e["commitLimit"] != a.NO_LIMIT:
            limit = f"at most {measure(e['commitLimit'])} of"
        zoned = "kinds of memory kept apart in zones" if e["zoned"] else "no zones"
        return (
            f"Asked for: an arena that begins with {measure(e['size'])} of addresses, given out in "
            f"grains of {measure(e['grainSize'])}; {zoned}; {limit} committed memory, of which "
            f"{e['spare']:.0%} may be spare."
        )

    def _vm_init(self, e, fact):
        size = e["limit"] - e["base"]
        text = f"Reserve {measure(size)} of addresses, [{e['base']:#x}, {e['limit']:#x})."
        if e.get("reserved", size) != size:
            text += f" To align them, {measure(e['reserved'])} are set aside, and counted."
        place = "on the stack" if self.names.region(e["vm"]) is None else "in memory"
        return (
            f"{text} Nothing is mapped there yet. The VM descriptor, which says so, lies "
            f"{place}, at {e['vm']:#x}."
        )

    def _vm_map(self, e, fact):
        region = self.names.home(e["base"])
        if not region.is_chunk:
            size = e["limit"] - e["base"]
            return f"Map all of it, {measure(size)}: now there is memory, and it reads as zeros."
        table = region.page_table
        if e["base"] == region.base:
            what = "memory for the chunk descriptor"
        elif table is None or e["base"] < table[0]:
            what = "memory for the rest of the tables"
        elif e["base"] < table[1]:
            what = f"the part of the page table that tells of {described(region, self.names, e)}"
        else:
            what = "memory to be allocated"
        return f"Map {self._range(e)}: {what}."

    def _vm_unmap(self, e, fact):
        region = self.names.home(e["base"])
        what = "memory that nobody has any more"
        if not region.is_chunk:
            what = "the arena descriptor"
        elif e["base"] == region.base:
            what = "the chunk descriptor and the tables"
        elif region.page_table and e["base"] < region.page_table[1]:
            what = f"the part of the page table that told of {described(region, self.names, e)}"
        return f"Unmap {self._range(e)}: {what}."

    def _vm_finish(self, e, fact):
        return "Give the reserved addresses back to the system."

    def _vm_copy(self, e, fact):
        if self.names.region(e["target"]) is None:
            return (
                f"Copy the VM descriptor, {f.VM_SIZE} bytes, from {self.names.where(e['source'])} "
                "to the stack: the memory that it lies in is the memory to be unmapped next."
            )
        return (
            f"Copy the VM descriptor, {f.VM_SIZE} bytes, from the stack to "
            f"{self.names.where(e['target'])}, into memory that it describes."
        )

    def _boot_alloc(self, e, fact):
        what = e["what"] or "a table"
        text = f"Give {self._range(e)} to the {what}"
        if what not in BOOTED:
            return f"{text}."
        return f"{text}: {BOOTED[what]}" + ("" if BOOTED[what].endswith("?") else ".")

    def _chunk_init(self, e, fact):
        pages = e["size"] // self.names.grain
        own = e["allocBase"]
        return (
            "The chunk is made, and joins the arena's tree of chunks. Of its "
            f"{many(pages, 'page')} the first {own:,} are its own ({own / pages:.2%} of its "
            f"addresses); pages {own:,} to {pages - 1:,} can be allocated."
        )

    def _chunk_finish(self, e, fact):
        return "The chunk leaves the arena's tree of chunks."

    def _arena_create_vm(self, e, fact):
        text = f"The arena has its first chunk, of {measure(e['chunkSize'])}."
        stripe = 1 << self.names.zone_shift
        if not self.names.zoned:
            return f"{text} It is not zoned: of the free addresses the lowest will do."
        return (
            f"{text} Its size sets the zones: stripes of {measure(stripe)}, which belong to the "
            "zones 0 to 63 in turn. Memory of no generation goes to the zones from 32 up, if it "
            "can."
        )

    def _arena_destroy(self, e, fact):
        return "The arena is gone."

    def _vm_arena_extend_start(self, e, fact):
        return (
            f"No free range is large enough for {measure(e['size'])}: the arena must grow, by "
            f"{measure(e['chunkSize'])} if it can."
        )

    def _vm_arena_extend_done(self, e, fact):
        return f"The arena has grown: {measure(e['reserved'])} are reserved now."

    def _vm_arena_extend_fail(self, e, fact):
        return f"The arena could not grow, not even by {measure(e['chunkMin'])}."

    def _land_init(self, e, fact):
        land = self.names.land(e["land"])
        return f"Write a land at {self.names.where(e['land'])}: {land}. It is empty."

    def _land_insert(self, e, fact):
        land = self.names.land(e["land"])
        again = " once more" if fact.index in self.names.retries else ""
        text = f"Insert {self._range(e)} into {land}{again}"
        if not e["res"]:
            return text + (": this time there is a node for it." if again else ".")
        if e["res"] != r.LIMIT:
            return f"{text}: {NAMES[e['res']]}."
        return (
            f"{text}. A range on its own needs a node, and {land}'s node pool has none, nor may it "
            "extend itself: LIMIT."
        )

    def _land_delete(self, e, fact):
        text = f"Delete {self._range(e)} from {self.names.land(e['land'])}"
        return text + (f": {NAMES[e['res']]}." if e["res"] else ".")

    def _page_alloc(self, e, fact):
        return (
            f"Take {self.names.pages(e['base'], e['base'] + e['size'])} for {self._pool(e)}, "
            "straight from the chunk's allocation table: the lowest page whose bit is clear. The "
            "free land is not asked."
        )

    def _page_free(self, e, fact):
        return f"Take {self._range(e)} from {self._pool(e)}, without the free land being told."

    def _pool_init_mfs(self, e, fact):
        extends = (
            f"It may extend itself, by {measure(e['extendBy'])} at a time."
            if e["extendSelf"]
            else "It may not extend itself."
        )
        return (
            f"Write a pool at {self._settled(e)}, with units of {measure(e['unitSize'])}. It has "
            f"no memory yet. {extends}"
        )

    def _pool_init_mvff(self, e, fact):
        fit = "first" if e["firstFit"] else "last"
        return (
            f"Write a pool at {self._settled(e)}, with blocks of any size, {fit} fit. It has no "
            f"memory yet, and will ask for {measure(e['extendBy'])} or more at a time."
        )

    def _pool_init(self, e, fact):
        return f"Write a pool at {self._settled(e)}."

    def _pool_finish(self, e, fact):
        return f"{opening(self._pool(e))} is finished."

    def _pool_extend(self, e, fact):
        size = e["limit"] - e["base"]
        known = self.names.pools.get(e["pool"])
        text = f"Make {self._range(e)} an extent of {self._pool(e)}: "
        text += f"{p.EXTENT_HEADER} bytes of header"
        if known is None or not known.unit:
            return f"{text}, and units."
        count = (size - p.EXTENT_HEADER) // known.unit
        return f"{text}, then {many(count, 'free unit')} of {known.unit} bytes."

    def _gen_init(self, e, fact):
        return (
            f"Write generation {e['serial']} at {self.names.where(e['gen'])}, of "
            f"{measure(e['capacity'])} and mortality {e['mortality']:g}: the MPS would collect by "
            "it; here it only takes its room."
        )

    def _gen_finish(self, e, fact):
        return f"Generation {e['serial']} is finished."

    def _intern(self, e, fact):
        if "pointer" not in e:
            return f"Number the string \"{e['string']}\"."
        return f"Label what lies at {self.names.where(e['pointer'])} \"{e['string']}\"."

    def _arena_alloc(self, e, fact):
        text = f"Give {self._range(e)} to {self._pool(e)}"
        if self.names.zoned and self.names.zone_shift is not None:
            text += f", in zone {(e['base'] >> self.names.zone_shift) % 64}"
        return f"{text}."

    def _arena_alloc_fail(self, e, fact):
        return f"There are no {measure(e['size'])} for {self._pool(e)}: {NAMES[e['res']]}."

    def _arena_free(self, e, fact):
        return f"{self._range(e)} are {self._pool(e)}'s no more."

    def _control_alloc(self, e, fact):
        if e["res"]:
            return f"There are no {measure(e['size'])} in the control pool: {NAMES[e['res']]}."
        return f"The control pool gives {measure(e['size'])} at {self.names.where(e['base'])}."

    def _control_free(self, e, fact):
        return f"Free the block of {measure(e['size'])} at {self.names.where(e['base'])}."

    def _pool_alloc(self, e, fact):
        where = self.names.where(e["pReturn"])
        return f"The client has a block of {measure(e['size'])} at {where}, of {self._pool(e)}."

    def _pool_free(self, e, fact):
        where = self.names.where(e["old"])
        return f"The block of {measure(e['size'])} at {where} is the client's no more."

    def _pool_resize(self, e, fact):
        where = self.names.where(e["old"])
        return f"The block at {where} has {measure(e['newSize'])} now, and {e['oldSize']:,} before."

    def _buffer_reserve(self, e, fact):
        where = self.names.where(e["init"])
        return f"The allocation point sets {measure(e['size'])} at {where} aside."

    def _buffer_commit(self, e, fact):
        where = self.names.where(e["p"])
        return f"The client has a block of {measure(e['size'])} at {where}, from an allocation point."

    def _arena_poll_begin(self, e, fact):
        return "Poll: a client allocates, and the MPS might collect now; here nothing happens."


def described(region, names, e):
    """The pages whose descriptors lie in the piece [base, limit) of the page
    table, in words."""
    table = region.page_table[0]
    pages = (region.limit - region.base) // names.grain
    low = (e["base"] - table) // a.PAGE_DESC_SIZE
    high = min(-(-(e["limit"] - table) // a.PAGE_DESC_SIZE), pages)
    return f"pages {low:,} to {high - 1:,}"
