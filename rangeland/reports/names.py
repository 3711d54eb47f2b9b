"""Names: what the addresses, pools and lands of a log are called in prose.

All is found in the log itself, which may be read to its end for it.
"""

from pools.fields import FIT_SIZE
from vm import fields as f
from vm.results import ParamError

# The lands of an MVFF pool, in the order in which it makes them.
MVFF_LANDS = (
    "total land, all memory that it has",
    "free land, what of it is free",
    "free list, for when the free land has no node",
    "failover, which makes one land of these two",
)
# Whose the node pools and lands are that the arena makes in a step.
OWNERS = {
    "arena fields": "the free land",
    "free land": "the free land",
    "spare land": "the spare land",
}
# The pools that are made in a step.
MADE = {"control pool": "the control pool", "first pool": "the first pool"}
UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


class Region:
    """Reserved addresses [base, limit): the arena's own, or a chunk's.

    `parts` are what was boot-allocated there: (base, size, what).
    """

    def __init__(self, base, limit, word):
        self.base = base
        self.limit = limit
        self.word = word
        self.serial = None
        self.parts = []

    @property
    def is_chunk(self):
        """False for the arena's own region."""
        return self.word != "arena"

    @property
    def page_table(self):
        """The range of the page table, or None."""
        for base, size, what in self.parts:
            if what == "page table":
                return base, base + size
        return None


class Pool:
    """A pool of the log: its `name`, its `unit` in bytes, if it has units, and
    whether it `extends` itself."""

    def __init__(self, name):
        self.name = name
        self.unit = None
        self.extends = True


class Names:
    """Who is who in a list of facts."""

    def __init__(self, facts):
        self.grain = f.PAGE
        self.zone_shift = None
        self.zoned = True
        self.regions = []
        self.pools = {}
        self.lands = {}
        self.retries = set()
        self._pools(facts)
        self._lands(facts)
        failed = None
        for fact in facts:
            self._place(fact)
            if fact.name == "LandInsert":
                key = [fact.params[name] for name in ("land", "base", "limit")]
                if failed == key:
                    self.retries.add(fact.index)
                failed = key if fact.params["res"] else None

    def _place(self, fact):
        p = fact.params
        if fact.name == "ArenaOptions":
            self.grain, self.zoned = p["grainSize"], bool(p["zoned"])
        elif fact.name == "ArenaCreateVM":
            self.grain = p["grainSize"]
            self.zone_shift = (p["chunkSize"] >> 6).bit_length() - 1
        elif fact.name == "VMInit":
            word = "arena" if "arena descriptor" in fact.path else "chunk"
            self.regions.append(Region(p["base"], p["limit"], word))
        elif fact.name == "BootAlloc":
            self.home(p["base"]).parts.append((p["base"], p["size"], p["what"]))
        elif fact.name == "ChunkInit":
            region = self.home(p["base"])
            region.serial = p["serial"]
            region.word = f"chunk {p['serial']}" if p["serial"] else "chunk"

    def _pools(self, facts):
        serials = {t.params["pool"]: t.params["serial"] for t in facts if t.name == "PoolInit"}
        for fact in facts:
            if fact.name in ("PoolInitMVFF", "PoolInitMFS"):
                at = fact.params["pool"]
                name = _found(MADE, fact.path) or f"pool {serials.get(at, at)}"
                self.pools[at] = Pool(name)
        hosts = {t.params["pool"] for t in facts if t.name == "PoolInitMVFF"}
        for fact in facts:
            if fact.name == "PoolInitMFS":
                self._mfs(fact, hosts)

    def _mfs(self, fact, hosts):
        """An MFS pool may lie in an MVFF pool, and then gives it its nodes."""
        at = fact.params["pool"]
        pool = self.pools[at]
        pool.unit, pool.extends = fact.params["unitSize"], bool(fact.params["extendSelf"])
        host = next((host for host in hosts if host < at < host + FIT_SIZE), None)
        owner = self.pools[host].name if host else _found(OWNERS, fact.path)
        if owner:
            pool.name = f"{owner}'s node pool"

    def _lands(self, facts):
        counts = {}
        for fact in facts:
            if fact.name != "LandInit":
                continue
            land, owner = fact.params["land"], fact.params["owner"]
            if owner in self.pools:
                count = counts[owner] = counts.get(owner, -1) + 1
                self.lands[land] = f"{self.pools[owner].name}'s {MVFF_LANDS[count % 4]}"
            else:
                self.lands[land] = _found(OWNERS, fact.path) or "a land"

    # Who

    def pool(self, address):
        """What the pool at `address` is called."""
        known = self.pools.get(address)
        return known.name if known else f"the pool at {address:#x}"

    def land(self, address):
        """What the land at `address` is called."""
        return self.lands.get(address, f"the land at {address:#x}")

    # Where

    def region(self, address):
        """The region that holds `address`, the last one made; None for the
        machine's stack."""
        for region in reversed(self.regions):
            if region.base <= address < region.limit:
                return region
        return None

    def home(self, address):
        """The region that holds `address`.

        Raises: ParamError if the log does not tell of one.
        """
        region = self.region(address)
        if region is None:
            raise ParamError(f"the log does not tell where {address:#x} was reserved")
        return region

    def where(self, address):
        """The address, and where that is."""
        region = self.region(address)
        if region is None:
            return f"{address:#x} (the stack)"
        offset = f"{region.word} + {address - region.base:#x}"
        if region.is_chunk:
            return f"{address:#x} ({offset}, {self.pages(address, address + 1)})"
        return f"{address:#x} ({offset})"

    def span(self, base, limit):
        """Where the range begins, and its pages."""
        region = self.region(base)
        if region is None or not region.is_chunk:
            return self.where(base)
        offset = f"{region.word} + {base - region.base:#x}"
        return f"{base:#x} ({offset}, {self.pages(base, limit)})"

    def page_numbers(self, base, limit):
        """The numbers of the pages of [base, limit): a half-open pair."""
        start = self.home(base).base
        return (base - start) // self.grain, -(-(limit - start) // self.grain)

    def pages(self, base, limit):
        """The pages of [base, limit), by their numbers."""
        low, high = self.page_numbers(base, limit)
        return f"page {low:,}" if high == low + 1 else f"pages {low:,} to {high - 1:,}"


def _found(table, path):
    """What `table` says of the innermost step of `path` that it knows."""
    return next((table[step] for step in reversed(path) if step in table), None)


def measure(size):
    """`size` bytes in words: exactly, and in a larger unit if that is whole."""
    return f"{many(size, 'byte')}{_larger(size)}"


def short(size):
    """`size` bytes as for a column of them: the larger unit has a column, too."""
    return f"{size:,}{_larger(size):>14}"


def _larger(size):
    for unit, name in UNITS:
        if size and size % unit == 0:
            return f" ({size // unit:,} {name})"
    return ""


def many(count, noun):
    """`count` of what `noun` names."""
    return f"1 {noun}" if count == 1 else f"{count:,} {noun}s"


def opening(text):
    """`text` with a capital letter in front."""
    return text[:1].upper() + text[1:]
