"""The process in which libraries are tried: one fork for each request.

It reads requests, a line of JSON each, and forks for each: the fork loads the
library, does what was asked, answers with a line, and ends. Whatever becomes
of the fork, a line tells how it ended. This module and what it imports import
little: it starts often. Source: design/library.md#.sol.child
"""

import ctypes
import gc
import json
import mmap
import os
import signal
import sys
from time import perf_counter

from rangeland.invariants.library import patterns, progress
from rangeland.invariants.library.judge import Judge, Violated, callables
from rangeland.invariants.library.loading import Refused, load
from rangeland.invariants.library.steps import ORDER, example
from rangeland.invariants.library.survey import Survey
from rangeland.invariants.library.turns import take_turns

_PR_SET_PDEATHSIG = 1
INVARIANTS = ("", "contents", "alignment", "zeroed", "prefix", "nonsense", "usable-size", "overlap")


def main(shared, answers, compiled):
    """Serve the requests of the standard input, until it is closed.

    `shared` is the file descriptor of the progress area, `answers` that to
    write to, `compiled` that of the compiled storm, or -1.
    """
    _die_with_parent()
    area = mmap.mmap(shared, progress.BYTES)
    row = patterns.row()
    for line in sys.stdin:
        area[:] = bytes(progress.BYTES)
        child = os.fork()
        if child == 0:
            _serve(json.loads(line), area, row, answers, compiled)
        _, status = os.waitpid(child, 0)
        # A fork that died in the middle of its answer leaves a line without end.
        os.write(answers, b"\n" + json.dumps({"status": status}).encode() + b"\n")


def _die_with_parent():
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _serve(request, area, row, answers, compiled):
    """Serve one request, and end the process."""
    try:
        _die_with_parent()
        _be_first_to_go()
        gc.disable()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        words = memoryview(area).cast("Q")
        words[progress.FORK] = os.getpid()
        words[progress.PHASE] = progress.LOADING
        if request["kind"] == "program":
            words[progress.PHASE] = progress.RUNNING
            os.execv(request["program"], [request["program"], request["path"]])
        answer = _answer(request, words, row, compiled)
    except Refused as error:
        answer = {"untried": str(error)}
    except BaseException as error:
        answer = {"failed": f"{type(error).__name__}: {error}"}
    data = json.dumps(answer).encode() + b"\n"
    while data:
        data = data[os.write(answers, data) :]
    area[:8] = progress.ENDED.to_bytes(8, sys.byteorder)
    os._exit(0)


def _be_first_to_go():
    """If the library takes all memory, the system shall end this process."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass


def _answer(request, words, row, compiled):
    file, addresses, known, rooms = load(request["path"])
    words[progress.PHASE] = progress.RUNNING
    if compiled >= 0:
        shared = (ctypes.c_ulong * (progress.BYTES // 8)).from_buffer(words)
        _storm_code(compiled).guard(ctypes.byref(shared, 8 * progress.DEEP))
    kind = request["kind"]
    if kind == "load":
        return {"file": file, "functions": sorted(addresses)}
    if kind == "storm":
        return _storm(request, addresses, words, compiled)
    known = () if request["strict"] else known
    if kind == "turns":
        return _turns(request, addresses, words, row, known)
    return _examples(request, addresses, words, row, known, rooms)


def _examples(request, addresses, words, row, known, rooms):
    """Do the examples, or the steps given, up to what is broken."""
    began = perf_counter()
    functions = callables(addresses)
    done = given = refused = 0
    answer, excused = {}, set()
    for number in range(request["first"], request["last"]):
        judge = (Judge if number else Survey)(functions, words, row, known, rooms)
        words[progress.EXAMPLE] = number
        steps = request.get("steps") or example(
            request["seed"], number, request["count"], request["offered"]
        )
        try:
            judge.do(steps)
        except Violated as error:
            answer["broken"] = {"invariant": error.invariant, "message": str(error)}
            answer["room"] = error.room
            done += words[progress.STEP] + 1
            break
        done += len(steps)
        excused |= judge.excused
        words[progress.DONE] = done
        given, refused = given + judge.given, refused + judge.refused
        if number == 0:
            answer["promises"] = judge.promises()
    times = {"done": done, "seconds": perf_counter() - began, "given": given, "refused": refused}
    answer["excused"] = sorted(excused)
    return answer | times | {"example": words[progress.EXAMPLE], "step": words[progress.STEP]}


def _turns(request, addresses, words, row, known):
    """Several threads that take turns: their calls run at once, the judge does not."""
    functions = callables(addresses, ctypes.CFUNCTYPE)
    steps = example(request["seed"], 1, request["operations"], request["offered"])
    began = perf_counter()
    error = take_turns(functions, words, row, known, steps, request["threads"])
    answer = {"done": len(steps), "seconds": perf_counter() - began}
    if error:
        answer["broken"] = {"invariant": error.invariant, "message": str(error)}
    return answer


def _storm_code(compiled):
    return ctypes.CDLL(f"/proc/self/fd/{compiled}")


def _storm(request, addresses, words, compiled):
    """Several threads at once, in compiled code."""
    storm = _storm_code(compiled).storm
    table = (ctypes.c_void_p * len(ORDER))(*(addresses.get(name) for name in ORDER))
    message = ctypes.create_string_buffer(400)
    shared = (ctypes.c_ulong * (progress.BYTES // 8)).from_buffer(words)
    began = perf_counter()
    invariant = storm(
        table,
        request["threads"],
        ctypes.c_ulong(request["operations"]),
        ctypes.c_ulong(request["seed"]),
        ctypes.byref(shared, 8 * progress.THREADS),
        message,
    )
    seconds = perf_counter() - began
    done = sum(words[progress.THREADS : progress.THREADS + request["threads"]])
    answer = {"done": done, "seconds": seconds}
    if invariant:
        answer["broken"] = {"invariant": INVARIANTS[invariant], "message": message.value.decode()}
    return answer
