"""A Hypothesis machine over a whole arena: several pools, limits that come
and go, refused attempts; judged by handles, by raw bytes and by a naive
model of blocks. Every rule is a step of an ArenaTrial."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from rangeland.invariants.arena import ArenaTrial
from rangeland.invariants.client import EXTENDS, FAULTS, SIZES, SPARES, UNITS

few = st.integers(0, 7)
spares = st.sampled_from(SPARES)
extends = st.sampled_from(EXTENDS)
sizes = st.sampled_from(SIZES).flatmap(lambda most: st.integers(1, most))


class ArenaMachine(RuleBasedStateMachine):
    """Every rule is a step of the trial; a check follows each few steps."""

    def __init__(self):
        super().__init__()
        self.trial = ArenaTrial()
        self.number = self.steps = 0

    def do(self, *step):
        self.trial.do(step)
        self.steps += 1
        if self.steps % 8 == 0:
            self.trial.check()

    def new(self):
        self.number += 1
        return self.number

    def pick(self, which, x):
        """The number of one of the pools, blocks or arenas; 0 if there is none."""
        known = list(which)
        return known[x % len(known)] if known else 0

    @initialize(
        size=st.sampled_from([1, 1 << 19, 1 << 20]),
        grain=st.sampled_from([4096, 4096, 16384, 65536]),
        zoned=st.booleans(),
        spare=spares,
        checked=st.booleans(),
    )
    def boot(self, size, grain, zoned, spare, checked):
        self.do("begin", size, grain, zoned, spare, checked)
        self.trial.check()

    @precondition(lambda self: len(self.trial.pools) < 6)
    @rule(
        extend_by=extends,
        align=st.sampled_from([8, 8, 16, 256, 4096]),
        spare=spares,
        flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    )
    def create_mvff(self, extend_by, align, spare, flags):
        self.do("mvff", self.new(), extend_by, align, spare, *flags)

    @precondition(lambda self: len(self.trial.pools) < 6)
    @rule(unit=st.sampled_from(UNITS), extend_by=extends)
    def create_mfs(self, unit, extend_by):
        self.do("mfs", self.new(), unit, extend_by)

    @rule(x=few, size=sizes)
    def alloc(self, x, size):
        pool = self.pick(self.trial.pools, x)
        if pool:
            self.do("alloc", self.new(), pool, self.trial.pools[pool].unit or size)

    @rule(x=few, size=sizes, count=st.integers(2, 20))
    def alloc_several(self, x, size, count):
        for i in range(count):
            self.alloc(x, size + i)

    @precondition(lambda self: self.trial.blocks)
    @rule(x=st.integers(0, 1 << 16), count=st.sampled_from([1, 1, 5, 20]))
    def free(self, x, count):
        for _ in range(min(count, len(self.trial.blocks))):
            self.do("free", self.pick(self.trial.blocks.live, x))

    @rule(x=few)
    def destroy(self, x):
        self.do("destroy", self.pick(self.trial.pools, x))

    @rule(grains=st.none() | st.integers(-24, 40))
    def limit(self, grains):
        self.do("limit", grains)

    @rule(fraction=spares)
    def spare(self, fraction):
        self.do("spare", fraction)

    @rule()
    def collect(self):
        self.do("collect")

    @rule(pages=st.integers(1, 512), part=st.sampled_from([0, 0.25, 1]))
    def grow(self, pages, part):
        self.do("grow", pages * 4096, int(pages * part) * 4096)

    @rule()
    def attach(self):
        self.do("attach")

    @precondition(lambda self: len(self.trial.others) < 2)
    @rule(size=st.sampled_from([1, 1 << 19, 1 << 20]))
    def second(self, size):
        self.do("second", self.new(), size)

    @rule(x=few)
    def close(self, x):
        self.do("close", self.pick(self.trial.others, x))

    @rule(
        kind=st.sampled_from(FAULTS),
        nth=st.integers(1, 6),
        count=st.integers(1, 40),
        step=st.sampled_from(["alloc", "alloc", "create", "free", "destroy", "collect", "second"]),
        x=few,
        size=sizes,
    )
    def refuse(self, kind, nth, count, step, x, size):
        self.do("refuse", kind, nth, count)
        if step == "alloc":
            self.alloc(x, size)
        elif step == "create":
            self.create_mvff(4096, 8, 0.5, (False, False, True))
        elif step == "free" and self.trial.blocks:
            self.free(x, 1)
        elif step == "second":
            self.second(1)
        elif step in ("destroy", "collect"):
            getattr(self, step)(*[x] * (step == "destroy"))
        self.do("relent")
        self.trial.check()

    def teardown(self):
        self.trial.check()
        self.trial.end()


ArenaMachine.TestCase.settings = settings(stateful_step_count=30)
TestArena = ArenaMachine.TestCase
