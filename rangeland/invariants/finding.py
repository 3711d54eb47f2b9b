"""What comes of a trial: an invariant that broke, and how to break it again.

Source: design/invariants.md#.sol.finding
"""

from dataclasses import asdict, dataclass, field

from rangeland.invariants.catalogue import CATALOGUE
from rangeland.invariants.scope import Scope
from vm.results import ParamError

# What is said of a finding that is not reproducible.
DIFFERS = (
    "not reproduced by a fresh allocator: it is not deterministic, or shares state with those "
    "made before"
)


class CannotTry(ParamError):
    """The subject could not be tried: nothing is said about it."""


class Broken(Exception):
    """The invariant of the catalogue called `invariant` does not hold.

    `message` says what was found and what was expected. `proof` is the
    Python statement, in the names of the trial's program, that fails as the
    judgement did; without one, the last step itself fails.
    Raises: KeyError for a name that the catalogue does not have.
    """

    def __init__(self, invariant, message, proof=None):
        if invariant not in CATALOGUE:
            raise KeyError(f"no invariant is named {invariant!r}")
        super().__init__(f"{invariant}: {message}")
        self.invariant = invariant
        self.message = message
        self.proof = proof


@dataclass
class Finding:
    """An invariant that broke, with the fewest steps known to break it.

    `program` is the text of a Python program that does; `found_after` the
    steps done, in all examples, when it was found. It is `reproducible` if
    fresh trials of the steps break the same again.
    """

    invariant: str
    message: str
    steps: list
    program: str
    seed: int
    example: int
    found_after: int
    reproducible: bool = True

    def __str__(self):
        sentence = CATALOGUE[self.invariant].sentence
        told = f"{self.invariant}: {self.message}\n({sentence})\n"
        if not self.reproducible:
            told += f"{DIFFERS}\n"
        return f"{told}\n{self.program}"


@dataclass
class Result:
    """What came of trying a subject: `ok`, or the `finding`; its `scope` tells
    what was judged, and what not."""

    ok: bool
    finding: Finding | None
    steps: int
    examples: int
    seconds: float
    seed: int
    scope: Scope = field(default_factory=Scope, kw_only=True)

    @property
    def invariant(self):
        """The name of the invariant that broke, or None."""
        return self.finding.invariant if self.finding else None

    @property
    def counterexample(self):
        """The text of a program that breaks the invariant, or None."""
        return self.finding.program if self.finding else None

    def __bool__(self):
        return self.ok

    def __str__(self):
        tried = f"{self.steps:,} steps of {self.examples:,} examples, seed {self.seed}"
        if self.ok:
            return f"every invariant held in {tried}\n{self.scope}".rstrip()
        return f"broken in {tried}\n{self.finding}"

    def to_dict(self):
        """The result as plain data, of which JSON can be made."""
        told = asdict(self) | {"invariant": self.invariant, "counterexample": self.counterexample}
        del told["scope"]
        if self.scope.seen:
            told |= {"judged": self.scope.judged, "not_judged": self.scope.not_judged}
        return told
