"""The classes of pools that the raw judge knows, by the word that their
descriptors begin with. Source: design/raw.md#.sol.pools
"""

from rangeland.invariants.raw import layout as at
from rangeland.invariants.raw.fits import BestFitPool, LIFOFitPool, NextFitPool, WorstFitPool
from rangeland.invariants.raw.mvt import MVTPool
from rangeland.invariants.raw.pools import MFSPool, MVFFPool
from rangeland.invariants.raw.regions import BuddyPool, SegFitPool, SlabPool
from rangeland.invariants.raw.words import hold

POOLS = {at.name("MFS"): MFSPool, at.name("MVFF"): MVFFPool, at.name("MVT"): MVTPool}
POOLS |= {at.name("BEST"): BestFitPool, at.name("WRST"): WorstFitPool}
POOLS |= {at.name("NEXT"): NextFitPool, at.name("LIFO"): LIFOFitPool}
POOLS |= {at.name("BUD"): BuddyPool, at.name("SEGF"): SegFitPool, at.name("SLAB"): SlabPool}


def read_pool(raw, address):
    """What the bytes at `address` say of the pool there. Raises: Broken."""
    kind = POOLS.get(raw.word(address))
    hold(kind, "links", f"no pool of a known class lies at {address:#x}")
    return kind(raw, address)
