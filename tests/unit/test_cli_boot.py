"""The story of the bootstrap: against real arenas, cut short, and as printed.

The printed stories are made anew by the commands in PRINTED, with the output
sent to their files in tests/replay.
"""

import json

import pytest

from arena.arena import Arena
from pools.mfs import MFS
from pools.mvff import MVFF
from rangeland.cli.boot import POOLS as POOLS_OF_BOOT
from rangeland.cli.boot import bootstrapped
from rangeland.reports.boot import story
from rangeland.reports.boot_text import lines
from rangeland.reports.spans import Spans
from vm import results as r
from vm.events import ALL_KINDS, MPS_KINDS
from vm.log import record
from vm.results import CommitLimitError, ParamError

MIB = 1 << 20
SIZES = (1, MIB, 16 * MIB, 256 * MIB, 1 << 30, 3 * MIB + 12345, 100_000_000)
GRAINS = (4096, 16384, 65536)
POOLS = {"mfs": lambda arena: MFS(arena, 24), "mvff": MVFF}
PRINTED = {
    "boot_mvff.txt": ["--pool", "mvff"],
    "boot_teardown.txt": ["--size", "1M", "--grain-size", "16K", "--flat", "--pool", "mfs"]
    + ["--teardown"],
}


def real(size, grain, zoned, pool):
    """(a real arena with a pool and two blocks, its log)."""
    with record(ALL_KINDS) as log:
        arena = Arena(size=size, grain_size=grain, zoned=zoned)
        if pool:
            client = POOLS[pool](arena)
            client.alloc(24)
            client.alloc(24)
    return arena, log


@pytest.mark.parametrize("pool", [None, "mfs", "mvff"])
@pytest.mark.parametrize("zoned", [True, False])
@pytest.mark.parametrize("grain", GRAINS)
@pytest.mark.parametrize("size", SIZES)
def test_map_and_accounts_are_those_of_the_arena(size, grain, zoned, pool):
    arena, log = real(size, grain, zoned, pool)
    told = story(log)
    expect_map(told.map, arena)
    for name in ("reserved", "committed", "spare_committed"):
        assert told.accounts[name] == getattr(arena, name), name
    assert sum(part["bytes"] for part in told.accounts["committed_by"]) == arena.committed
    assert sum(part["bytes"] for part in told.accounts["reserved_by"]) == arena.reserved
    assert told.end == told.accounts
    assert told.parameters["size"] == size
    assert told.parameters["grain_size"] == grain
    assert told.parameters["zoned"] is zoned
    assert told.parameters["zone_shift"] == arena.zone_shift


def expect_map(runs, arena):
    """Assert that `runs` are the memory of `arena`, page for page."""
    own = [run for run in runs if run["chunk"] is None]
    assert [run["kind"] for run in own] == ["arena descriptor"]
    assert own[0]["base"] == arena.address
    for run in runs:
        pages = arena.space.mapped_pages(run["base"], run["limit"])
        assert pages * 4096 == (run["size"] if run["mapped"] else 0), run
    free = []
    for chunk in arena.chunks:
        mine = [run for run in runs if run["chunk"] == chunk.serial]
        edges = [run["base"] for run in mine] + [chunk.limit]
        assert edges == [chunk.base] + [run["limit"] for run in mine], "without gaps"
        owned = [(*run["pages"], run["owner_address"]) for run in mine if run["owner"]]
        assert owned == [found for found in chunk.runs() if found[2] >= 0]
        spare = [tuple(run["pages"]) for run in mine if run["kind"] == "spare"]
        assert spare == [found[:2] for found in chunk.runs() if found[2] < 0]
        table = [run for run in mine if run["kind"] == "page table"]
        assert table[0]["base"] == chunk.page_table
        assert table[-1]["limit"] == chunk.address_of(chunk.alloc_base)
        free += [(run["base"], run["limit"]) for run in mine if run["kind"] in ("free", "spare")]
    land = Spans()
    for base, limit in free:
        land.paint(base, limit, True)
    chunks_apart = [(base, limit) for base, limit, _ in land]
    assert chunks_apart == list(arena.grains.free_land.land)


def test_the_map_after_much_use_is_that_of_the_arena(rng):
    with record(ALL_KINDS) as log:
        arena = Arena(size=MIB)
        pools = [MVFF(arena, spare=0.1), MVFF(arena, arena_high=True), MFS(arena, 4096)]
        blocks = []
        for _ in range(300):
            if blocks and rng.random() < 0.45:
                pool, at, size = blocks.pop(rng.randrange(len(blocks)))
                pool.free(at, size)
            else:
                pool = rng.choice(pools)
                size = 4096 if isinstance(pool, MFS) else rng.randrange(1, 40000)
                blocks.append((pool, pool.alloc(size), size))
    told = story(log)
    expect_map(told.map, arena)
    assert told.accounts["spare_committed"] == arena.spare_committed > 0
    assert told.accounts["committed"] == arena.committed
    assert len(arena.chunks) > 1


@pytest.mark.parametrize("pool", ["none", "mfs", "mvff"])
def test_every_event_is_told_once_and_from_the_log_alone(pool):
    log = bootstrapped(MIB, 4096, True, pool, True)
    told = story(log)
    indices = [fact.index for step in told.steps for fact in step.events]
    assert sorted(indices) == list(range(len(log)))
    assert [step.number for step in told.steps] == list(range(1, len(told.steps) + 1))
    assert all(step.text.endswith((".", "?")) for step in told.steps)
    assert story(json.loads(log.to_json())).as_json() == told.as_json()
    assert json.loads(json.dumps(told.as_json())) == told.as_json()


def test_depth_says_at_whose_request():
    steps = story(bootstrapped(256 * MIB)).steps
    trail = []
    for step in steps:
        trail[step.depth :] = [step.name]
        if step.name == "ArenaAlloc":
            break
    assert trail == ["bootstrap", "globals", "message table", "control", "grains", "ArenaAlloc"]


def test_each_problem_arises_and_is_solved():
    told = story(bootstrapped(256 * MIB))
    arose = [(s.problem["number"], s.name) for s in told.steps if s.problem]
    solved = [(s.solution["problem"], s.solution["tag"], s.name) for s in told.steps if s.solution]
    assert arose == [
        (1, "VMInit"),
        (2, "VMMap"),
        (4, "spare land"),
        (1, "VMInit"),
        (6, "BootAlloc"),
        (3, "LandInsert"),
        (5, "control pool"),
    ]
    assert [(number, tag.partition("#")[2], name) for number, tag, name in solved] == [
        (2, ".sol.arena", "VMMap"),
        (4, ".sol.spare", "PoolInitMFS"),
        (1, ".sol.vm", "VMCopy"),
        (6, ".sol.boot", "BootAlloc"),
        (1, ".sol.vm", "VMCopy"),
        (3, ".sol.free", "PageAlloc"),
        (3, ".sol.mfs", "PoolExtend"),
        (3, ".sol.free.exclude", "LandDelete"),
        (5, ".sol.control", "PoolInitMVFF"),
    ]
    again = [step.problem["again"] for step in told.steps if step.problem]
    assert again == [False, False, False, True, False, False, False]


def test_a_teardown_leaves_nothing_and_does_not_change_the_map():
    before = story(bootstrapped(16 * MIB, pool="mvff"))
    told = story(bootstrapped(16 * MIB, pool="mvff", teardown=True))
    assert (told.map, told.accounts) == (before.map, before.accounts)
    nothing = {"reserved": 0, "committed": 0, "spare_committed": 0}
    assert told.end == nothing | {"reserved_by": [], "committed_by": []}
    assert "Problem 4 again" in "\n".join(printed(told, 100))


def printed(told, width):
    """The story as printed without colours: its lines."""
    return [line.plain for line in lines(told, width)]


def test_a_log_that_ends_anywhere_can_be_told():
    events = list(bootstrapped(1, pool="mvff", teardown=True))
    start = next(i for i, event in enumerate(events) if event.name == "VMInit")
    for end in range(start + 1, len(events)):
        told = story(events[:end])
        assert told.end["committed"] == mapped_after(events[:end])
        assert len(printed(told, 100)) > 20


def mapped_after(events):
    """The bytes mapped after `events`, counted simply."""
    sign = {"VMMap": 1, "VMUnmap": -1}
    ranges = [(sign.get(e.name, 0), e.params) for e in events if e.name in sign]
    return sum(s * (params["limit"] - params["base"]) for s, params in ranges)


@pytest.mark.parametrize("limit", [0, 4096, 8192, 24576, 28672, 40960, 65536, 131071])
def test_a_bootstrap_that_fails_is_told_to_its_end(limit):
    with record(ALL_KINDS) as log, pytest.raises(CommitLimitError):
        Arena(commit_limit=limit)
    told = story(log)
    bootstrap = next(step for step in told.steps if step.name == "chunk")
    assert told.end["reserved"] == told.end["committed"] == 0
    failing = [step.text for step in told.steps if "COMMIT_LIMIT" in step.text]
    assert failing and len(bootstrap.events) == 2


def test_without_our_own_kind_of_events_the_accounts_are_still_right():
    with record(MPS_KINDS) as log:
        arena = Arena()
    assert story(log).accounts["committed"] == arena.committed


VM_INIT = {"name": "VMInit", "params": {"vm": 8, "base": 4096, "limit": 8192}}


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([], "tells of no bootstrap"),
        ([{"name": "Flood", "params": {}}], "event 0 is named 'Flood'"),
        ([3], "event 0 is named None"),
        ([{"name": ["VMInit"], "params": {}}], "event 0 is named"),
        ([{"name": "VMInit", "params": {"vm": 8}}], "event 0, VMInit, has no base, limit"),
        ([{"name": "VMInit", "params": None}], "event 0, VMInit, has no vm, base, limit"),
        (
            [VM_INIT, {"name": "VMMap", "params": {"vm": 8, "base": 8192, "limit": 12288}}],
            "does not tell where 0x2000 was reserved",
        ),
        (
            [VM_INIT, {"name": "VMFinish", "params": {"vm": 16}}],
            "does not tell what the VM descriptor at 0x10 describes",
        ),
    ],
)
def test_what_is_no_log_of_a_bootstrap_is_refused(events, message):
    with pytest.raises(ParamError, match=message):
        story(events)


def test_an_event_without_a_sentence_is_told_with_its_parameters():
    event = {"name": "ArenaSetSpare", "params": {"arena": 1, "spare": 0.5}}
    assert story([VM_INIT, event]).steps[-1].text == "ArenaSetSpare: arena=1, spare=0.5."


def test_spans_agree_with_a_simple_model(rng):
    spans, model = Spans(), {}
    for _ in range(300):
        base = rng.randrange(60)
        limit = base + rng.randrange(1, 12)
        value = rng.choice(["a", "b", None])
        spans.paint(base, limit, value)
        model.update(dict.fromkeys(range(base, limit), value))
        found = {at: v for low, high, v in spans.within(0, 80) for at in range(low, high)}
        assert found == {at: model.get(at) for at in range(80)}
        runs = list(spans)
        assert all(x[1] < y[0] or x[1:] != (y[0], y[2]) for x, y in zip(runs, runs[1:]))
        assert spans.size() == sum(value is not None for value in model.values())


# The command


@pytest.mark.parametrize("name", PRINTED)
def test_the_story_is_printed_as_it_was(rangeland, root, name):
    result = rangeland("boot", *PRINTED[name], env={"COLUMNS": "100"})
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == (root / "tests" / "replay" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [80, 90, 100])
def test_no_line_is_wider_than_the_terminal_or_ends_in_blanks(width):
    told = story(bootstrapped(256 * MIB, pool="mvff", teardown=True))
    rows = printed(told, width)
    story_rows = rows[: rows.index("The map")]
    assert all(len(row) <= width for row in story_rows)
    assert all(len(row) <= 100 and row == row.rstrip() and "\xa0" not in row for row in rows)


def test_colours_are_of_parts_of_a_line():
    line = next(t for t in lines(story(bootstrapped(MIB)), 100) if "Reserve" in t.plain)
    assert line.style == ""
    at = line.plain.index("Reserve")
    styles = {str(span.style): (span.start, span.end) for span in line.spans if span.style}
    assert "dim" in styles
    assert not any(start <= at < end for start, end in styles.values())


def test_json_has_the_whole_story(rangeland):
    result = rangeland("boot", "--size", "1m", "--pool", "mfs", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    told = json.loads(result.stdout)
    assert set(told) == {"parameters", "steps", "map", "accounts", "end"}
    expected = story(bootstrapped(MIB, pool="mfs")).as_json()
    for step in [*told["steps"], *expected["steps"]]:
        for event in step["events"]:
            # Strings are numbered in the order of the process.
            event["params"].pop("stringId", None)
    assert told == expected


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--size", "0"], "size is 0: expected at least 1"),
        (["--size", "banana"], "'banana' is no size"),
        (["--size", "-1"], "'-1' is no size"),
        (["--size", "1.5M"], "'1.5M' is no size: expected a size such as 4096, 64K, 256M, 1G or"),
        (["--size", "100T"], "RESOURCE"),
        (["--grain-size", "5000"], "grain_size is 5000: expected a power of two"),
        (["--grain-size", "1K"], "grain_size is 1024: expected at least 4096"),
        (["--pool", "lisp"], "'lisp' is not one of"),
    ],
)
def test_bad_requests_are_refused_in_one_line(rangeland, args, message):
    result = rangeland("boot", *args)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("rangeland: ") and result.stderr.count("\n") == 1
    assert message in result.stderr


def test_the_help_says_what_becomes_of_a_small_size(rangeland):
    text = " ".join(rangeland("boot", "--help").stdout.split())
    assert "a size below 64 grains is raised to that" in text
    told = json.loads(rangeland("boot", "--size", "1", "--json").stdout)
    assert told["map"][-1]["limit"] - told["map"][1]["base"] >= 64 * 4096


def test_a_step_that_fails_ends_with_its_result(monkeypatch):
    def refuse(arena):
        raise CommitLimitError("no")

    monkeypatch.setitem(POOLS_OF_BOOT, "mvff", refuse)
    with record(ALL_KINDS) as log, pytest.raises(CommitLimitError):
        bootstrapped(MIB, pool="mvff")
    assert list(log)[-1].params == {"step": "first pool", "res": r.COMMIT_LIMIT}


LEAVE = """
import subprocess, sys
command = [sys.executable, "-m", "rangeland", "boot", "--teardown", "--pool", "mvff"]
process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
first = process.stdout.readline()
process.stdout.close()
print(repr(first), repr(process.stderr.read()), process.wait())
"""


def test_a_reader_that_leaves_hears_nothing_more(python):
    result = python("-c", LEAVE)
    first, said, status = result.stdout.rsplit(maxsplit=2)
    assert "The bootstrap of an arena" in first
    assert (said, status) == ("''", "141"), result.stderr
