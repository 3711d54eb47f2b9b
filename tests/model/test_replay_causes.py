"""The split of committed memory by cause, beside one that is made of raw words alone."""

from pathlib import Path

import numpy as np
import pytest

from rangeland.invariants.raw.arena import audit
from rangeland.traces import fields as f
from rangeland.traces.engine import Engine
from rangeland.traces.metrics import causes
from rangeland.traces.read import read_trace
from rangeland.traces.specs import parse_spec

TRACES = Path(__file__).resolve().parents[1] / "traces"
SPECS = [
    "mvff",
    "mvff:spare=1,extend_by=4K,arena.grain_size=16K",
    "mvff:slot_high=yes,first_fit=no,align=64,arena.spare=0",
    "bestfit",
    "nextfit:spare=0.2,extend_by=4K",
    "lifofit",
    "lifofit:spare=0,align=64",
    "worstfit",
    "buddy",
    "segfit",
    "slab",
    "mfs",
]
# With a pool for each thread, which are processes here.
OWN = ["mvff:threads=own", "lifofit:threads=own,extend_by=8K", "slab:threads=own", "buddy:threads=own"]
PAGE = 4096


def split(space, arena, live):
    """The causes, and what is committed, from the raw words and the client's own book."""
    raw = audit(space, arena)
    grain = raw.grain
    total = free = slack = whole = 0
    for client in raw.clients:
        its_total, its_free = client.totals[client.serial]
        total, free, slack = total + its_total, free + its_free, slack + client.slack
        if type(client).__name__ != "MFSPool":
            for base, limit in client.free_ranges:
                whole += max(0, limit // grain - -(-base // grain)) * grain
    tables = sum(sum(chunk.table_pages) for chunk in raw.chunks) * PAGE
    spare = sum(limit - base for base, limit in raw.spare)
    overhead = raw.vm["mapped"] + sum(chunk.overhead - chunk.base for chunk in raw.chunks)
    overhead += sum(
        limit - base
        for owner, pages in raw.pages_of.items()
        if owner not in (-1, None)
        for base, limit in pages
    )
    return {
        "rounding": total - free - slack - live,
        "slack": slack,
        "external": free - whole,
        "unreturned": whole,
        "spare": spare,
        "page_tables": tables,
        "overhead": overhead - total,
    }, raw.head["committed"]


# The units of an MFS pool are as large as the largest block: few are enough.
@pytest.mark.parametrize(
    ("spec", "name"),
    [(spec, name) for spec in SPECS for name in ("edge", "perl", "cmake") if spec != "mfs"]
    + [("mfs", "edge")]
    + [(spec, name) for spec in OWN for name in ("make", "ltrace")],
)
def test_causes_are_those_of_the_raw_words(spec, name):
    path = {
        "cmake": TRACES / "vg_memcheck_cmake.log.gz",
        "perl": TRACES / "perl.rep.gz",
        "make": TRACES / "vg_memcheck_make.log.gz",
        "ltrace": TRACES / "lt_edge.ltrace.gz",
        "edge": TRACES / "vg_memcheck_edge.log.gz",
    }[name]
    trace = read_trace(path)
    step = max(1, len(trace) // 5)
    live = np.cumsum(trace.deltas())
    with parse_spec(spec)(trace) as pool:
        engine = Engine(pool, trace.slots, trace.has_alignment, spec in OWN)
        engine.load(0, trace.op, trace.id, trace.size, trace.alignment, trace.thread)
        for first in range(0, len(trace), step):
            limit = min(first + step, len(trace))
            assert engine.run(first, limit) == -1
            row = engine.sample(limit)
            found, committed = split(pool.space, pool.arena.address, int(live[limit - 1]))
            assert row[f.COMMITTED] == committed
            assert causes(row) == found
            assert sum(found.values()) == committed - live[limit - 1]
