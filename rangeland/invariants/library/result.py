"""What came of trying a library: for people, and as data.

Source: design/library.md#.sol.survey
"""

from dataclasses import dataclass, field

from rangeland.invariants.catalogue import CATALOGUE
from rangeland.invariants.finding import Result
from rangeland.invariants.library.steps import text

SHOWN = 30

_CHOICES = (
    ("malloc_zero", "malloc(0)"),
    ("realloc_to_zero", "realloc(p, 0)"),
    ("calloc_overflow", "calloc(n, m) that overflows"),
    ("impossible_size", "malloc of what cannot be"),
)


@dataclass
class LibraryResult(Result):
    """A result, and what was seen of the library.

    `library` is the file that was loaded, `functions` the names tried,
    `operations_per_second` that of checked operations in the child;
    `threads` tells how many at once, in how many operations, and how; `known`
    the known faults of this library that were met and excused; `promises`
    what it does where the C standard leaves a choice.
    """

    library: str = ""
    functions: list = field(default_factory=list)
    operations_per_second: float = 0.0
    refused: int = 0
    threads: dict = field(default_factory=dict)
    known: list = field(default_factory=list)
    promises: dict | None = None

    def __str__(self):
        lines = [f"{self.library}: {self._verdict()}"]
        lines.append(f"  {', '.join(self.functions)}")
        if self.operations_per_second:
            lines.append(f"  {self.operations_per_second:,.0f} checked operations per second")
        lines.append(f"  threads: {self._threads()}")
        lines += [f"  known fault, excused: {told}" for told in self.known]
        if self.promises:
            lines += ["", *self._promised()]
        if self.finding:
            lines += ["", *self._found()]
        return "\n".join(lines)

    def _verdict(self):
        tried = f"{self.steps:,} operations, seed {self.seed}"
        if self.ok:
            return f"every invariant held in {tried}"
        return f"{self.finding.invariant} broken in {tried}"

    def _threads(self):
        if self.threads.get("operations"):
            return "{count} at once, {operations:,} operations, {how}".format(**self.threads)
        return self.threads.get("how", "not tried")

    def _found(self):
        finding = self.finding
        steps = [f"    {text(step)}" for step in finding.steps if step[0] != "storm"]
        if len(steps) > SHOWN:
            steps[:-SHOWN] = [f"    ... {len(steps) - SHOWN:,} before"]
        sentence = CATALOGUE[finding.invariant].sentence
        found = f"{finding.invariant}: {finding.message}"
        return [found, f"({sentence})", *steps, "", finding.program]

    def _promised(self):
        promises = self.promises
        usable = {size: (least, most) for size, least, most in promises["usable_size"]}
        lines = ["  size      alignment  usable size"]
        for size, align in promises["alignment"]:
            if size in usable:
                least, most = usable[size]
                both = f"{least:,}" if least == most else f"{least:,} to {most:,}"
                lines.append(f"  {size:<9,} {align:<10,} {both}")
            elif not usable:
                lines.append(f"  {size:<9,} {align:<10,} not told")
        lines += [f"  {words}: {promises[name]}" for name, words in _CHOICES]
        return lines
