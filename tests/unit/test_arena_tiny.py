"""Where the VMs of an arena that grows go: each directly below the last, as recorded."""

import gzip
import json

import pytest
from support.recordings import VECTORS, Recording

import rangeland as rl
from rangeland.conform.boot import BootRepeater
from rangeland.conform.machine import Machine
from vm import events as ev

PAGE = 4096
POOLS = {
    "mvff": rl.MVFF,
    "mfs": lambda arena: rl.MFS(arena, 64),
    "lifofit": rl.LIFOFit,
    "bestfit": rl.BestFit,
    "buddy": rl.Buddy,
    "slab": rl.Slab,
}


def reserved_by(make):
    """The (base, limit) of each VM that `make` has reserved, in order."""
    with rl.record(ev.MPS_KINDS) as log:
        make()
    return [(e.params["base"], e.params["limit"]) for e in log if e.name == "VMInit"]


@pytest.mark.parametrize("size", [1, PAGE, 1 << 16, 64 * PAGE, 70 * PAGE])
@pytest.mark.parametrize("kind", POOLS)
def test_a_tiny_arena_grows_downwards(kind, size):
    def make():
        arena = rl.Arena(size)
        pool = POOLS[kind](arena)
        for _ in range(4000):
            pool.alloc(64)
        arena.check()

    vms = reserved_by(make)
    assert len(vms) >= 3
    assert all(limit == above for (above, _), (_, limit) in zip(vms, vms[1:]))


def recorded():
    """(name, size of the arena, bases and sizes of its chunks) of the recordings
    of one pool after the other in which nothing else was mapped in between."""
    for path in sorted(VECTORS.glob("arena-*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            header = json.loads(next(file))["arena"]
            lines = [json.loads(line) for line in file if line.startswith('["chunk')]
        first = (header["chunk0"]["base"], header["chunk0"]["size"])
        later = []
        for line in lines:
            if line[0] == "chunk-":
                break
            later.append((line[2], line[3]))
        if later:
            yield pytest.param(header, [first, *later], id=path.name.removesuffix(".jsonl.gz"))


@pytest.mark.parametrize("header,chunks", list(recorded()))
def test_chunks_lie_to_each_other_as_recorded(header, chunks):
    space = rl.AddressSpace(1 << 34)
    size, zoned = header["requested_size"], header["zoned"]
    arena = rl.Arena(size, header["grain_size"], zoned=zoned, space=space)
    pool = rl.MVFF(arena)
    while len(arena.chunks) < len(chunks):
        pool.alloc(size // 8)
    found = [(chunk.base, chunk.limit - chunk.base) for chunk in arena.chunks]
    top, recorded_top = found[0][0], chunks[0][0]
    assert [(top - base, size) for base, size in found] == [
        (recorded_top - base, size) for base, size in chunks
    ]


@pytest.mark.parametrize("mode", ["mvff", "mfs"])
@pytest.mark.parametrize("distance", [0, 1, 16, 717])
def test_a_recorded_tiny_arena_grows_downwards(tmp_path, mode, distance):
    """Of the third VM the header tells nothing, and there is room above."""
    header = Recording(tmp_path, "bootstrap-a20_mvff").lines[0]
    chunk = header["arena"]["chunk0"]
    header["mode"] = mode
    header["arena"]["requested_size"] = chunk["size"] = 64 * PAGE
    header["arena"]["arena_vm"]["base"] = chunk["base"] + (64 + distance) * PAGE
    repeater = BootRepeater(header, [])
    vms = [params for name, params in repeater.spoken if name == "VMInit"]
    assert [vm["base"] for vm in vms[:2]] == [["arena", 0], ["chunk0", 0]]
    assert [vm["limit"] for vm in vms[:2]] == [["arena", PAGE], ["chunk0", 64 * PAGE]]
    if mode == "mvff":
        assert len(vms) == 3
        assert (vms[2]["base"], vms[2]["limit"]) == (["chunk1", 0], ["chunk1", 64 * PAGE])
        # nothing is written as an address that is in no mapping
        assert not any("nowhere" in str(params) for _, params in repeater.spoken)
    assert repeater.machine.space.reserved == 0


def test_a_chunk_after_the_recorded_ones_goes_below_them(tmp_path):
    header = Recording(tmp_path, "arena-grow1m").lines[0]
    first = header["arena"]["chunk0"]
    second = first["base"] - 3 * first["size"]
    machine = Machine(header, [["chunk", 1, second, first["size"], 3, first["size"]]])
    pool = rl.MVFF(machine.arena)
    bases = []
    while len(bases) < 4:
        pool.alloc(200_000)
        if len(machine.arena.chunks) > len(bases) + 1:
            if not bases:
                machine.chunk_made()
            bases.append(machine.arena.chunks[-1].base)
    assert bases == [second - i * first["size"] for i in range(4)]
