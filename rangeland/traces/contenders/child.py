"""The process in which a trace is replayed by a C allocator.

It is started without the packages that its modules lie in, so that little is
allocated before the first event. It reads requests and answers each, both of
fixed size; `real.py` has the other side. Source: design/contenders.md#.sol.child
"""

import ctypes
import gc
import mmap
import os
import signal
import struct
import sys
from time import perf_counter_ns

from rangeland.traces.contenders.allocator import NOTHING, Allocator, Nothing, Refused
from rangeland.traces.contenders.caller import Caller
from rangeland.traces.contenders.team import Team

# Rows of the piece in the shared buffer: id, size, alignment, op; and of each turn
# of a thread, of which there are as many at most, its limit and its thread.
PIECE = 1 << 17
ROW = 8 + 8 + 8 + 4 + 4 + 1
# The piece, and behind it a word: the row that is being done.
BUFFER = PIECE * ROW + 8

# A request: rows to do, in how many turns of threads, and what else.
REQUEST = struct.Struct("=qqq")
TOUCH = 1
SAMPLE = 2
# An answer: nanoseconds, failures, the row of the first, its size; live bytes,
# the highest since the last sample; and the sample, -1 for what is not known:
# resident bytes, the highest since the last sample, bytes of page tables.
ANSWER = struct.Struct("=9q")

# What the first line says of functions that are not there, by their names.
LACKS = "lacks:"

_PR_SET_PDEATHSIG = 1
_STATUS = 4096


def main(blocks, threads, buffer, requests, answers, parent, library):
    """Do what is requested, until there are no more requests.

    `blocks` is how many blocks there are, -1 if nothing will be requested;
    `threads` how many threads take turns, 0 if this one does all;
    `buffer`, `requests` and `answers` are file descriptors: of the BUFFER bytes of a
    piece in columns, and of two pipes. `library` is what to load, "" for the C library,
    or NOTHING.
    """
    _die_with(parent)
    try:
        allocator = Nothing() if library == NOTHING else Allocator(library)
        memory = Memory()
        team = Team(threads) if threads else None
        hello = f"{allocator.home}\t{allocator.version()}\t"
        if allocator.missing:
            hello += LACKS + ",".join(allocator.missing)
    except Refused as refused:
        blocks, hello = -1, f"\t\t{refused}"
    except OSError as error:
        blocks, hello = -1, f"\t\twhat is resident cannot be seen: {error}"
    _say(answers, hello.replace("\n", " ").encode(errors="replace") + b"\n")
    if blocks >= 0:
        _serve(allocator, memory, team, blocks, buffer, requests, answers)


def _serve(allocator, memory, team, blocks, buffer, requests, answers):
    columns, turns = _columns(mmap.mmap(buffer, BUFFER))
    tables = _table(blocks), _table(blocks)
    caller = Caller(allocator.functions, *columns, *tables)
    gc.collect()
    gc.disable()
    # What the first sample allocates is not the trace's.
    memory.sample()
    if team is not None:
        team.warm_up(caller.touch, *turns)
    allocator.fill_holes()
    while len(request := os.read(requests, REQUEST.size)) == REQUEST.size:
        rows, count, flags = REQUEST.unpack(request)
        work = caller.touch if flags & TOUCH else caller.call
        begin = perf_counter_ns()
        if team is None:
            work(0, rows)
        else:
            team.do(work, count, *turns)
        spent = perf_counter_ns() - begin
        caller.done += rows
        sample = memory.sample() if flags & SAMPLE else (-1, -1, -1)
        counts = caller.failures, caller.failed_row, caller.failed_size
        _say(answers, ANSWER.pack(spent, *counts, caller.live, caller.peak_live, *sample))
        if flags & SAMPLE:
            caller.peak_live = caller.live


def _die_with(parent):
    """End when the parent ends, and be the first to go if memory runs out."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass


def _say(answers, data):
    while data:
        data = data[os.write(answers, data) :]


def _columns(piece):
    """The columns of the piece, int8 and three of int64, with the word behind them; and
    the two columns of turns, int32."""
    words, whole = 8 * PIECE, memoryview(piece)
    parts = [whole[at : at + words].cast("q") for at in range(0, 3 * words, words)]
    turns = [whole[at : at + words // 2].cast("i") for at in (3 * words, 7 * words // 2)]
    end = PIECE * ROW
    return (whole[4 * words : end].cast("b"), *parts, whole[end:].cast("q")), turns


def _table(blocks):
    """A word for each block, in shared memory: it does not count as anonymous."""
    area = mmap.mmap(-1, 8 * max(blocks, 1))
    for at in range(0, len(area), mmap.PAGESIZE):
        area[at] = 0
    return memoryview(area).cast("q")


class Memory:
    """What the kernel tells of this process's memory (design/contenders.md#.sol.peak).

    Raises: OSError if it tells nothing.
    """

    def __init__(self):
        self.area = mmap.mmap(-1, _STATUS)
        self.rollup = os.open("/proc/self/smaps_rollup", os.O_RDONLY)
        self.status = os.open("/proc/self/status", os.O_RDONLY)
        try:
            self.reset = os.open("/proc/self/clear_refs", os.O_WRONLY)
        except OSError:
            self.reset = -1

    def sample(self):
        """(anonymous bytes resident, the highest since the last sample or -1,
        bytes of page tables)."""
        os.preadv(self.rollup, [self.area], 0)
        resident = self._bytes(b"\nAnonymous:")
        os.preadv(self.status, [self.area], 0)
        tables = self._bytes(b"\nVmPTE:")
        others = self._bytes(b"\nRssFile:") + self._bytes(b"\nRssShmem:")
        highest = self._bytes(b"\nVmHWM:") - others
        return resident, highest if self._restarted() else -1, tables

    def _restarted(self):
        """Begin the high-water mark anew, if that is permitted."""
        if self.reset < 0:
            return False
        try:
            return os.write(self.reset, b"5") > 0
        except OSError:
            self.reset = -1
            return False

    def _bytes(self, name):
        at = self.area.find(name) + len(name)
        return int(self.area[at : at + 14].split()[0]) * 1024
