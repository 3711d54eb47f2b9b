"""conform tells a recording that differs, and a file that is no recording.

Source: design/conform.md#.req.tell, design/conform.md#.req.refuse
"""

import gzip
import json

import pytest
from click.testing import CliRunner
from support.recordings import KEPT, VECTORS, Recording

from rangeland.cli.conform import conform as command
from rangeland.conform.run import BEFORE, conform
from rangeland.conform.vectors import VectorError
from vm.telemetry import stream


@pytest.fixture
def recording(tmp_path):
    """Make a Recording of the file of a name."""
    return lambda *args, **kwargs: Recording(tmp_path, *args, **kwargs)


@pytest.fixture(autouse=True)
def nobody_listens():
    """Whatever a file does, nobody is left listening to the telemetry."""
    yield
    assert stream.mask == 0


def test_the_first_lines_of_a_recording_repeat(recording):
    outcome = conform(recording("mvff-default").write())
    assert (outcome.operations, outcome.mismatches, outcome.first) == (KEPT, 0, None)
    assert outcome.kind == "mvff"


def test_a_placement_changed_is_told(recording):
    tampered = recording("mvff-default")
    number = tampered.find("a", 40)
    true = list(tampered.line(number))
    tampered.line(number)[-1] += 8
    first = tampered.first()
    assert first.line == number
    assert first.came == [true]
    assert first.expected == [[*true[:-1], true[-1] + 8]]
    assert first.before == [[line] for line in tampered.lines[number - 1 - BEFORE : number - 1]]


def test_only_the_changed_placement_differs(recording):
    tampered = recording("mvff-default")
    tampered.line(tampered.find("a", 40))[-1] += 8
    assert conform(tampered.write()).mismatches == 1


def test_an_allocation_dropped_is_told_at_its_free(recording):
    tampered = recording("mvff-default")
    number = tampered.find("f", 10)
    block = tampered.line(number)[1]
    birth = next(n for n in range(1, number) if tampered.lines[n][:2] == ["a", block])
    del tampered.lines[birth]
    first = tampered.first()
    assert birth + 1 <= first.line <= number - 1
    tampered.lines = tampered.lines[:1] + [["f", block]]
    first = tampered.first()
    assert (first.line, first.expected) == (2, [["f", block]])
    assert f"block {block} was never allocated" in first.came[0][1]


def test_a_free_dropped_is_told_later(recording):
    tampered = recording("mvff-default", kept=1000)
    number = tampered.find("f", 0)
    del tampered.lines[number - 1]
    first = tampered.first()
    assert first.line >= number
    assert first.expected != first.came


@pytest.mark.parametrize("place", range(1, 6))
def test_a_total_changed_is_told(recording, place):
    tampered = recording("mvff-default", kept=1000)
    number = tampered.find("s", -1)
    true = list(tampered.line(number))
    tampered.line(number)[place] += 4096
    first = tampered.first()
    assert (first.line, first.came) == (number, [true])


def test_a_chunk_map_changed_is_told(recording):
    tampered = recording("mvff-default", kept=2000)
    number = tampered.find("t", -1)
    true = json.loads(json.dumps(tampered.line(number)))
    tampered.line(number)[2][1] += 1
    first = tampered.first()
    assert (first.line, first.came) == (number, [true])


def test_a_control_line_dropped_is_told_at_its_operation(recording):
    tampered = recording("arena-frag", kept=2000)
    number = tampered.find("c+")
    aside = tampered.line(number)
    operation = tampered.line(number + 1)
    del tampered.lines[number - 1]
    first = tampered.first()
    assert first.line == number
    assert (first.expected, first.came) == ([operation], [aside, operation])


def test_a_chunk_at_another_address_is_told(recording):
    tampered = recording("arena-frag", kept=7000)
    number = tampered.find("chunk")
    tampered.line(number)[4] += 1
    first = tampered.first()
    assert first.line > number
    assert tampered.line(number) in first.expected and first.came != first.expected


@pytest.mark.parametrize("other", [None, 4096], ids=["alive", "never made"])
def test_a_free_in_another_pool_is_told(recording, other):
    tampered = recording("arena-frag", kept=2000)
    number = tampered.find("f", 5)
    pools = {line[1] for line in tampered.lines[1:] if line[0] == "pc"}
    (alive, *_) = pools - {tampered.line(number)[1]}
    tampered.line(number)[1] = alive if other is None else other
    first = tampered.first()
    assert first.line == number
    assert "pool" in first.came[-1][1]


def test_an_extent_of_another_size_is_told(recording):
    tampered = recording("mfs-noself", kept=500)
    number = tampered.find("x")
    size = tampered.line(number)[2]
    tampered.line(number)[2] += 8
    assert tampered.first().came[0][2] == size


def test_a_result_of_a_land_changed_is_told(recording):
    tampered = recording("land-cbsfast")
    number = tampered.find("i", 5)
    tampered.line(number)[3] = "FAIL"
    first = tampered.first()
    assert (first.line, first.expected[0][3]) == (number, "FAIL")


def test_an_event_changed_is_told(recording):
    tampered = recording("bootstrap-a28_mvff")
    number = tampered.find("VMInit")
    tampered.line(number)[1]["limit"][1] += 4096
    first = tampered.first()
    assert first.line == number
    assert first.expected[0] == first.came[0] == "VMInit"
    assert first.expected[1]["limit"][1] == first.came[1]["limit"][1] + 4096


def test_an_event_dropped_is_told(recording):
    tampered = recording("bootstrap-a28_mvff")
    number = tampered.find("VMMap", 1)
    following = tampered.line(number + 1)[0]
    del tampered.lines[number - 1]
    first = tampered.first()
    assert (first.line, first.expected[0]) == (number, following)


def test_events_after_the_end_are_told(recording):
    tampered = recording("bootstrap-a28_mvff")
    del tampered.lines[tampered.find("ArenaDestroy") - 1]
    outcome = conform(tampered.write())
    assert (outcome.mismatches, outcome.first.line, outcome.first.expected) == (1, None, None)
    assert outcome.first.came[0] == "ArenaDestroy"


def test_a_label_never_interned_is_told(recording):
    tampered = recording("bootstrap-a28")
    number = tampered.find("LabelPointer", -1)
    tampered.line(number)[1]["stringId"] = 10**6
    first = tampered.first()
    assert "never interned" in str(first.expected) or first.line < number


# Files that are no recordings


def a_pool(kind, **args):
    """What a header says of a pool of class `kind`."""
    return {"pool": {"class": kind, "args": args, "serial": 4}}


@pytest.mark.parametrize(
    "data, why",
    [
        (b"", "line 1: expected a header object, found an empty file"),
        (b"\x00\x01\xff\xfe\n", "line 1: expected UTF-8"),
        (b"rubbish\n", "line 1: expected JSON: Expecting value at column 1"),
        (b"[" * 100_000 + b"\n", "line 1: expected JSON: "),
        (b"[1]\n", "line 1: expected a header with format mps-vectors/1, found [1]"),
        (b'{"format": "other"}\n', "line 1: expected a header with format mps-vectors/1"),
        (b'{"format": "mps-vectors/1"}\n', "line 1: kind None is not to be repeated yet"),
        (b'{"format": "mps-vectors/1"', "line 1: expected a line end, found a cut line"),
        (gzip.compress(b"{}\n", mtime=0)[:-11], "line 1: expected whole gzip data"),
        (b"\x1f\x8b\x08\x00" + b"\x7f" * 40, "line 1: expected whole gzip data"),
    ],
    ids="empty binary text deep array format kind cut gzip-cut gzip-bad".split(),
)
def test_what_is_no_recording_is_refused(tmp_path, data, why):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(data)
    with pytest.raises(VectorError) as caught:
        conform(path)
    assert str(caught.value).startswith(f"{path}: {why}")


def test_a_bomb_ends_at_its_first_line(tmp_path):
    path = tmp_path / "bomb.jsonl.gz"
    path.write_bytes(gzip.compress(bytes(1 << 26)))
    with pytest.raises(VectorError, match=": line 1: expected a line of less than 16777216 bytes"):
        conform(path)


def test_a_cut_gzip_file_is_refused_where_it_is_cut(tmp_path):
    path = tmp_path / "cut.jsonl.gz"
    data = (VECTORS / "mvff-default.jsonl.gz").read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(VectorError, match=r": line \d{3,}: expected whole gzip data"):
        conform(path)


def test_a_garbled_line_is_refused_by_its_number(recording):
    tampered = recording("mvff-default", kept=50)
    lines = tampered.write().read_bytes().split(b"\n")
    lines[29] = b'["a",4,\xff'
    tampered.path.write_bytes(b"\n".join(lines))
    with pytest.raises(VectorError, match="line 30: expected UTF-8"):
        conform(tampered.path)
    lines[29] = b'["a",4,'
    tampered.path.write_bytes(b"\n".join(lines))
    with pytest.raises(VectorError, match="line 30: expected JSON"):
        conform(tampered.path)


@pytest.mark.parametrize(
    "key",
    [
        "loc",
        "arena",
        "arena.grain_size",
        "arena.zoned",
        "arena.arena_vm",
        "arena.chunk0.base",
        "arena.start",
        "pool",
        "pool.class",
    ],
)
def test_a_header_that_lacks_a_field_is_refused(recording, key):
    tampered = recording("mvff-default")
    *path, last = key.split(".")
    place = tampered.lines[0]
    for name in path:
        place = place[name]
    del place[last]
    assert tampered.refusal().startswith(f"line 1: expected a header with '{key}")


@pytest.mark.parametrize(
    "name, change, why",
    [
        ("mvff-default", {"kind": "snc"}, "kind 'snc' is not to be repeated yet: expected boot"),
        ("mvff-default", {"loc": 3}, "expected int or pair as 'loc' of the header, found 3"),
        ("mvff-default", {"loc": "x"}, "expected int or pair as 'loc' of the header, found "),
        ("mvff-default", a_pool("SNC"), "pool class SNC: expected MFS, MVFF or MVT"),
        ("mfs-u24", a_pool("MFS"), "expected 'MFS_UNIT_SIZE'"),
        ("mfs-u24", a_pool("MFS", EXTEND_BY="x"), "expected a number"),
        ("arena-frag", {"vm_growth": [1]}, "expected two numbers or nulls as 'vm_growth'"),
        ("bootstrap-a20", {"mode": "snc"}, "mode 'snc' (pool class SNC): expected arena"),
    ],
)
def test_a_header_that_is_wrong_is_refused(recording, name, change, why):
    tampered = recording(name)
    tampered.lines[0].update(change)
    assert tampered.refusal().startswith(f"line 1: {why}")


@pytest.mark.parametrize(
    "change, why",
    [
        ({"class": "Splay"}, "land class 'Splay': expected a CBS, Freelist or Failover"),
        ({"block_size": 0}, "land.block_size is 0: expected 40"),
        ({"block_limit_res": "NO"}, "expected the name of a result as 'land.block_limit_res'"),
        ({"span": 0}, "land.span is 0: expected at least 1"),
        ({"span": 1 << 61}, "size is "),
        ({"align": "x"}, "expected a whole number as 'land.align'"),
    ],
)
def test_a_land_that_is_wrong_is_refused(recording, change, why):
    tampered = recording("land-cbsfast")
    tampered.lines[0]["land"].update(change)
    assert tampered.refusal().startswith(f"line 1: {why}")


@pytest.mark.parametrize(
    "header, why",
    [
        ({"control_log": 3}, "expected an array as 'arena.control_log', found 3"),
        ({"control_log": [["x"]]}, "expected c+ or c- in 'arena.control_log'"),
        ({"commit_limit": 0}, "no memory for the arena descriptor"),
        ({"requested_size": 1 << 63}, "size is 9223372036854775808: expected at most"),
        ({"grain_size": 3}, "grain_size is 3: expected"),
    ],
)
def test_an_arena_that_cannot_be_is_refused(recording, header, why):
    tampered = recording("mvff-default")
    tampered.lines[0]["arena"].update(header)
    message = tampered.refusal()
    assert message.startswith("line 1: ")
    assert why in message or "commit_limit" in header


@pytest.mark.parametrize(
    "name, line, why",
    [
        ("mvff-default", ["a", 1, 8], 'expected ["a", "block", "size", "address"], found '),
        ("mvff-default", ["a", 1, 8, 9, 9], 'expected ["a", "block", "size", "address"], found '),
        ("mvff-default", ["a", 1, 8, "NO"], "expected an address or the name of a result as"),
        ("mvff-default", ["f", -1], "expected a whole number as 'block' of 'f', found -1"),
        ("mvff-default", ["f", 1 << 64], "expected a whole number as 'block' of 'f', found 1844"),
        ("mvff-default", ["zz"], "expected an operation of kind mvff (f, s, S, t, pd, a), found "),
        ("mvff-default", {}, "expected an array that begins with the name of an operation"),
        ("mvff-default", [1], "expected an array that begins with the name of an operation"),
        ("mvff-default", ["a", 99999, 0, 0], "size is 0: expected at least 1"),
        ("mvff-default", ["t", 0, [1, "x"]], "expected an array of whole numbers, or -1 as 'runs'"),
        ("mvff-default", ["chunk", 1], 'expected ["chunk", "serial", "base", '),
        ("arena-frag", ["sp", "x"], "expected a number as 'fraction' of 'sp', found \"x\""),
        ("arena-frag", ["sp", 2], "spare is 2: expected a number from 0 to 1"),
        ("arena-frag", ["pc", 9, "SNC", {}, 4], "pool class SNC: expected MFS, MVFF or MVT"),
        ("arena-frag", ["pc", 9, "MFS", {}, 4], "expected 'MFS_UNIT_SIZE'"),
        ("land-cbsfast", ["i", 8, 1 << 40, None], "expected a range in [0, 524288), found [8, "),
        ("land-freelist", ["d", 16, 8, None], "expected a range in [0, 24000), found [16, 8)"),
        ("land-cbsfast", ["ff", 8, "SIDE", None], "delete is 'side'"),
        ("bootstrap-a20", ["VMInit"], 'expected ["event", {parameters}], found ["VMInit"]'),
        ("bootstrap-a20", ["Intern", {"string": "x"}], "expected the parameter 'stringId'"),
        (
            "bootstrap-a20",
            ["LabelPointer", {"stringId": 1, "pointer": 3}],
            "expected a structure and an offset or name as 'pointer'",
        ),
        (
            "bootstrap-a20",
            ["Intern", {"stringId": "x", "string": "x"}],
            "expected a whole number as 'stringId'",
        ),
    ],
)
def test_a_line_that_is_wrong_is_refused(recording, name, line, why):
    tampered = recording(name, kept=50)
    tampered.lines[29] = line
    assert tampered.refusal().startswith(f"line 30: {why}")


def test_an_aside_without_an_operation_is_refused(recording):
    tampered = recording("arena-frag", kept=60)
    tampered.lines.append(["c-", 8, [0, 8]])
    why = 'line 61: expected an operation after ["c-",8,[0,8]], found the end of the file'
    assert tampered.refusal() == why


# The command


def run(*args):
    """The Result of `rangeland conform` with these arguments."""
    return CliRunner().invoke(command, [str(arg) for arg in args])


def test_the_command_counts(recording):
    result = run(recording("mvff-default").write(), VECTORS / "bootstrap-a20.jsonl.gz")
    assert result.exit_code == 0, result.output
    assert "2 files" in result.output and "first mismatch" not in result.output
    assert f"{KEPT + 60}" in result.output


def test_the_command_tells_the_first_mismatch(recording):
    tampered = recording("mvff-default")
    number = tampered.find("a", 40)
    tampered.line(number)[-1] += 8
    result = run(tampered.write())
    assert result.exit_code == 1
    assert f"the first mismatch, line {number}" in result.output
    assert result.output.count("  before ") == BEFORE
    expected = json.dumps([tampered.line(number)], separators=(",", ":"))
    assert f"  expected  {expected}" in result.output and "  came      [[" in result.output


def test_the_command_gives_json(recording):
    tampered = recording("bootstrap-a20")
    del tampered.lines[tampered.find("ArenaDestroy") - 1]
    result = run("--json", tampered.write())
    assert result.exit_code == 1
    told = json.loads(result.output)
    assert told["errors"] == []
    assert told["files"][0]["mismatches"] == 1
    assert told["files"][0]["first"]["line"] is None
    assert told["files"][0]["first"]["came"][0] == "ArenaDestroy"


def test_the_command_goes_on_after_a_file_that_it_cannot_try(tmp_path):
    bad, good = tmp_path / "bad", VECTORS / "bootstrap-a20.jsonl.gz"
    bad.write_bytes(b"rubbish\n")
    result = run("--json", bad, tmp_path / "missing", good)
    assert result.exit_code == 2
    told = json.loads(result.output)
    assert [outcome["mismatches"] for outcome in told["files"]] == [0]
    reasons = [failure["error"] for failure in told["errors"]]
    assert reasons[0].startswith(f"{bad}: line 1: expected JSON")
    assert reasons[1] == f"{tmp_path / 'missing'}: No such file or directory"


def test_the_command_says_in_one_line_what_is_wrong(tmp_path):
    bad = tmp_path / "bad"
    bad.write_bytes(b"")
    result = run(bad)
    assert result.exit_code == 2
    assert result.output == (
        f"rangeland: {bad}: line 1: expected a header object, found an empty file\n"
    )


def test_progress_is_told():
    told = []
    conform(VECTORS / "mfs-u24.jsonl.gz", lambda done, total: told.append((done, total)))
    assert told == sorted(told) and len(told) > 10 and told[-1][0] <= told[-1][1]
