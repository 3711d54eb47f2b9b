"""Draws: where the random steps of a run come from.

Each run draws its own weights, so that runs differ from each other more than
steps within one do (Groce et al. 2012, swarm testing).
Source: design/invariants.md#.sol.workload
"""

from collections import deque


class Draws:
    """The next step of a run of `trial`, drawn from `rng`.

    A subclass sets `names`, each with a method `_name` that adds the steps
    of one draw, and `weights`, a number for each name.
    """

    def __init__(self, rng, trial):
        self.rng, self.trial = rng, trial
        # Steps that belong together come one after the other.
        self.pending = deque()
        self.number = 0
        self.names, self.weights = [], []

    def next(self):
        """A step."""
        while not self.pending:
            getattr(self, "_" + self._drawn())()
        return self.pending.popleft()

    def _drawn(self):
        """The name of what is done next."""
        return self.rng.choices(self.names, self.weights)[0]

    def _add(self, *step):
        self.pending.append(step)

    def _new(self):
        """A number that names what no step has made."""
        self.number += 1
        return self.number
