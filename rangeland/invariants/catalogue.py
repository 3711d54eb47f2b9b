"""The catalogue: what is held to be true of allocators, lands and arenas.

Each invariant has a name, a sentence, the paragraph of the design document
that defines it, and the kind of judge that tells when it is broken. What is
broken is always named by this catalogue.
Source: design/invariants.md#.sol.catalogue
"""

from dataclasses import dataclass

OWN_CHECK = "own check"
RESULTS = "results"
RAW_MEMORY = "raw memory"

DOCUMENT = "design/invariants.md"


@dataclass(frozen=True)
class Invariant:
    """One invariant: `kind` says who judges. "own check": the structure's
    own `check()`; "results": a judge that sees operations and results only;
    "raw memory": a judge that reads bytes only."""

    name: str
    sentence: str
    kind: str
    group: str

    @property
    def tag(self):
        """The paragraph that defines it."""
        return f"{DOCUMENT}#.inv.{self.name}"


_GROUPS = {
    "any allocator": {
        "nonsense": ("An answer to a request is an address, or a refusal.", RESULTS),
        "raises": ("An operation that is allowed raises nothing but MemoryError.", RESULTS),
        "hang": ("Every operation ends.", RESULTS),
        "overlap": ("No two live blocks have a byte in common.", RESULTS),
        "alignment": ("An address is a multiple of the alignment promised.", RESULTS),
        "outside": ("A block lies in its allocator's memory, all of it.", RESULTS),
        "contents": ("A block keeps what was written in it until it is freed.", RESULTS),
        "prefix": ("A block that is reallocated keeps its first bytes.", RESULTS),
        "zeroed": ("A block that was asked for as zeros reads as zeros.", RESULTS),
        "free-refused": ("A free of a live block is never refused.", RESULTS),
        "accounts": ("Total less free is what the live blocks take.", RESULTS),
        "leak": ("What was freed can be had again.", RESULTS),
        "reunion": ("What frees leave does not depend on their order.", RESULTS),
        "unwound": ("A refused operation leaves all as it was.", RESULTS),
        "own-check": ("The structure's own check passes.", OWN_CHECK),
    },
    "a C library": {
        "crash": ("No operation kills the process.", RESULTS),
        "exits": ("No operation ends the process.", RESULTS),
        "usable-size": ("As many bytes as it tells are the block's own.", RESULTS),
        "zero-size": ("A block of no bytes can be had, and freed.", RESULTS),
        "impossible": ("A request that no memory can hold is refused.", RESULTS),
    },
    "pools": {
        "placement": ("A block lies where the policy says.", RESULTS),
        "wrong-use": ("What is no block, or no size, is refused as such.", RESULTS),
        "give-back": ("After a free no more than the spare fraction is kept.", RESULTS),
    },
    "lands": {
        "ranges": ("Ranges are ascending, apart, aligned and not empty.", RESULTS),
        "membership": ("A land holds what was inserted and not deleted.", RESULTS),
        "land-size": ("The size of a land is the sum of its ranges.", RESULTS),
        "insert": ("An insertion gives the whole range that came of it.", RESULTS),
        "delete": ("A deletion gives the range that contained it.", RESULTS),
        "wrong-range": ("What cannot be inserted or deleted is refused as such.", RESULTS),
        "find": ("A find gives the first, last or a largest range that fits.", RESULTS),
        "find-in-zones": ("A find in zones gives the first or last run in them.", RESULTS),
        "iteration": ("An iteration visits each range once, and deletes as told.", RESULTS),
        "node-need": ("Only an isolated insert or a split needs a node.", RESULTS),
        "stolen": ("What becomes nodes is no part of the land, and no more than needed.", RESULTS),
        "reentry": ("A land that is being iterated refuses to be used.", RESULTS),
        "agreement": ("Lands that are driven alike answer alike.", RESULTS),
        "flushed": ("With nodes to be had the secondary land is empty.", RESULTS),
        "links": ("Trees and lists in raw memory are what the land tells.", RAW_MEMORY),
    },
    "arenas": {
        "partition": ("Free and allocated grains partition each chunk.", RAW_MEMORY),
        "owners": ("A grain has an owner just if it is allocated.", RAW_MEMORY),
        "spare-accounts": ("Spare memory is mapped, free, and counted once.", RAW_MEMORY),
        "spare-bounded": ("After a free, spare is within its fraction.", RESULTS),
        "committed-accounts": ("Committed is the sum of what is mapped.", RAW_MEMORY),
        "reserved-accounts": ("Reserved is the sum of what is reserved.", RAW_MEMORY),
        "commit-limit": ("Committed never exceeds the commit limit.", RESULTS),
        "one-chunk": ("No free range spans two chunks.", RAW_MEMORY),
        "chunks": ("Chunks are disjoint, and each address finds its own.", RESULTS),
        "zones": ("Memory lies in the zones asked for; free zones dwindle.", RAW_MEMORY),
        "grain-placement": ("Grains lie at the end of the free memory that is asked for.", RESULTS),
        "fresh-zeros": ("Memory that is mapped anew reads as zeros.", RAW_MEMORY),
        "self-hosting": ("The nodes of the free land lie in grains of their own.", RAW_MEMORY),
        "round-trip": ("Allocating and freeing comes back to the start.", RESULTS),
        "growth": ("An arena grows when a request does not fit.", RESULTS),
        "control-accounts": ("Control memory holds descriptors and no more.", RAW_MEMORY),
        "attach": ("An arena attached from its bytes goes on alike.", RESULTS),
        "teardown": ("After the end nothing is reserved, mapped or stacked.", RESULTS),
    },
    "virtual memory": {
        "vm-descriptor": ("A VM lies in its reservation, and counts its pages.", RAW_MEMORY),
        "vm-accounts": ("The machine's sums are those of all its VMs.", RESULTS),
        "vm-copy": ("A copied VM descriptor behaves as the first did.", RESULTS),
        "table-pages": ("A page of a sparse table is mapped just if used.", RAW_MEMORY),
        "unmapped-access": ("Access to what is not mapped is refused.", RESULTS),
    },
    "bootstrap": {
        "boot-order": ("Boot allocations are disjoint, aligned and inside.", RESULTS),
        "boot-unwound": ("A creation that fails leaves nothing.", RESULTS),
    },
    "telemetry": {
        "log-accounts": ("The events replayed give the accounts.", RESULTS),
        "log-story": ("The events tell each operation once, in order.", RESULTS),
    },
}

CATALOGUE = {
    name: Invariant(name, sentence, kind, group)
    for group, entries in _GROUPS.items()
    for name, (sentence, kind) in entries.items()
}
