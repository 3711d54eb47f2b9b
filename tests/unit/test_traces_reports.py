"""Recordings as people have them: each trait of a tool's files, and more of the kind.

Of each kind random recordings are written in the tool's form, and judged by a naive
reading: a dict of live blocks.
"""

import json
import pickle
import random
import re
from pathlib import Path

import pytest

from rangeland.traces.read import read_trace
from rangeland.traces.source import TraceError

# Nothing here is ever compiled.
pytestmark = pytest.mark.once

REPORTS = Path(__file__).resolve().parents[1] / "reports"
EXPECTED = json.loads((REPORTS / "expected.json").read_text())
MORE = range(5)


@pytest.fixture
def rng(seed):
    """Chance, from the seed in the test's name."""
    return random.Random(seed)


@pytest.mark.parametrize("name", [name for name in EXPECTED if not name.startswith("vg")])
def test_the_figures_of_reports(name):
    trace = read_trace(REPORTS / name)
    figures = {"threads": trace.threads} | trace.figures()
    expected = EXPECTED[name].get("figures", {})
    assert {key: figures.get(key) for key in expected} == expected
    assert ("cut_short" in figures) == EXPECTED[name].get("cut_told", False)


@pytest.mark.parametrize("name", ["mt-killed.txt", "lt-mislabelled.txt", "torch-no-times.pickle",
                                  "rmm-among-others.log"])  # fmt: skip
def test_what_is_odd_is_refused_if_strict(name):
    with pytest.raises(TraceError):
        read_trace(REPORTS / name, strict=True)


def calls(rng, count=60, known=(), unknown=0.05, base=0x5500):
    """(what, address, size) of random calls; sometimes of what was never made."""
    live = list(known)
    for number in range(count):
        if live and rng.random() < 0.4:
            yield "free", live.pop(rng.randrange(len(live))), 0
        elif rng.random() < unknown:
            yield "free", 0x77000 + 16 * number, 0
        else:
            live.append(base + 512 * number)
            yield "malloc", live[-1], rng.randrange(1, 500)


def judged(told):
    """The figures of the calls, by a dict of live blocks."""
    live, peak, most, total, unknown, allocs, frees = {}, 0, 0, 0, 0, 0, 0
    for what, address, size in told:
        if what == "malloc":
            live[address] = size
            total, allocs = total + size, allocs + 1
        elif live.pop(address, None) is None:
            unknown += 1
        else:
            frees += 1
        peak, most = max(peak, sum(live.values())), max(most, len(live))
    return {
        "allocs": allocs, "frees": frees, "free_unknown": unknown, "total_bytes": total,
        "peak_bytes": peak, "max_live": most, "live_end": len(live),
        "live_end_bytes": sum(live.values()), "events": allocs + frees + unknown,
    }  # fmt: skip


def check(path, text, told, **more):
    """Assert that the text is read as the naive reading of what was `told`."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    figures = read_trace(path).figures()
    expected = judged(told) | more
    assert {key: figures.get(key) for key in expected} == expected
    return figures


def in_mtrace(call, at="@ ./a.out:[0x11bf] "):
    what, address, size = call
    return f"{at}- {address:#x}" if what == "free" else f"{at}+ {address:#x} {size:#x}"


def in_android(call, more=""):
    what, address, size = call
    text = f"7: free {address:#x}" if what == "free" else f"7: malloc {address:#x} {size}"
    return text + " 1000 1010" + (more if what == "free" else "")


def in_rmm(call):
    what, address, size = call
    action = "free" if what == "free" else "allocate"
    return f"1979932,14:21:19.998533,{action},{address:#x},{size},0x2"


def in_raw(call):
    what, address, size = call
    return f"- {address:x}" if what == "free" else f"+ {size:x} 1 {address:x}"


def in_ltrace(call, made="malloc", gone="free", pid=""):
    what, address, size = call
    if what == "free":
        return f"{pid}{gone}({address:#x}, 1) = <void>"
    return f"{pid}{made}({size}, 16, 3) = {address:#x}"


def in_mps(call):
    what, address, size = call
    name, key = ("002C PoolFree", "old") if what == "free" else ("002A PoolAlloc", "pReturn")
    return f"0000178EA03B51D0 {name} {key}:{address:016X} size:{size:X} "


FORMS = {
    "mtrace": in_mtrace, "ltrace": in_ltrace, "android": in_android, "rmm": in_rmm, "heaptrack": in_raw,
    "mps": in_mps,
}  # fmt: skip
# What cannot matter may be missing: a line end, part of a time, or of the last of more columns.
WHOLE = {
    "mtrace": "$^", "heaptrack": "$^", "ltrace": r".*>", "android": ".* 1000 10?1?0?", "mps": ".* size:.* ",
    "rmm": r".*,\d+,(?:0x?2?)?",
}  # fmt: skip


@pytest.mark.parametrize("seed", MORE)
@pytest.mark.parametrize("form", FORMS)
def test_a_recording_of_a_killed_program(tmp_path, rng, form, seed):
    told = list(calls(rng, unknown=0))
    head = "v 10500 3\nt 1 0\n" if form == "heaptrack" else ""
    text = head + "".join(FORMS[form](call) + "\n" for call in told)
    # Wherever it is cut, also within the last number.
    for end in range(600 + 90 * seed, 690 + 90 * seed):
        cut = text[:end]
        count = cut.count("\n")
        last = cut.rpartition("\n")[2]
        is_whole = bool(last) and re.fullmatch(WHOLE[form], last) is not None
        is_cut = bool(last) and not is_whole
        whole = told[: count + is_whole - head.count("\n")]
        figures = check(tmp_path / "t", cut, whole, unparsed=int(is_cut))
        assert figures.get("cut_short", {}).get("line") == (count + 1 if is_cut else None)
        if is_cut:
            with pytest.raises(TraceError, match="the file is cut short inside this line"):
                read_trace(tmp_path / "t", strict=True)


def test_a_small_file_without_its_last_line_end_is_whole_unless_it_cannot_be(tmp_path):
    path = tmp_path / "t"
    path.write_text("= Start\n@ x + 0x10 0x5\n@ x + 0x20 0x6")
    assert read_trace(path).figures()["total_bytes"] == 11
    path.write_text("= Start\n@ x + 0x10 0x5\n@ x + 0x")
    assert read_trace(path).notes["cut_short"] == {"line": 3, "text": "'@ x + 0x'"}
    with pytest.raises(TraceError, match="t:3: found '@ x"):
        read_trace(path, strict=True)


@pytest.mark.parametrize("seed", MORE)
@pytest.mark.parametrize("at", [" [0x80481eb] ", "[0x1] ", "./a.out:[0x1] ", "./a.out:(f+0x1)[0x1] "])
def test_an_mtrace_without_marks(tmp_path, rng, seed, at):
    told = list(calls(rng))
    text = "= Start\n" + "".join(in_mtrace(call, at) + "\n" for call in told) + "= End\n"
    check(tmp_path / "t", text, told, unparsed=0)


OLD, NEW = ("operator new(unsigned long)", "operator new[](unsigned int)",
            "operator new(unsigned long, std::nothrow_t const&)"), "operator delete(void*, unsigned long)"


@pytest.mark.parametrize("seed", MORE)
@pytest.mark.parametrize("made", [*OLD, "operator new[](unsigned long, std::align_val_t)"])
@pytest.mark.parametrize("lib", ["", "a.out->", "libstdc++.so.6->"])
def test_an_ltrace_of_demangled_operators(tmp_path, rng, seed, made, lib):
    told = list(calls(rng))
    gone = rng.choice([NEW, "operator delete[](void*)"])
    text = "".join(in_ltrace(call, lib + made, lib + gone) + "\n" for call in told)
    check(tmp_path / "t", text, told, unparsed=0)
    assert (read_trace(tmp_path / "t").alignment is not None) == ("align_val_t" in made)


def test_a_demangled_operator_that_is_cut_in_two(tmp_path):
    text = (
        "1 operator new(unsigned long)(40 <unfinished ...>\n2 malloc(5) = 0x20\n"
        "1 malloc(40) = 0x10\n1 <... operator new(unsigned long) resumed> ) = 0x10\n"
        "1 operator delete(void*)(0x10 <unfinished ...>\n1 free(0x10) = <void>\n"
        "1 <... operator delete(void*) resumed> ) = <void>\n"
    )
    told = [("malloc", 32, 5), ("malloc", 16, 40), ("free", 16, 0)]
    assert check(tmp_path / "t", text, told)["nested_ignored"] == 2


@pytest.mark.parametrize("seed", MORE)
@pytest.mark.parametrize("odd", [
    "calloc(94406781868992, 40) = 0x3000", "calloc(140737354101760, 1) = 0x3000", "malloc(-6) = 0x3000",
    "malloc(94406781868992) = 0x3000",
    "memalign(94406781868992, 40) = 0x3000", "realloc(0x3000, 94406781868992000) = 0x3000",
])  # fmt: skip
def test_calls_that_ltrace_misnames_are_counted(tmp_path, rng, seed, odd):
    told = list(calls(rng, unknown=0))
    lines = [in_ltrace(call, pid="20 ") for call in told]
    for _ in range(seed + 1):
        lines.insert(rng.randrange(len(lines)), "20 " + odd)
    check(tmp_path / "t", "\n".join([*lines, ""]), told, unparsed=seed + 1)
    with pytest.raises(TraceError, match="as the call succeeded"):
        read_trace(tmp_path / "t", strict=True)


def test_a_calloc_of_a_live_block_is_misnamed(tmp_path):
    text = "malloc(5) = 0x43000\ncalloc(0x43000, 9) = 0x43000\ncalloc(3, 9) = 0x4000\nfree(0x43000) = 0\n"
    told = [("malloc", 0x43000, 5), ("malloc", 0x4000, 27), ("free", 0x43000, 0)]
    check(tmp_path / "t", text, told, unparsed=1)


FORKS = [
    "1 fork() = 2\n{}", "[pid 1] fork() = 2\n{}", "1 fork( <unfinished ...>\n{}1 <... fork resumed> ) = 2\n",
    "1 fork( <unfinished ...>\n2 <... fork resumed> ) = 0\n{}", "1 SYS_clone(0x1200011, 0, 0) = 2\n{}",
]  # fmt: skip


@pytest.mark.parametrize("seed", MORE)
@pytest.mark.parametrize("fork", FORKS)
def test_an_ltrace_of_a_child_that_frees_its_parents_blocks(tmp_path, rng, seed, fork):
    before = list(calls(rng))
    live = {}
    for what, address, size in before:
        live[address] = size
        if what == "free":
            del live[address]
    form = "[pid {}] " if "[" in fork else "{} "
    # Both free what lived then, and make blocks at the same addresses.
    after = [("malloc", 0x9900, 7), *(("free", address, 0) for address in live)]
    rest = calls(rng, 20, list(live), base=0xF00000)
    mine, childs = [*before, *rest], after
    text = "".join(in_ltrace(call, pid=form.format(1)) + "\n" for call in before)
    child = "".join(in_ltrace(call, pid=form.format(2)) + "\n" for call in childs)
    text += fork.format(child) + "".join(in_ltrace(c, pid=form.format(1)) + "\n" for c in mine[len(before) :])
    ours, theirs = judged(mine), judged(childs)
    path = tmp_path / "t"
    path.write_text(text)
    figures = read_trace(path).figures()
    for key in ("allocs", "frees", "free_unknown", "total_bytes", "live_end", "live_end_bytes"):
        assert figures[key] == ours[key] + theirs[key], key
    assert (figures["processes"], figures["alloc_over_live"]) == (2, 0)


@pytest.mark.parametrize(("line", "count"), [
    ("1 SYS_clone(0x3d0f00, 0) = 2\n", None), ("1 clone(-, 0) = 2\n", None), ("1 fork() = -1\n", None),
    ("2 --- Called exec() ---\n", 2), ("1 fork() = 2\n", 2),
])  # fmt: skip
def test_what_of_ltrace_makes_a_process(tmp_path, line, count):
    path = tmp_path / "t"
    path.write_text(f"1 malloc(5) = 0x10\n{line}2 malloc(6) = 0x10\n1 free(0x10) = <void>\n")
    figures = read_trace(path).figures()
    assert figures.get("processes") == count
    assert figures["live_end_bytes"] == (6 if count else 0)


def test_an_exec_drops_only_what_its_process_had(tmp_path):
    path = tmp_path / "t"
    path.write_text(
        "1 malloc(5) = 0x10\n1 fork() = 2\n2 malloc(6) = 0x20\n2 realloc(0x20, 9 <unfinished ...>\n"
        "2 --- Called exec() ---\n2 malloc(7) = 0x30\n1 --- Called exec() ---\n1 malloc(8) = 0x10\n"
    )
    figures = read_trace(path).figures()
    assert (figures["exec_dropped"], figures["live_end_bytes"], figures["live_end"]) == (2, 15, 2)


@pytest.mark.parametrize("seed", MORE)
def test_an_android_16_log_with_a_mark(tmp_path, rng, seed):
    told = list(calls(rng))
    lines = [in_android(call, f" {rng.randrange(9999)}") for call in told]
    check(tmp_path / "t", "\ufeff" + "\n".join([*lines, ""]), told, unparsed=0)


@pytest.mark.parametrize("seed", MORE)
def test_rows_of_rmm_among_other_lines(tmp_path, rng, seed):
    told = list(calls(rng))
    lines = [in_rmm(call) for call in told]
    others = ["23/12/27 INFO a, b", "2023-12-27 14:21:18,123 INFO x", "12,345 rows", "free, as in beer", "x"]
    count = rng.choice([0, 3, 150])
    for _ in range(count):
        lines.insert(rng.randrange(len(lines)), rng.choice(others[: 3 + seed % 3]))
    header = ["Thread,Time,Action,Pointer,Size,Stream"] * (seed % 2)
    check(tmp_path / "t", "\n".join([*lines[:2], *header, *lines[2:], ""]), told, unparsed=count, failed=0)


@pytest.mark.parametrize("seed", MORE)
@pytest.mark.parametrize("system", ["I 1000 5b2000\n", ""])
def test_a_command_of_many_lines_in_a_raw_file(tmp_path, rng, seed, system):
    told = list(calls(rng))
    words = ["x = 1", "c = [1]", "- y", "", "v = 2", "# note", "ax", "R = 0", "+ (1)", "t=3", "\tpass"]
    if system:
        words += ["+ 5 1 10", "- 20", "+ 1", "a 5 1", "v 1", "X more", "I am", "x y", "s 9 abc"]
    command = "\n".join(rng.choice(words) for _ in range(6))
    text = f"v 10500 3\nx b /usr/bin/sh\nX sh -c {command}\n{system}t 1 0\n"
    check(tmp_path / "t", text + "".join(in_raw(call) + "\n" for call in told), told, unparsed=0)


@pytest.mark.parametrize("seed", MORE)
def test_a_command_of_many_lines_in_an_interpreted_file(tmp_path, rng, seed):
    words = ["+ 0", "- 0", "a 5 1", "a = 5", "+ 9 1 20", "c 5", "v 10400 3", "+ x", "", "s 900 x"]
    command = "\n".join(rng.choice(words) for _ in range(6))
    text = f"v 10400 3\nX python3 -c {command}\nI 1000 5b2000\nt 1 0\na 18 1\n+ 0\na 30 1\n+ 1\n- 0\n"
    check(tmp_path / "t", text, [("malloc", 1, 24), ("malloc", 2, 48), ("free", 1, 0)])


@pytest.mark.parametrize("text", ["v 10400 3\na 5 1\n+ 0\n", "v 10400 3\nt 5 0\n+ 5 1 10\n"])
def test_a_second_file_of_heaptrack_is_told(tmp_path, text):
    path = tmp_path / "t"
    path.write_text(text + text)
    with pytest.raises(TraceError, match="t:4: found the beginning of another file of heaptrack"):
        read_trace(path)
    trace = read_trace(path, partial=True)
    assert trace.figures()["allocs"] == 1 and trace.notes["first_damaged"]["line"] == 4


@pytest.mark.parametrize("seed", MORE)
def test_labels_of_telemetry(tmp_path, rng, seed):
    told, lines = list(calls(rng)), []
    labels = ["", '["x"]', '["arr[0]"]', r'["a \"b\" c"]', r'["a \\"]', '["size:10 "]', "[plain]", '["]"]']
    for what, address, size in told:
        label, pool = rng.choice(labels), rng.choice(labels)
        name, key = ("002C PoolFree", "old") if what == "free" else ("002A PoolAlloc", "pReturn")
        lines.append(f"0000178EA03B51D0 {name} pool:00007F1A{pool} {key}:{address:016X}{label} size:{size:X} ")
    check(tmp_path / "t", "\n".join([*lines, ""]), told, unparsed=0)


def event(action, addr, size=64, device_time=0):
    """An event of PyTorch."""
    return {"action": action, "addr": addr, "size": size, "stream": 0, "time_us": device_time}


@pytest.mark.parametrize("seed", MORE)
@pytest.mark.parametrize("offset", [0, 1 << 63, -(1 << 63), (1 << 64) - (1 << 24), -(1 << 60)])
def test_addresses_of_64_bits_in_a_snapshot(tmp_path, rng, seed, offset):
    told = list(calls(rng, unknown=0))
    names = {"malloc": "alloc", "free": "free_completed"}
    events = [event(names[what], offset + address, size) for what, address, size in told]
    check(tmp_path / "t", pickle.dumps({"segments": [], "device_traces": [events]}, seed), told)


def viewed(devices, segments):
    """The peak of each device as the viewer on pytorch.org tells it."""
    peaks = []
    for device, events in enumerate(devices):
        live, before, changes = {}, 0, []
        for told in events:
            if told["action"] == "alloc":
                live[told["addr"]] = told["size"]
                changes.append(told["size"])
            elif told["action"] == "free_completed":
                if live.pop(told["addr"], None) is None:
                    before += told["size"]
                changes.append(-told["size"])
        for segment in segments:
            at = segment["address"]
            for block in segment["blocks"]:
                if segment["device"] == device and block["state"] == "active_allocated" and at not in live:
                    before += block["requested_size"]
                at += block["size"]
        peak = now = before
        for change in changes:
            now += change
            peak = max(peak, now)
        peaks.append(peak)
    return peaks


@pytest.mark.parametrize("seed", range(10))
def test_the_peak_of_a_snapshot_is_the_viewers(tmp_path, rng, seed):
    sizes, live, events = {}, {}, []
    states = ["active_allocated", "inactive", "active_pending_free"]
    segment = {"device": 0, "address": rng.choice([0, 1 << 40, -4096]), "blocks": []}
    at = segment["address"]
    for _ in range(20):
        asked = rng.randrange(1, 500)
        segment["blocks"].append({"state": rng.choice(states), "size": 512, "requested_size": asked})
        sizes[at] = asked
        at += 512
    # Some lived before and go, some come and go, some come and stay.
    for number, (address, size) in enumerate(sizes.items()):
        state = segment["blocks"][number]["state"]
        if state == "inactive":
            events += [event("alloc", address, size)] * rng.randrange(2)
            events.append(event("free_completed", address, size))
        elif rng.random() < 0.5 and state == "active_allocated":
            events.append(event("alloc", address, size))
            live[address] = size
    path = tmp_path / "t"
    path.write_bytes(pickle.dumps({"device_traces": [events], "segments": [segment]}))
    if not events:
        return
    figures = read_trace(path).figures()
    assert figures["peak_bytes"] == viewed([events], [segment])[0]
    held = sum(b["requested_size"] for b in segment["blocks"] if b["state"] == "active_allocated")
    assert figures["live_end_bytes"] == held
    assert figures["allocs"] == sum(told["action"] == "alloc" for told in events)
    assert figures["free_unknown"] == 0
