"""State machines of Hypothesis, over the trials of the kit.

A machine is subclassed in a few lines and run under pytest:

    class Machine(AllocatorMachine):
        make = MyAllocator

    TestMyAllocator = Machine.TestCase

Needs Hypothesis. Source: design/machines.md
"""

from rangeland.invariants.machines.allocators import AllocatorMachine, PoolMachine
from rangeland.invariants.machines.arenas import ArenaMachine
from rangeland.invariants.machines.base import TrialMachine
from rangeland.invariants.machines.lands import LandAgreement, LandMachine
