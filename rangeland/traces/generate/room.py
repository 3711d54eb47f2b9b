"""Whether what is to be made fits, before anything is written (design/generate.md#.sol.room)."""

import copy
import gzip
import io
import itertools
import os
import resource

from rangeland.traces.convert import PACKED, PARQUET, WRITERS
from rangeland.traces.generate.write import pieces, whole
from rangeland.traces.parquet import Writer
from vm.results import ParamError

# So many rows tell how large all will be.
SAMPLE = 1 << 16
# What a form that is made whole takes of memory for each event: measured, 83 to 86.
IN_MEMORY = 80


def refuse_too_large(rows, events, path, form, hands=None, at_once=0):
    """Those `rows`, if `events` like them can be had as the file `path`.

    Told by the first of them; `at_once` of them are made at a time. Raises: ParamError
    with the size that it would have; OSError.
    """
    sample, count = [], 0
    for batch in rows:
        sample.append(batch)
        count += len(batch[0])
        if count >= min(SAMPLE, events):
            break
    few = min(count, SAMPLE, events)
    packed = str(path).endswith(PACKED)
    if few:
        written = _written(sample, few, form, packed, copy.deepcopy(hands))
        _expect(path, events, written * events // few, free(path), "on the disk", "free there")
    size = IN_MEMORY * (at_once if form == PARQUET else events)
    how = "available" + "; a Parquet file is made in pieces" * (form != PARQUET)
    _expect(path, events, size, available(), "of memory", how)
    return itertools.chain(sample, rows)


def _expect(path, events, size, most, where, how):
    if size > most:
        raise ParamError(
            f"{path}: {events:,} events would take about {size:,} bytes {where}: "
            f"expected at most {most:,}, which are {how}"
        )


def _written(sample, events, form, packed, hands):
    """The bytes that so many events of the sample take in that form."""
    file = io.BytesIO()
    if form == PARQUET:
        writer = Writer(file, thread=hands is not None)
        for piece in pieces(sample, events):
            writer.write(piece.op, piece.slot, piece.size, thread=hands and hands.of(piece))
        writer.finish()
        return len(file.getvalue())
    WRITERS[form].write(whole(sample, events, hands=hands), file)
    data = file.getvalue()
    return len(gzip.compress(data) if packed else data)


def free(path):
    """The bytes that a file `path` may have: what is free there, and what a process may write."""
    folder = os.statvfs(os.path.dirname(os.path.realpath(path)))
    # A file system that tells nothing of itself has no blocks at all.
    room = folder.f_bavail * folder.f_frsize if folder.f_blocks else 1 << 62
    return min(room, _limit(resource.RLIMIT_FSIZE))


def available():
    """The bytes of memory that can be had without taking them from anybody."""
    with open("/proc/meminfo") as file:
        told = dict(line.split(":", 1) for line in file)
    return min(int(told["MemAvailable"].split()[0]) * 1024, _limit(resource.RLIMIT_AS))


def _limit(kind):
    """The soft limit of this process; what is larger than all if there is none."""
    soft, _ = resource.getrlimit(kind)
    return 1 << 62 if soft == resource.RLIM_INFINITY else soft
