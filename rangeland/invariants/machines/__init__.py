"""State machines of Hypothesis, over the trials of the kit.

A machine is subclassed in a few lines and run under pytest:

    class Machine(AllocatorMachine):
        make = MyAllocator

    TestMyAllocator = Machine.TestCase

Needs Hypothesis, and says so if it is not there. Source: design/machines.md
"""

# First, for it says what is missing if Hypothesis is.
import rangeland.invariants.strategies  # isort: skip

from rangeland.invariants.machines.allocators import (
    AllocatorMachine,
    PointMachine,
    PoolAgreement,
    PoolMachine,
)
from rangeland.invariants.machines.arenas import ArenaMachine, TelemetryMachine
from rangeland.invariants.machines.base import TrialMachine
from rangeland.invariants.machines.bootstrap import BootstrapMachine
from rangeland.invariants.machines.lands import LandAgreement, LandMachine
