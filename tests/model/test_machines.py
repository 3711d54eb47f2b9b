from support.faulty import GOOD, BAD
import rangeland as rl
from rangeland.invariants.machines import *
def case(base, make):
    return type("M", (base,), {"make": make}).TestCase
for k in GOOD: globals()["Test"+k.__name__]=case(AllocatorMachine,k)
TestMVFF=case(PoolMachine,rl.MVFF)
class X(PoolMachine):
    def make(arena): return rl.MFS(arena,24)
TestMFS=X.TestCase
TestMVT=case(PointMachine,rl.MVT)
for k in (rl.SortedLand, rl.CBS, rl.CBSFast, rl.CBSZoned, rl.Freelist, rl.Failover): globals()["Test"+k.__name__]=case(LandMachine,k)
TestAgree=LandAgreement.TestCase
TestPA=PoolAgreement.TestCase
TestA=ArenaMachine.TestCase
TestT=TelemetryMachine.TestCase
TestB=BootstrapMachine.TestCase
