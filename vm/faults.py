"""Fault plans: which reservations, mappings and node allocations fail.

A plan belongs to an address space (`space.faults = plan`) and is asked before
each attempt. Source: design/vm.md#.sol.faults
"""

import random

from vm.results import ParamError, fraction, integer

RESERVATION = "reservation"
MAPPING = "mapping"
NODE = "node"
KINDS = (RESERVATION, MAPPING, NODE)


class FaultPlan:
    """Attempts that the machine shall refuse, counted from 1 for each kind.

    ``FaultPlan().fail("mapping", nth=3)`` refuses the third mapping from now;
    ``nth=range(3, 7)`` the third to the sixth; ``probability=0.1, seed=7``
    one in ten, the same ones in every run. Rules add up.
    `attempts` and `refused` count by kind.
    """

    def __init__(self):
        self.attempts = dict.fromkeys(KINDS, 0)
        self.refused = dict.fromkeys(KINDS, 0)
        self._rules = {kind: [] for kind in KINDS}

    def fail(self, kind, nth=None, probability=None, seed=0):
        """Add a rule for `kind` and return the plan.

        Raises: ParamError for an unknown kind, a count below 1, a
        probability outside 0 to 1, or unless exactly one of `nth` and
        `probability` is given.
        """
        if kind not in KINDS:
            raise ParamError(f"no kind of fault is named {kind!r}: expected {', '.join(KINDS)}")
        if (nth is None) == (probability is None):
            raise ParamError("a fault rule has either nth or probability, not both or none")
        if probability is not None:
            probability = fraction("probability", probability)
            chance = random.Random(seed)
            self._rules[kind].append(lambda count: chance.random() < probability)
        elif isinstance(nth, range):
            integer("nth", nth.start, least=1)
            self._rules[kind].append(nth.__contains__)
        else:
            self._rules[kind].append(integer("nth", nth, least=1).__eq__)
        return self

    def refuses(self, kind):
        """True if this attempt, which is counted, shall fail."""
        self.attempts[kind] += 1
        count = self.attempts[kind]
        refused = any([rule(count) for rule in self._rules[kind]])
        self.refused[kind] += refused
        return refused
