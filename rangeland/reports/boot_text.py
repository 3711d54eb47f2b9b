"""The story of a bootstrap as text for a terminal.

A line is a rich Text; where there are no colours they are left out, and
nothing is said by colour alone.
"""

import re
import textwrap

from rich.text import Text

from rangeland.reports.names import measure, short

# The columns before the prose, for the step's number and its name.
NUMBER = 5
NAME = 21
INDENT = 2
NARROWEST = 80
WIDEST = 100
# What no line ends within: a range, what is in brackets, a number of things.
TORN = re.compile(r"\[0x\w+, 0x\w+\)|\([^()]{1,46}\)|[0-9,]+ bytes")
TITLE = "The bootstrap of an arena, told from its recorded events"
# The steps whose own steps are sections of the story.
PARTS = (("bootstrap",), ("teardown",))
WORDS = (
    ("reserve", "set addresses aside, so that nobody else gets them. There is no memory there yet"),
    ("map", "put memory at reserved addresses, in whole pages. What is mapped is committed"),
    ("VM", "a range of reserved addresses, some of them mapped. Its descriptor remembers which"),
    ("arena", "the manager of all memory: its descriptor, and what can be found from there"),
    ("chunk", "a VM that the arena gives memory from. The tables about a chunk lie in it"),
    ("grain", "the least that the arena gives: one page of a chunk. A chunk's pages are numbered"),
    ("pool", "what gives blocks to its clients, out of grains that the arena gives to it"),
    ("land", "a set of ranges of addresses. A range takes a node, and a node takes memory"),
    ("spare", "free, but still mapped, in case it is soon wanted again"),
)


def lines(story, width):
    """The lines of `story` at `width` columns: what the words mean, the
    steps, where each problem was solved, the map and the accounts."""
    width = max(NARROWEST, min(width, WIDEST))
    yield Text(TITLE, style="bold")
    yield Text()
    for word, meaning in WORDS:
        yield from _hanging(Text.assemble((f"  {word:9}", "cyan")), f"{meaning}.", width)
    yield Text()
    for step in story.steps:
        yield from _step(step, width)
    yield from _problems(story.steps, width)
    yield from _map(story.map)
    yield from _accounts(story.accounts, "The accounts")
    if story.end != story.accounts:
        yield from _accounts(story.end, "The accounts at the end")


def _hanging(head, text, width, style=""):
    """`text` wrapped to `width`, beside `head` and below its end. The styles of
    `head` are those of its parts, for its own would be the whole line's."""
    margin = len(head)
    for i, row in enumerate(_rows(text, width - margin)):
        yield (head if i == 0 else Text(" " * margin)) + Text(row, style=style)


def _step(step, width):
    indent = " " * INDENT * max(0, step.depth - 1)
    if not step.is_deed and step.depth == 0:
        yield Text()
        yield Text("-" * width, style="dim")
    elif step.events[0].name == "StepEnter" and step.events[0].path in PARTS:
        yield Text()
    name = (f"{step.name:{NAME}}", "dim" if step.is_deed else "cyan")
    head = Text.assemble((f"{step.number:{NUMBER - 2}}  ", "dim"), name, indent)
    margin = len(head)
    yield from _hanging(head, step.text, width, "" if step.is_deed else "bold")
    if step.problem:
        number, again = step.problem["number"], step.problem["again"]
        text = f"Problem {number}, {step.problem['title']}: {step.problem['text']}."
        if again:
            text = f"Problem {number} again, {step.problem['title']}."
        yield from _beside(margin, text, width, "yellow")
    if step.solution:
        text = f"Solves problem {step.solution['problem']}: {step.solution['text']}."
        yield from _beside(margin, f"{text} ({step.solution['tag']})", width, "green")


def _beside(margin, text, width, style):
    """`text` behind a bar, which sets it apart from what was done."""
    for row in _rows(text, width - margin - 2):
        yield Text(" " * margin) + Text(f"| {row}", style=style)


def _rows(text, width):
    """`text` wrapped to `width`, its measures and addresses never torn."""
    glued = TORN.sub(lambda match: match[0].replace(" ", "\xa0"), text)
    rows = textwrap.wrap(glued, width, break_long_words=False, break_on_hyphens=False)
    return [row.replace("\xa0", " ") for row in rows]


def _heading(text):
    yield Text()
    yield Text(text, style="bold")
    yield Text()


def _problems(steps, width):
    """Which problems there were, with the steps where each arose and was
    solved."""
    arose, solved, titles, tags = {}, {}, {}, {}
    for step in steps:
        if step.problem:
            number = step.problem["number"]
            titles[number] = step.problem["title"]
            arose.setdefault(number, []).append(step.number)
        if step.solution:
            number = step.solution["problem"]
            solved.setdefault(number, []).append(step.number)
            tag = step.solution["tag"].partition("#")[2]
            if tag not in tags.setdefault(number, []):
                tags[number].append(tag)
    if titles:
        yield from _heading("The problems (the tags are those of design/bootstrap.md)")
    for number in sorted(titles):
        head = Text.assemble((f"  {number}  {titles[number]:31}", "yellow"))
        text = f"arises at {_listed(arose[number])}"
        if number in solved:
            text += f", solved at {_listed(solved[number])}: {', '.join(tags[number])}"
        yield from _hanging(head, text, width)


def _listed(numbers):
    return ", ".join(map(str, numbers))


def _map(runs):
    region = None
    yield from _heading("The map")
    head = f"  {'pages':>19}  {'offset':>11}  {'bytes':>14}{'':14}  what"
    for run in runs:
        if run["region"] != region:
            if region:
                yield Text()
            region = run["region"]
            yield Text(f"  {_region(runs, region)}")
            yield Text(head, style="dim")
        pages = ""
        if run["pages"]:
            low, high = run["pages"]
            pages = f"{low:,}" if high == low + 1 else f"{low:,} to {high - 1:,}"
        style = "" if run["mapped"] else "dim"
        row = f"  {pages:>19}  {run['offset']:>#11x}  {short(run['size']):>28}  {_what(run)}"
        yield Text(row, style)
        for part in run["parts"]:
            row = f"  {'':19}  {part['offset']:>#11x}  {part['size']:>14,}{'':14}    {part['what']}"
            yield Text(row, "dim")


def _region(runs, region):
    base = min(run["base"] for run in runs if run["region"] == region)
    limit = max(run["limit"] for run in runs if run["region"] == region)
    return f"{region}: {measure(limit - base)}, [{base:#x}, {limit:#x})"


def _what(run):
    what = run["owner"] or run["kind"]
    return what if run["mapped"] else f"{what}, not mapped"


def _accounts(accounts, title):
    yield from _heading(title)
    for name, parts in (("reserved", "reserved_by"), ("committed", "committed_by")):
        yield Text(f"  {name:10}  {short(accounts[name]):>28}".rstrip(), style="bold")
        for part in accounts[parts]:
            yield Text(f"  {'':10}  {part['bytes']:>14,}{'':14}  {part['what']}")
    yield Text(f"  {'spare':10}  {short(accounts['spare_committed']):>28}".rstrip(), style="bold")
