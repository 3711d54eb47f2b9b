"""The bootstrap: how an arena comes into being, and how it goes.

`create` tells the story from top to bottom, `destroy` backwards. Problems
are solved on the way, each of a thing that is needed before it can be made:
the VM descriptor, the arena descriptor, the nodes of the free land, and less
seen the nodes of the spare land, the control pool and the tables of a chunk.
Source: design/bootstrap.md, MPS design bootstrap
"""

from contextlib import ExitStack, contextmanager

from arena import fields as a
from arena.chunks import expect
from arena.descriptor import DEFAULT_CHAIN, GLOBALS, TOP_GENERATION, verify_arena
from arena.freeland import UNIVERSE
from arena.grains import Grains
from land import fields as lf
from vm import events as ev
from vm import fields as f
from vm import results as r
from vm.descriptor import VM
from vm.results import AllocationError

VM_PARAMS_SIZE = 8
# The pools of free land nodes, of spare land nodes, control, its nodes.
SYSTEM_POOLS = 4


@contextmanager
def step(telemetry, name, subject=0, size=0):
    """What is done in this context is one step of the story, and its result
    that of the step."""
    telemetry.enter(name, subject, size)
    res = r.OK
    try:
        yield
    except AllocationError as error:
        res = r.NAMES.index(error.result)
        raise
    finally:
        telemetry.leave(name, res)


def create(space, size, grain, zoned, commit_limit, spare):
    """Make an arena in `space`. Returns its Grains.

    Units: bytes; all arguments have been checked.
    Raises: AllocationError; then nothing is reserved or mapped.
    """
    limit = a.NO_LIMIT if commit_limit is None else commit_limit
    space.telemetry.tell(ev.ARENA_OPTIONS, size, grain, bool(zoned), limit, spare)
    size = max(size, 64 * grain)
    stack = space.stack
    # Undone before the frames go, for the first VM descriptor lies in one.
    with stack.frame(VM_PARAMS_SIZE), stack.frame(f.VM_SIZE) as vm_at:
        with step(space.telemetry, "bootstrap", 0, size), ExitStack() as undo:
            vm = _map_arena(space, vm_at, grain)
            undo.callback(_unmap_arena, space, vm)
            grains = _write_arena(space, vm, grain, zoned, limit, spare)
            undo.callback(_finish_arena, grains)
            _make_spare_land(grains)
            undo.callback(_finish_chunks, grains)
            vm.copy(grains.address + a.ARENA_VM_AT)
            _make_chunk(grains, size)
            _make_free_land(grains)
            undo.callback(_finish_free_land, grains)
            _make_control_pool(grains)
            undo.callback(grains.control.finish)
            _make_globals(grains)
            undo.pop_all()
    return grains


def destroy(grains):
    """Undo everything that `create` did, backwards. Never fails, but for words
    written over: a DamageError, and what is seen before anything is undone
    leaves all as it was."""
    space = grains.space
    verify_arena(grains)
    for chunk in grains.chunks.ascending():
        chunk.verify()
    with space.stack.frame(f.VM_SIZE) as vm_at:
        with step(space.telemetry, "teardown", grains.address):
            _finish_globals(grains)
            with step(space.telemetry, "control pool", grains.control.address):
                grains.control.finish()
            _finish_free_land(grains)
            _finish_chunks(grains)
            with step(space.telemetry, "arena descriptor", grains.address, a.ARENA_SIZE):
                _finish_arena(grains)
                vm = VM(space, grains.address + a.ARENA_VM_AT).copy(vm_at)
                _unmap_arena(space, vm)
                space.telemetry.tell(ev.ARENA_DESTROY, grains.address)


def _map_arena(space, vm_at, grain):
    """Map memory for the arena descriptor, outside all chunks.

    Its VM descriptor is on the stack, for there is no other memory yet
    (design/bootstrap.md#.sol.vm, design/bootstrap.md#.sol.arena).
    """
    with step(space.telemetry, "arena descriptor", 0, a.ARENA_SIZE):
        vm = VM(space, vm_at)
        expect(vm.init(a.ARENA_SIZE, grain), "no addresses for the arena descriptor")
        res = vm.map(vm.base, vm.limit)
        if res != r.OK:
            vm.finish()
        expect(res, "no memory for the arena descriptor")
    return vm


def _unmap_arena(space, vm):
    vm.unmap(vm.base, vm.limit)
    vm.finish()


def _write_arena(space, vm, grain, zoned, limit, spare):
    """Write the arena descriptor, with the pool of the free land's nodes."""
    address = vm.base
    grains = Grains(space, address, grain)
    chunks = grains.chunks
    for field, value in (
        (a.ARENA_SERIAL, space.next_arena_serial()),
        (a.RESERVED, vm.reserved),
        (a.COMMITTED, vm.mapped),
        (a.COMMIT_LIMIT, limit),
        (a.GRAIN_SIZE, grain),
        (a.ZONED, zoned),
        (a.FREE_ZONES, UNIVERSE),
        (a.CHUNK_ROOT, space.nil),
        (0, a.ARENA_SIG),
    ):
        chunks.set(field, value)
    space.floats_at(address, a.ARENA_SIZE)[a.SPARE] = spare
    with step(space.telemetry, "arena fields", address):
        _make_generation(grains, address + a.TOP_GEN_AT, TOP_GENERATION, "TopGen")
        blocks = grains.free_land.blocks
        blocks.init(address, lf.ZONED_NODE_SIZE, grain, False)
        space.telemetry.label(blocks.address, "CBSBlock")
    return grains


def _finish_arena(grains):
    grains.free_land.blocks.finish_pool()
    _finish_generation(grains, grains.address + a.TOP_GEN_AT)
    grains.chunks.set(0, 0)


def _make_spare_land(grains):
    """Make the spare land, whose pool of nodes may not extend itself
    (design/bootstrap.md#.sol.spare)."""
    spare = grains.spare_land
    with step(grains.space.telemetry, "spare land", grains.address):
        spare.blocks.init(grains.address, lf.NODE_SIZE, grains.grain, False)
        spare.init(grains.grain)


def _make_chunk(grains, size):
    """Make the primary chunk; its size says how wide a zone's stripes are."""
    chunks = grains.chunks
    chunk = chunks.create(size)
    chunks.set(a.EXTEND_BY, size)
    chunks.set(a.EXTEND_MIN, 0)
    chunk_size = chunk.limit - chunk.base
    chunks.set(a.ZONE_SHIFT, (chunk_size >> 6).bit_length() - 1)
    grains.space.telemetry.tell(
        ev.ARENA_CREATE_VM,
        grains.address,
        size,
        chunk_size,
        grains.grain,
        "VMArena",
        SYSTEM_POOLS,
        chunks.get(a.ARENA_SERIAL),
    )


def _finish_chunks(grains):
    """Unmap what is left in the chunks, then the chunks, then the spare land.

    The spare land's own nodes cannot be freed like other memory, which would
    make them spare.
    """
    chunks = grains.chunks
    spare = grains.spare_land
    with step(grains.space.telemetry, "chunks", grains.address):
        spare.purge(chunks.get(a.SPARE_COMMITTED))
        for base, limit in spare.blocks.forget_extents():
            chunk = chunks.around(base, limit)
            chunk.free_pages(chunk.index_of(base), chunk.index_of(limit))
            _told_page_free(grains, base, limit, spare.blocks)
            chunks.unmap_pages(chunk, base, limit)
        spare.blocks.finish_pool()
        for chunk in chunks.ascending():
            chunks.destroy(chunk)
        spare.land.finish()


def _make_free_land(grains):
    """Make the free land and insert the primary chunk's addresses, which
    needs a node before there is memory for one: both back doors open here
    (design/bootstrap.md#.sol.free)."""
    chunks = grains.chunks
    free = grains.free_land
    with step(grains.space.telemetry, "free land", grains.address + a.FREE_LAND_AT):
        free.init(grains.grain)
        grains.spare_land.free = free.land
        chunk = chunks.primary
        res = free.insert(chunk.address_of(chunk.alloc_base), chunk.limit)
        if res != r.OK:
            _finish_free_land(grains)
        expect(res, "no memory for the first nodes of the free land")


def _finish_free_land(grains):
    """Free the pages of the free land's nodes, not into the free land."""
    free = grains.free_land
    with step(grains.space.telemetry, "free land", grains.address + a.FREE_LAND_AT):
        free.land.finish()
        for base, limit in free.blocks.forget_extents():
            _told_page_free(grains, base, limit, free.blocks)
            grains.pages.free(base, limit)


def _told_page_free(grains, base, limit, blocks):
    """Tell that a page leaves the pool of nodes `blocks` by the back door."""
    grains.space.telemetry.tell(ev.PAGE_FREE, grains.address, base, limit - base, blocks.address)


def _make_control_pool(grains):
    """Make the pool of all further descriptors, whose own lies in that of
    the arena (design/bootstrap.md#.sol.control). Takes no memory yet."""
    control = grains.control
    with step(grains.space.telemetry, "control pool", control.address):
        control.init(
            grains.address,
            extend_by=a.CONTROL_EXTEND_BY,
            mean_size=32,
            align=8,
            spare=0.75,
            arena_high=False,
            slot_high=False,
            first_fit=True,
        )
        grains.space.telemetry.label(control.address, "Control")


def _make_globals(grains):
    """Allocate what else an arena of the MPS has: of the tables for messages
    and of the lock only the room, of generations the default chain."""
    chunks = grains.chunks
    with step(grains.space.telemetry, "globals", grains.address):
        for what, field, size in GLOBALS:
            with step(grains.space.telemetry, what, grains.address, size):
                chunks.set(field, grains.control_alloc(size))
        chain = chunks.get(a.CHAIN)
        grains.space.words_at(chain, f.WORD)[0] = a.CHAIN_SIG
        for i, generation in enumerate(DEFAULT_CHAIN):
            address = chain + a.CHAIN_HEADER + i * a.GEN_SIZE
            _make_generation(grains, address, generation)
        for i in range(len(DEFAULT_CHAIN)):
            address = chain + a.CHAIN_HEADER + i * a.GEN_SIZE
            grains.space.telemetry.label(address, f"DefGen-{i}")


def _finish_globals(grains):
    chunks = grains.chunks
    with step(grains.space.telemetry, "globals", grains.address):
        chain = chunks.get(a.CHAIN)
        for i in range(len(DEFAULT_CHAIN)):
            _finish_generation(grains, chain + a.CHAIN_HEADER + i * a.GEN_SIZE)
        for what, field, size in reversed(GLOBALS):
            with step(grains.space.telemetry, what, grains.address, size):
                grains.control_free(chunks.get(field), size)
                chunks.set(field, 0)


def _make_generation(grains, address, generation, label=None):
    capacity, mortality = generation
    space, chunks = grains.space, grains.chunks
    serial = chunks.get(a.GEN_SERIAL)
    chunks.set(a.GEN_SERIAL, serial + 1)
    words = space.words_at(address, a.GEN_SIZE)
    words[0] = a.GEN_SIG
    words[a.GEN_ARENA] = grains.address
    words[a.GEN_NUMBER] = serial
    words[a.GEN_CAPACITY] = capacity
    space.floats_at(address, a.GEN_SIZE)[a.GEN_MORTALITY] = mortality
    space.telemetry.tell(ev.GEN_INIT, grains.address, address, serial, capacity, mortality)
    if label is not None:
        space.telemetry.label(address, label)


def _finish_generation(grains, address):
    words = grains.space.words_at(address, a.GEN_SIZE)
    words[0] = 0
    grains.space.telemetry.tell(ev.GEN_FINISH, grains.address, address, words[a.GEN_NUMBER])
