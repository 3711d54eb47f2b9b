"""The story of a bootstrap: a pure function of the events that were recorded.

`story` makes numbered steps of a log, one for each deed or for events that
are one deed, each with what it is a step of, and with the problem that arises
or is solved there; and at the end the map of memory and the accounts.
Source: design/telemetry.md#.sol.story
"""

from dataclasses import dataclass

from rangeland.reports.facts import facts
from rangeland.reports.ledger import Ledger, accounts
from rangeland.reports.names import Names
from rangeland.reports.problems import Problems
from rangeland.reports.prose import Prose
from vm.results import NAMES, ParamError

# Events in a row that are one deed.
TOGETHER = (
    ("StepEnter", "StepEnter", "ControlAlloc", "StepLeave", "StepLeave"),
    ("StepEnter", "StepEnter", "ControlFree", "StepLeave", "StepLeave"),
    ("StepEnter", "ControlAlloc", "StepLeave"),
    ("StepEnter", "ControlFree", "StepLeave"),
    ("VMInit", "VMReserve"),
    ("PoolInitMFS", "PoolInit"),
    ("PoolInitMVFF", "PoolInit"),
    ("ArenaPollBegin", "ArenaPollEnd"),
    ("Intern", "LabelPointer"),
)
LABEL = ("Intern", "LabelPointer")
# The steps in which what was made is undone.
ENDINGS = ("end of the pool", "teardown")


@dataclass
class Step:
    """One step of a story.

    `name` is that of a step of the bootstrap, or of its event; `depth` says
    how many steps it is a part of; `events` are the facts that it tells.
    """

    number: int
    depth: int
    name: str
    text: str
    events: list
    problem: dict | None
    solution: dict | None

    @property
    def is_deed(self):
        """False for what is begun here and done in the steps below."""
        return any(fact.name not in ("StepEnter", "StepLeave") for fact in self.events)

    def as_json(self):
        """The step as a JSON object; its events without their times."""
        return {
            "number": self.number,
            "depth": self.depth,
            "name": self.name,
            "text": self.text,
            "events": [
                {"index": fact.index, "name": fact.name, "params": fact.params}
                for fact in self.events
            ],
            "problem": self.problem,
            "solution": self.solution,
        }


@dataclass
class Story:
    """A story: what the arena was asked for, the steps, and, as all was when
    nothing had been undone yet, the map (see Ledger.runs) and the accounts.

    `end` are the accounts at the end of the log.
    """

    parameters: dict
    steps: list
    map: list
    accounts: dict
    end: dict

    def as_json(self):
        """The story as one JSON object."""
        return {
            "parameters": self.parameters,
            "steps": [step.as_json() for step in self.steps],
            "map": self.map,
            "accounts": self.accounts,
            "end": self.end,
        }


def story(events):
    """The Story of `events`: a log of all kinds, or its JSON, loaded.

    Raises: ParamError if that is not the log of a bootstrap.
    Cost: O(events * ranges), for the ranges of memory at most at a time.
    """
    told = facts(events)
    if not any(fact.name == "VMInit" for fact in told):
        raise ParamError("the log tells of no bootstrap: expected events of all kinds, a VMInit")
    names = Names(told)
    teller = Teller(names)
    ledger = Ledger(names)
    peak = None
    for group in groups(told):
        first = group[0]
        if peak is None and first.name == "StepEnter" and first.params["step"] in ENDINGS:
            peak = ledger.runs(), accounts(ledger)
        teller.tell(group)
        for fact in group:
            ledger.take(fact)
    end = accounts(ledger)
    runs, amounts = peak or (ledger.runs(), end)
    return Story(parameters(told), teller.steps, runs, amounts, end)


def groups(told):
    """The facts in groups, each of which is one deed: lists of facts."""
    i = 0
    while i < len(told):
        j = i + next((len(row) for row in TOGETHER if _is_next(told, i, row)), 1)
        if _is_next(told, j, LABEL) and _subject(told[i]) == told[j + 1].params["pointer"]:
            j += len(LABEL)
        yield told[i:j]
        i = j


def _is_next(told, i, row):
    return row == tuple(fact.name for fact in told[i : i + len(row)])


def _subject(fact):
    """The address of what `fact` makes, if that may be given a label."""
    return fact.params.get({"GenInit": "gen"}.get(fact.name, "pool"))


def parameters(told):
    """What the arena was asked for, and what it made of it."""
    found = {}
    for fact in told:
        e = fact.params
        if fact.name == "ArenaOptions":
            found = {
                "size": e["size"],
                "grain_size": e["grainSize"],
                "zoned": bool(e["zoned"]),
                "commit_limit": e["commitLimit"],
                "spare": e["spare"],
            }
        elif fact.name == "ArenaCreateVM":
            found["chunk_size"] = e["chunkSize"]
            found["zone_shift"] = (e["chunkSize"] >> 6).bit_length() - 1
    return found


class Teller:
    """Makes the steps of a story, group by group."""

    def __init__(self, names):
        self.steps = []
        self._prose = Prose(names)
        self._problems = Problems(names)
        self._open = []

    def tell(self, group):
        """Tell one group of facts."""
        first = group[0]
        if first.name == "StepLeave" and self._open:
            self._leave(first)
            return
        problem, solution = self._problems.at(first)
        step = Step(
            number=len(self.steps) + 1,
            depth=len(self._open),
            name=first.params["step"] if first.name == "StepEnter" else first.name,
            text=self._prose.sentence(group),
            events=group,
            problem=problem,
            solution=solution,
        )
        self.steps.append(step)
        if not step.is_deed:
            self._open.append(step)

    def _leave(self, fact):
        """What `fact` ends is told already, but for its failure."""
        step = self._open.pop()
        step.events = [*step.events, fact]
        if fact.params["res"]:
            step.text += f" It fails: {NAMES[fact.params['res']]}."
