"""Telling: trials that write down what they do, as the text of a program.

Source: design/invariants.md#.sol.program
"""

from rangeland.invariants.programs import Script
from rangeland.invariants.trial import Trial, play


class TellingTrial(Trial):
    """A trial that tells its `script` what it does, as it does it."""

    def __init__(self):
        self.script = Script()

    def program(self, steps):
        """The text of a program that does `steps` and fails as they did."""
        return self.script.text(self._replayed(steps))

    def _replayed(self, steps):
        """Do `steps`, and tell. Returns the Broken, or None."""
        self.script.telling = True
        return play(self, steps)[0]


class FillingTrial(TellingTrial):
    """A trial that writes in blocks, if it is `filling`, and reads them again."""

    # False: blocks are not written, and not read.
    filling = True

    def twin(self):
        """A fresh trial of the same."""
        return type(self)()

    def program(self, steps):
        """The text of a program that does `steps` and fails as they did."""
        self.filling = False
        broken = self._replayed(steps)
        if broken is not None:
            return self.script.text(broken)
        # Without anything written in the blocks it does not break.
        trial = self.twin()
        return trial.script.text(trial._replayed(steps), filled=True)
