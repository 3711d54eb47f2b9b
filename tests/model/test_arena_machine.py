"""A Hypothesis machine over a whole arena: several pools, limits that come
and go, refused attempts; judged by handles, by raw bytes and by a naive
judge of blocks."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from support.driver import Driver

import rangeland as rl

number = st.integers(0, 2**30 - 1)
few = st.integers(0, 7)


class ArenaMachine(RuleBasedStateMachine):
    """Every rule is a step of the driver; a check follows each few steps."""

    def __init__(self):
        super().__init__()
        self.driver = None
        self.steps = 0

    @initialize(
        size=st.sampled_from([1, 1 << 19, 1 << 20]),
        grain=st.sampled_from([4096, 4096, 16384, 65536]),
        zoned=st.booleans(),
        spare=st.sampled_from([0, 0.25, 0.75, 1]),
        checked=st.booleans(),
    )
    def boot(self, size, grain, zoned, spare, checked):
        self.driver = Driver.boot(
            size=size, grain_size=grain, zoned=zoned, spare=spare, checked=checked
        )
        self.driver.check()

    def do(self, kind, x, y):
        self.driver.do(kind, x, y)
        self.steps += 1
        if self.steps % 8 == 0:
            self.driver.check()

    @rule(x=number, y=number)
    def create(self, x, y):
        self.do("create", x, y)

    @rule(x=few, y=number)
    def alloc(self, x, y):
        self.do("alloc", x, y)

    @rule(x=few, y=st.integers(0, 2000), count=st.integers(2, 20))
    def alloc_several(self, x, y, count):
        for i in range(count):
            self.do("alloc", x, y + i)

    @precondition(lambda self: self.driver.live)
    @rule(x=number)
    def free(self, x):
        self.do("free", x, 0)

    @precondition(lambda self: len(self.driver.live) > 4)
    @rule(x=number, count=st.integers(2, 20))
    def free_several(self, x, count):
        for _ in range(min(count, len(self.driver.live))):
            self.do("free", x, 0)

    @rule(x=few)
    def destroy(self, x):
        self.do("destroy", x, 0)

    @rule(x=number, y=st.integers(0, 63))
    def limit(self, x, y):
        self.do("limit", x, y)

    @rule(y=few)
    def spare(self, y):
        self.do("spare", 0, y)

    @rule()
    def collect(self):
        self.do("collect", 0, 0)

    @rule(x=number, y=few)
    def grow(self, x, y):
        self.do("grow", x, y)

    @rule()
    def attach(self):
        arena = self.driver.arena
        self.driver.bind(rl.Arena.attach(arena.space, arena.address))

    @rule(
        kind=st.sampled_from(["reservation", "mapping", "node"]),
        nth=st.integers(1, 6),
        count=st.integers(1, 40),
        step=st.sampled_from(["alloc", "alloc", "create", "free", "destroy", "collect"]),
        x=number,
        y=number,
    )
    def refuse(self, kind, nth, count, step, x, y):
        space = self.driver.arena.space
        space.faults = rl.FaultPlan().fail(kind, nth=range(nth, nth + count))
        try:
            outcome = self.driver.do(step, x, y)
        finally:
            space.faults = None
        assert step in ("alloc", "create") or not isinstance(outcome, str)
        self.driver.check()

    def teardown(self):
        if self.driver:
            self.driver.check()
            self.driver.end()


ArenaMachine.TestCase.settings = settings(stateful_step_count=30)
TestArena = ArenaMachine.TestCase
