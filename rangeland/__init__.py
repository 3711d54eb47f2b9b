"""Rangeland: a memory-manager simulator in the style of the MPS."""

from arena.arena import Arena
from land.sorted import SortedLand
from pools.bestfit import BestFit
from pools.buddy import Buddy
from pools.lifofit import LIFOFit
from pools.mfs import MFS
from pools.mvff import MVFF
from pools.mvt import MVT
from pools.nextfit import NextFit
from pools.segfit import SegFit
from pools.slab import Slab
from pools.worstfit import WorstFit
from rangeland.invariants.finding import CannotTry
from rangeland.invariants.prove import prove
from rangeland.lands import CBS, CBSFast, CBSZoned, Failover, Freelist
from rangeland.version import VERSION as __version__
from vm.events import ALL_KINDS, MPS_KINDS
from vm.faults import FaultPlan
from vm.log import record
from vm.results import (
    AccessError,
    AllocationError,
    CommitLimitError,
    DamageError,
    LimitError,
    MappingError,
    ParamError,
    ParamTypeError,
    ProtocolError,
    RangelandError,
    ResourceError,
)
from vm.space import AddressSpace
