"""SubjectTrial: what trials of anything that a Factory makes have in common.

Source: design/invariants.md#.sol.parts
"""

from rangeland.invariants.factory import Factory
from rangeland.invariants.telling import TellingTrial
from vm.faults import FaultPlan


class SubjectTrial(TellingTrial):
    """One run of what `factory`, a Factory or what it takes, makes, in an
    `arena` if it wants one.

    Steps: begin; refuse, relent where there is an arena.
    """

    def __init__(self, factory):
        super().__init__()
        self.factory = factory if isinstance(factory, Factory) else Factory(factory)
        self.arena = None

    @property
    def subject(self):
        """What the factory made, or None before it did."""
        raise NotImplementedError

    @property
    def cost(self):
        """A step is dear where there is an arena to be judged with it."""
        return 4 if self.factory.in_arena else 1

    def do(self, step):
        """Do and judge one step; whatever it is, there is a subject."""
        if self.subject is None and step[0] != "begin":
            self.do_begin()
        return super().do(step)

    def do_begin(self, *options):
        """Make the subject. Returns False if there is one."""
        raise NotImplementedError

    def _refuse(self, kind, nth, count):
        """The machine refuses the nth attempt from now, and some after it."""
        plan = FaultPlan().fail(kind, nth=range(nth, nth + count))
        text = f'rl.FaultPlan().fail("{kind}", nth=range({nth}, {nth + count}))'
        self.script.begin(f"arena.space.faults = {text}")
        self.arena.space.faults = plan

    def do_relent(self):
        """The machine refuses nothing any more."""
        if self.arena is None:
            return False
        self.script.begin("arena.space.faults = None")
        self.arena.space.faults = None
        return True
