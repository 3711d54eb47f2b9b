"""Scope: which invariants were judged of a subject, and which not, and why.

Source: design/invariants.md#.sol.scope
"""

from dataclasses import dataclass, field

from rangeland.invariants.catalogue import CATALOGUE

# Judged of whatever has alloc and free, and of whatever has insert and delete.
OF_ALLOCATORS = ("nonsense", "raises", "hang", "overlap", "free-refused", "leak")
OF_LANDS = ("raises", "hang", "insert", "delete", "wrong-range")
# Why what could have been judged was not.
UNDONE = {
    "hang": "steps cannot be interrupted here",
    "overlap": "no two blocks lived at once",
    "free-refused": "nothing was freed",
    "leak": "no turns that leave nothing were done to their end",
    "alignment": "no block was given",
    "outside": "no block was given",
    "contents": "no block was read again",
    "prefix": "no block was resized",
    "zeroed": "no zeros were asked for",
    "accounts": "nothing was counted",
    "reunion": "no order of frees united blocks",
    "unwound": "no request was refused",
    "placement": "no place was foretold",
}


@dataclass
class Scope:
    """What all that was tried came to: the requests `asked` and `granted`,
    and the invariants `seen`: {name: None, or why it was not judged}."""

    asked: int = 0
    granted: int = 0
    seen: dict = field(default_factory=dict)

    def add(self, trial):
        """A trial has been run."""
        self.asked += trial.asked
        self.granted += trial.granted
        for name, lack in trial.scope().items():
            self.seen[name] = self.seen.get(name, lack) and lack

    @property
    def judged(self):
        """The names of the invariants that were judged: a list."""
        return [name for name in CATALOGUE if self.seen.get(name, "") is None]

    @property
    def not_judged(self):
        """Those that were not: {name: why}."""
        return {name: self.seen[name] for name in CATALOGUE if self.seen.get(name)}

    def __str__(self):
        """Two lines for people; none if nothing was told."""
        if not self.seen:
            return ""
        told = f"judged: {', '.join(self.judged)}"
        if not self.not_judged:
            return told
        reasons = ", ".join(f"{name} ({why})" for name, why in self.not_judged.items())
        return f"{told}\nnot judged: {reasons}"


def allocator_scope(judge):
    """What an AllocatorJudge judges: {name: None, or why it does not}."""
    pool, calls, memory = judge.pool, judge.calls, judge.memory
    bytes_lack = _unless(memory.read, "it has no memory, nor view, nor read and write")
    aligns = judge.align > 1 or calls.aligned
    whole_lack = _unless(judge.factory.whole, "an arena, or no end of memory, is below it")
    accounts_lack = _unless(judge.accounts.text, judge.accounts.lack)
    return dict.fromkeys((*OF_ALLOCATORS, *judge.also)) | {
        "alignment": _unless(aligns, "it has no align above 1"),
        "outside": _unless(memory.told or judge.owner is not None, "it tells no memory"),
        "contents": bytes_lack,
        "prefix": _unless(calls.realloc, "it has no realloc") or bytes_lack,
        "zeroed": _unless(calls.calloc, "it has no calloc") or bytes_lack,
        "accounts": accounts_lack,
        "reunion": whole_lack,
        "unwound": accounts_lack,
        "own-check": _unless(callable(getattr(pool, "check", None)), "it has no check"),
    }


def done_scope(seen, judged):
    """What was judged of what could be: `seen`, {name: None, or why it cannot
    be}, without what is not among the names `judged`."""
    return {
        name: lack or (None if name in judged else UNDONE.get(name, "no step came to it"))
        for name, lack in seen.items()
    }


def land_scope(judge):
    """What a LandJudge judges: {name: None, or why it does not}."""
    land, offers = judge.land, judge.offers
    lack = _unless("__iter__" in offers, "it has no __iter__")
    return dict.fromkeys(OF_LANDS) | {
        "ranges": lack,
        "membership": lack,
        "land-size": _unless(hasattr(land, "size"), "it has no size"),
        "find": _unless(any(name[:5] == "find_" for name in offers), "it has no find_first"),
        "find-in-zones": _unless("find_in_zones" in offers, "it has no find_in_zones"),
        "iteration": _unless("iterate_and_delete" in offers, "it has no iterate_and_delete"),
        "own-check": _unless(callable(getattr(land, "check", None)), "it has no check"),
    }


def _unless(there, lack):
    """None if it is `there`, else the `lack`."""
    return None if there else lack
