"""The events of the telemetry: names, codes, kinds and parameters.

Events of the seven kinds of the MPS have its names, codes and parameters.
Those of the kind STEP are ours: they tell what the MPS does without an event
(back doors, boot allocation, the control pool), so that a narrative can be
told from the log alone. Source: design/telemetry.md#.sol.kinds
"""

from typing import NamedTuple

ARENA = 1
POOL = 2
TRACE = 4
SEG = 8
REF = 16
OBJECT = 32
USER = 64
STEP = 128

KINDS = {
    "Arena": ARENA,
    "Pool": POOL,
    "Trace": TRACE,
    "Seg": SEG,
    "Ref": REF,
    "Object": OBJECT,
    "User": USER,
    "Step": STEP,
}
MPS_KINDS = ARENA | POOL | TRACE | SEG | REF | OBJECT | USER
# Blocks come and go so often that their events are told only to who asks for them.
DEFAULT_KINDS = MPS_KINDS & ~(REF | OBJECT)
ALL_KINDS = MPS_KINDS | STEP

ARENA_ALLOC = 0x06
ARENA_ALLOC_FAIL = 0x07
ARENA_CREATE_VM = 0x09
ARENA_DESTROY = 0x0A
ARENA_FREE = 0x0C
ARENA_POLL_BEGIN = 0x0D
ARENA_POLL_END = 0x0E
ARENA_SET_SPARE = 0x10
BUFFER_COMMIT = 0x12
BUFFER_EMPTY = 0x13
BUFFER_FILL = 0x14
BUFFER_FINISH = 0x15
BUFFER_INIT = 0x16
BUFFER_RESERVE = 0x19
COMMIT_LIMIT_SET = 0x1B
GEN_FINISH = 0x1E
GEN_INIT = 0x1F
INTERN = 0x21
LABEL_POINTER = 0x23
LAND_INIT = 0x24
POOL_ALLOC = 0x2A
POOL_FINISH = 0x2B
POOL_FREE = 0x2C
POOL_INIT = 0x2D
POOL_INIT_MFS = 0x33
POOL_INIT_MVFF = 0x34
POOL_INIT_MVT = 0x35
SEG_ALLOC = 0x38
SEG_FREE = 0x3A
VM_ARENA_EXTEND_DONE = 0x55
VM_ARENA_EXTEND_FAIL = 0x56
VM_ARENA_EXTEND_START = 0x57
VM_FINISH = 0x59
VM_INIT = 0x5A
VM_MAP = 0x5B
VM_UNMAP = 0x5C

STEP_ENTER = 0x101
STEP_LEAVE = 0x102
VM_COPY = 0x103
BOOT_ALLOC = 0x104
CHUNK_INIT = 0x105
CHUNK_FINISH = 0x106
PAGE_ALLOC = 0x107
PAGE_FREE = 0x108
POOL_EXTEND = 0x109
LAND_INSERT = 0x10A
LAND_DELETE = 0x10B
CONTROL_ALLOC = 0x10C
CONTROL_FREE = 0x10D
ARENA_OPTIONS = 0x10E
VM_RESERVE = 0x10F
POOL_RESIZE = 0x110


class EventType(NamedTuple):
    """One type of event. A parameter is (name, sort); the sorts are those of
    the MPS: P pointer, A address, W word, U unsigned, S string, D double,
    B boolean; and C, the name of a class."""

    code: int
    name: str
    kind: int
    params: tuple


def _type(code, name, kind, params):
    pairs = tuple(tuple(p.split(":")) for p in params.split())
    return EventType(code, name, kind, pairs)


TYPES = {
    t.code: t
    for t in (
        _type(ARENA_ALLOC, "ArenaAlloc", ARENA, "arena:P baseTract:P base:A size:W pool:P"),
        _type(ARENA_ALLOC_FAIL, "ArenaAllocFail", ARENA, "arena:P size:W pool:P res:U"),
        _type(
            ARENA_CREATE_VM,
            "ArenaCreateVM",
            ARENA,
            "arena:P userSize:W chunkSize:W grainSize:W arenaClass:C systemPools:W serial:U",
        ),
        _type(ARENA_DESTROY, "ArenaDestroy", ARENA, "arena:P"),
        _type(ARENA_FREE, "ArenaFree", ARENA, "arena:P base:A size:W pool:P"),
        _type(ARENA_POLL_BEGIN, "ArenaPollBegin", ARENA, "arena:P"),
        _type(ARENA_POLL_END, "ArenaPollEnd", ARENA, "arena:P workWasDone:B"),
        _type(ARENA_SET_SPARE, "ArenaSetSpare", ARENA, "arena:P spare:D"),
        # Of a pool without formats clientClass is 0.
        _type(BUFFER_COMMIT, "BufferCommit", OBJECT, "buffer:P p:A size:W clientClass:A"),
        _type(BUFFER_EMPTY, "BufferEmpty", SEG, "buffer:P spare:W"),
        _type(BUFFER_FILL, "BufferFill", SEG, "buffer:P size:W base:A filled:W"),
        _type(BUFFER_FINISH, "BufferFinish", POOL, "buffer:P"),
        _type(BUFFER_INIT, "BufferInit", POOL, "buffer:P pool:P isMutator:B"),
        _type(BUFFER_RESERVE, "BufferReserve", OBJECT, "buffer:P init:A size:W"),
        _type(COMMIT_LIMIT_SET, "CommitLimitSet", ARENA, "arena:P limit:W res:U"),
        _type(GEN_FINISH, "GenFinish", ARENA, "arena:P gen:P serial:U"),
        _type(GEN_INIT, "GenInit", ARENA, "arena:P gen:P serial:U capacity:W mortality:D"),
        _type(INTERN, "Intern", USER, "stringId:W string:S"),
        _type(LABEL_POINTER, "LabelPointer", USER, "pointer:P stringId:W"),
        _type(LAND_INIT, "LandInit", POOL, "land:P owner:P"),
        _type(POOL_ALLOC, "PoolAlloc", OBJECT, "pool:P pReturn:A size:W"),
        _type(POOL_FINISH, "PoolFinish", POOL, "pool:P arena:P"),
        _type(POOL_FREE, "PoolFree", OBJECT, "pool:P old:A size:W"),
        _type(POOL_INIT, "PoolInit", POOL, "pool:P arena:P poolClass:C serial:U"),
        _type(POOL_INIT_MFS, "PoolInitMFS", POOL, "pool:P extendBy:W extendSelf:B unitSize:W"),
        _type(
            POOL_INIT_MVFF,
            "PoolInitMVFF",
            POOL,
            "pool:P extendBy:W avgSize:W align:W slotHigh:B arenaHigh:B firstFit:B",
        ),
        # The last parameter is spelt as the MPS spells it.
        _type(
            POOL_INIT_MVT,
            "PoolInitMVT",
            POOL,
            "pool:P minSize:W meanSize:W maxSize:W reserveDepth:W fragLimig:W",
        ),
        _type(SEG_ALLOC, "SegAlloc", SEG, "arena:P seg:P base:A size:W pool:P"),
        _type(SEG_FREE, "SegFree", SEG, "arena:P seg:P"),
        _type(VM_ARENA_EXTEND_DONE, "VMArenaExtendDone", ARENA, "chunkSize:W reserved:W"),
        _type(VM_ARENA_EXTEND_FAIL, "VMArenaExtendFail", ARENA, "chunkMin:W reserved:W"),
        _type(VM_ARENA_EXTEND_START, "VMArenaExtendStart", ARENA, "size:W chunkSize:W reserved:W"),
        _type(VM_FINISH, "VMFinish", ARENA, "vm:P"),
        _type(VM_INIT, "VMInit", ARENA, "vm:P base:A limit:A"),
        _type(VM_MAP, "VMMap", SEG, "vm:P base:A limit:A"),
        _type(VM_UNMAP, "VMUnmap", SEG, "vm:P base:A limit:A"),
        _type(STEP_ENTER, "StepEnter", STEP, "step:S subject:P size:W"),
        _type(STEP_LEAVE, "StepLeave", STEP, "step:S res:U"),
        _type(VM_COPY, "VMCopy", STEP, "source:P target:P"),
        _type(BOOT_ALLOC, "BootAlloc", STEP, "boot:P base:A size:W align:W what:S"),
        _type(
            CHUNK_INIT,
            "ChunkInit",
            STEP,
            "arena:P chunk:P serial:U base:A size:W allocBase:W reserved:W",
        ),
        _type(CHUNK_FINISH, "ChunkFinish", STEP, "arena:P chunk:P serial:U"),
        _type(PAGE_ALLOC, "PageAlloc", STEP, "arena:P base:A size:W pool:P"),
        _type(PAGE_FREE, "PageFree", STEP, "arena:P base:A size:W pool:P"),
        _type(POOL_EXTEND, "PoolExtend", STEP, "pool:P base:A limit:A"),
        _type(LAND_INSERT, "LandInsert", STEP, "land:P base:A limit:A res:U"),
        _type(LAND_DELETE, "LandDelete", STEP, "land:P base:A limit:A res:U"),
        _type(CONTROL_ALLOC, "ControlAlloc", STEP, "arena:P base:A size:W res:U"),
        _type(CONTROL_FREE, "ControlFree", STEP, "arena:P base:A size:W"),
        _type(
            ARENA_OPTIONS,
            "ArenaOptions",
            STEP,
            "size:W grainSize:W zoned:B commitLimit:W spare:D",
        ),
        _type(VM_RESERVE, "VMReserve", STEP, "vm:P block:A reserved:W"),
        _type(POOL_RESIZE, "PoolResize", OBJECT, "pool:P old:A oldSize:W newSize:W"),
    )
}
BY_NAME = {t.name: t for t in TYPES.values()}
