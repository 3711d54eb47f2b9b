"""Logs of valgrind in the forms of its versions, judged by a dict of live blocks."""

import json
import random
from pathlib import Path

import pytest

from rangeland.traces.read import read_trace
from rangeland.traces.source import TraceError

REPORTS = Path(__file__).parents[1] / "reports" / "valgrind"
EXPECTED = json.loads((REPORTS / "expected.json").read_text())
VERSIONS = (19, 21, 22, 23, 24, 25, 26, 27, 28)
PID = "--77-- "


@pytest.mark.parametrize("name", EXPECTED)
def test_what_each_version_writes_is_read(name):
    trace = read_trace(REPORTS / name)
    figures = trace.figures() | trace.notes
    told = EXPECTED[name]
    assert {key: figures[key] for key in told["figures"]} == told["figures"]
    assert figures["unparsed"] >= told.get("unparsed_at_least", 0)
    if "tool_summary_agrees" in told:
        assert figures["tool_summary_agrees"] is told["tool_summary_agrees"]


class Program:
    """A program that makes calls at random, as valgrind 3.`version` writes them.

    `live` has the sizes of its blocks, by a dict and nothing else; `calls` how many of
    each sort there were. `warns` is for memcheck, which warns of a realloc to 0.
    """

    def __init__(self, version, seed, warns=False):
        self.version = version
        self.warns = warns
        self.rng = random.Random(f"{version}/{seed}")
        self.live = {}
        self.lines = []
        self.top = 0x4A00000
        self.calls = dict.fromkeys(("allocs", "frees", "reallocs", "failed"), 0)
        self.total = self.peak = 0

    def say(self, text):
        self.lines.append(PID + text)

    def place(self, size):
        """A place for a new block, beyond all that there ever was."""
        at = self.top
        self.top += (size + 79) & -16
        return at

    def took(self, size, address):
        self.live[address] = size
        self.calls["allocs"] += 1
        self.total += size
        self.peak = max(self.peak, sum(self.live.values()))

    def gone(self):
        """A block that lives no more, and its size."""
        address = self.rng.choice(list(self.live))
        self.calls["frees"] += 1
        return address, self.live.pop(address)

    def alloc(self):
        size = self.rng.randrange(0, 3000)
        at = self.place(size)
        self.say(self.rng.choice(["malloc", "_Znwm", "_Znam", "__builtin_new"]) + f"({size}) = 0x{at:X}")
        self.took(size, at)

    def aligned(self):
        size, align = self.rng.randrange(1, 900), self.rng.choice([16, 64, 4096])
        at = self.place(size)
        words = "{1}, {0}" if self.version >= 27 else "al {1}, size {0}"
        self.say("memalign(" + words.format(size, align) + f") = 0x{at:X}")
        self.took(size, at)

    def new_aligned(self):
        size, align = self.rng.randrange(1, 900), self.rng.choice([32, 64])
        at = self.place(size)
        words = "{}, {}" if self.version >= 27 else "size {}, al {}"
        self.say("_ZnwmSt11align_val_t(" + words.format(size, align) + f") = 0x{at:X}")
        self.took(size, at)

    def posix(self):
        """posix_memalign, which 3.21 to 3.23 tell without its result: left out there."""
        size, at = self.rng.randrange(1, 900), 0
        refused = self.version >= 24 and self.rng.random() < 0.3
        if self.version in (21, 22, 23):
            return
        at = 0 if refused else self.place(size)
        result = "0" if refused else f"0x{at:X}"
        if self.version < 21:
            self.say(f"memalign(al 64, size {size}) = {result}")
        elif self.version < 26:
            self.say(f"posix_memalign(al 64, size {size})")
            self.say(f" = {result}")
        elif self.version < 27:
            self.say(f"posix_memalign(al 64, size {size}) = {result}")
        else:
            self.say(f"posix_memalign(0x1FFF000518, 64, {size}) = {result}")
        if refused:
            self.calls["failed"] += 1
        else:
            self.took(size, at)

    def free(self):
        address, size = self.gone()
        more = f", {size}" if self.version >= 27 else ""
        names = [("free", ""), ("_ZdlPv", ""), ("_ZdlPvm", more), ("_ZdaPvSt11align_val_t", more and ", 64")]
        names.append(("_ZdlPvmSt11align_val_t", more and f"{more}, 64"))
        if self.version >= 23:
            names += [("free_sized", more), ("free_aligned_sized", more and f"{more}, 16")]
        name, rest = self.rng.choice(names)
        self.say(f"{name}(0x{address:X}{rest})")

    def of_null(self):
        size = self.rng.randrange(1, 2000)
        at = self.place(size)
        inner = f"malloc({size})" if self.version < 21 else ""
        self.say(f"realloc(0x0,{size}){inner} = 0x{at:X}")
        self.took(size, at)

    def to_zero(self):
        address, _ = self.gone()
        if self.version < 21:
            self.say(f"realloc(0x{address:X},0)free(0x{address:X})")
            self.say(" = 0")
        elif self.warns:
            self.say(f"realloc(0x{address:X},0)realloc() with size 0")
            self.lines += ["==77==    at 0x484E3C6: realloc (vg_replace_malloc.c:1786)", "==77== "]
            self.say(" = 0x0")
        else:
            self.say(f"realloc(0x{address:X},0) = 0x0")

    def move(self, name="realloc"):
        old, size = self.rng.choice(list(self.live)), self.rng.randrange(8, 3000) & -8
        self.live.pop(old)
        at = self.rng.choice([old, self.place(size)])
        if name == "realloc":
            self.say(f"realloc(0x{old:X},{size}) = 0x{at:X}")
        else:
            self.say(f"reallocarray(0x{old:X},{size // 8},8) = 0x{at:X}")
            self.say(f" = 0x{at:X}")
        self.live[at] = size
        self.calls["reallocs"] += 1
        self.total += size
        self.peak = max(self.peak, sum(self.live.values()))

    def array(self):
        """reallocarray, which before 3.23 is told as its inner realloc."""
        self.move("realloc" if self.version < 23 else "reallocarray")

    def question(self):
        self.say("malloc_usable_size(0x4A00040) = 10")

    def run(self, steps):
        grow = [self.alloc, self.aligned, self.new_aligned, self.posix, self.of_null, self.question]
        shrink = [self.free, self.free, self.to_zero, self.move, self.array]
        for _ in range(steps):
            self.rng.choice(grow + shrink if self.live else grow)()
        return self

    def write(self, path, banner):
        head = ["==77== Massif, a heap profiler"]
        head += [f"==77== Using Valgrind-3.{self.version}.0 and LibVEX; rerun with -h"] * banner
        path.write_text("\n".join([*head, *self.lines]) + "\n")

    def figures(self):
        return self.calls | {
            "total_bytes": self.total,
            "peak_bytes": self.peak,
            "live_end": len(self.live),
            "live_end_bytes": sum(self.live.values()),
            "free_unknown": 0,
            "realloc_unknown": 0,
            "alloc_over_live": 0,
            "open_at_end": 0,
            "unparsed": 0,
        }


@pytest.mark.parametrize("warns", [False, True], ids=["massif", "memcheck"])
@pytest.mark.parametrize("banner", [True, False], ids=["version told", "version not told"])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_log_reads_as_its_program_ran(tmp_path, version, banner, warns, seed):
    for number in range(6):
        program = Program(version, seed + number, warns).run(400)
        program.write(tmp_path / "log", banner)
        trace = read_trace(tmp_path / "log")
        figures = trace.figures() | trace.notes
        expected = program.figures()
        assert {key: figures[key] for key in expected} == expected


def read(tmp_path, *lines, **wishes):
    """The Trace of these lines, each after the prefix of a process but banners."""
    text = "".join(f"{line if line.startswith('==') else PID + line}\n" for line in lines)
    (tmp_path / "log").write_text(text)
    return read_trace(tmp_path / "log", **wishes)


def test_a_refused_reallocarray_keeps_the_block(tmp_path):
    trace = read(
        tmp_path, "malloc(16) = 0x4A00040", "reallocarray(0x4A00040,4611686018427387904,8) = 0"
    )
    assert (trace.notes["failed"], trace.notes["failed_realloc"]) == (1, 1)
    assert trace.figures()["live_end"] == 1


def test_a_block_of_valloc_cannot_be_followed_and_strict_says_so(tmp_path):
    lines = ["malloc(100) = 0x4A00040", " = 0x4A01000", "free(0x4A01000)"]
    notes = read(tmp_path, *lines).notes
    assert (notes["unparsed"], notes["free_unknown"]) == (1, 1)
    with pytest.raises(TraceError, match=":2: found ' = 0x4A01000', expected a result behind its call"):
        read(tmp_path, *lines, strict=True)


def test_a_result_that_never_comes_is_no_block(tmp_path):
    lines = ["posix_memalign(al 64, size 100)", "malloc(8) = 0x4A00040"]
    trace = read(tmp_path, *lines, *lines[:1])
    assert trace.notes["unparsed"] == 2 and trace.figures()["allocs"] == 1
    # The second is answered on its next line, though another call waits longer.
    waits = "malloc(16)malloc(24) = 0x4A00300"
    more = read(tmp_path, waits, lines[0], lines[0], " = 0x4A00400", " = 0x4A00500")
    assert more.size.tolist() == [24, 100, 16] and more.notes["unparsed"] == 1
    # Up to 3.23 none comes, and so a result belongs to another call.
    banner = "==77== Using Valgrind-3.22.0 and LibVEX"
    assert read(tmp_path, banner, *lines).notes["unparsed"] == 1


@pytest.mark.parametrize("warning", ["Argument 'size' of function malloc has a fishy", "Warning: set"])
def test_a_warning_within_a_call_does_not_hide_its_result(tmp_path, warning):
    trace = read(
        tmp_path, f"malloc(100){warning} value: -1", "==77==    at 0x48: malloc (x.c:1)", " = 0x4A00040"
    )
    assert trace.figures()["live_end_bytes"] == 100 and trace.notes["unparsed"] == 0


def test_a_call_that_another_thread_cuts_is_joined_though_a_realloc_of_null_comes_between(tmp_path):
    banner = "==77== Using Valgrind-3.28.0 and LibVEX"
    lines = ["malloc(79)malloc(188) = 0x5241CB0", "realloc(0x0,58) = 0x5241C90", " = 0x5241C40"]
    for head in ([banner], ["realloc(0x0,9) = 0x5241F00"]):
        trace = read(tmp_path, *head, *lines)
        assert trace.notes["cut_lines_joined"] == 1
        assert trace.figures()["live_end_bytes"] == 79 + 188 + 58 + 9 * (head != [banner])


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_calls_that_other_threads_cut_read_as_they_ran(tmp_path, version, seed):
    for number in range(6):
        program = Program(version, f"threads {seed + number}")
        # Of one call at a time the result waits, while others are told whole.
        waiting = None
        for _ in range(60):
            program.run(program.rng.randrange(1, 5))
            if waiting is None:
                size = program.rng.randrange(3000, 5000)
                waiting = size, program.place(size)
                program.of_null()
                program.lines[-1] = f"{PID}malloc({size}){program.lines[-1].removeprefix(PID)}"
            else:
                program.say(f" = 0x{waiting[1]:X}")
                program.took(*waiting)
                waiting = None
        if waiting:
            program.say(f" = 0x{waiting[1]:X}")
            program.took(*waiting)
        program.write(tmp_path / "log", banner=True)
        trace = read_trace(tmp_path / "log")
        figures = trace.figures() | trace.notes
        expected = program.figures()
        assert {key: figures[key] for key in expected} == expected


@pytest.mark.parametrize("lost", range(1, 30, 4))
def test_the_log_of_a_killed_program_is_read_but_for_its_last_line(tmp_path, lost, seed):
    program = Program(28, f"killed {seed}")
    for _ in range(80):
        program.alloc()
    expected = program.figures()
    program.alloc()
    log = tmp_path / "log"
    program.write(log, banner=True)
    log.write_bytes(log.read_bytes()[:-lost])
    figures = read_trace(log).figures()
    if len(program.lines[-1]) > lost:
        assert figures["cut_short"]["line"] == 83 and figures["unparsed"] == 1
        with pytest.raises(TraceError, match=":83: .*expected a line end"):
            read_trace(log, strict=True)
    keys = ("allocs", "total_bytes", "live_end_bytes")
    assert {key: figures[key] for key in keys} == {key: expected[key] for key in keys}
