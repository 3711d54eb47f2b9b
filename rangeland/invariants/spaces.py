"""SpaceTrial: a run in an address space of its own, of a machine that refuses.

Source: design/stress.md#.sol.arena
"""

from rangeland.invariants.finding import Broken
from rangeland.invariants.telling import TellingTrial
from vm import events as ev
from vm.faults import FaultPlan
from vm.results import ParamError
from vm.space import AddressSpace


class SpaceTrial(TellingTrial):
    """One run in a `space`, which is listened to.

    Steps: refuse, relent.
    """

    # The bytes of the space.
    space_size = 1 << 28

    def __init__(self):
        super().__init__()
        self.space = self.plan = None
        # What was wrong with an event of the step that is done now.
        self.trouble = None
        self._listener = self.listen

    def listen(self, code, params):
        """An event of this step: what is mapped anew has to read as zeros."""
        if code == ev.VM_MAP and self.space is not None:
            _, base, limit = params
            if self.space.view(base, limit - base) != bytes(limit - base):
                told = f"[{base:#x}, {limit:#x}) is mapped anew, and not all zeros"
                self.trouble = self.trouble or Broken("fresh-zeros", told)

    def _make_space(self, checked):
        """Make the space. Returns the lines of a program that do."""
        self.space = AddressSpace(self.space_size, checked=checked)
        mode = ", checked=True" if checked else ""
        return (
            "import rangeland as rl",
            "from rangeland.invariants.raw import audit",
            "",
            f"space = rl.AddressSpace({self.space_size}{mode})",
        )

    def do_refuse(self, kind, nth, count):
        """The machine refuses so many attempts of `kind`, from the nth on."""
        text = f"rl.FaultPlan().fail({kind!r}, nth=range({nth}, {nth + count}))"
        self.script.begin(f"space.faults = {text}")
        try:
            self.plan = FaultPlan().fail(kind, nth=range(nth, nth + count))
        except ParamError:
            self.script.undo()
            return False
        self.space.faults = self.plan
        return True

    def do_relent(self):
        """The machine refuses nothing any more."""
        self.script.begin("space.faults = None")
        self.space.faults = self.plan = None
        return True
