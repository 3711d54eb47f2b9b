"""Repeating recordings of pools: kinds mfs, mvff, mvt and arena.

Each method `do_X` does the operation of a line that begins with X (`ap+` is
`ap_new`, `ap-` is `ap_gone`) and returns the line as it should have been
recorded.
Source: design/conform.md#.sol.repeat
"""

from pools.mfs import MFS
from pools.mvff import MVFF
from pools.mvt import MVT
from rangeland.conform import facts
from rangeland.conform.machine import Asides, Machine
from vm import events as ev
from vm.results import AllocationError, ParamError, ProtocolError
from vm.telemetry import stream


class Unsupported(ParamError):
    """A recording has a pool class that Rangeland has not got."""


def make_pool(arena, kind, args):
    """The pool of class `kind` that the recorded `args` describe.

    Raises: Unsupported for another class; ParamError; AllocationError.
    """
    for name, value in args.items():
        if not isinstance(value, (int, float)):
            raise ParamError(f"expected a number or a bool as {name!r}, found {value!r}")
    if kind == "MFS":
        if "MFS_UNIT_SIZE" not in args:
            raise ParamError("expected 'MFS_UNIT_SIZE' among the arguments of an MFS pool")
        return MFS(
            arena,
            args["MFS_UNIT_SIZE"],
            extend_by=args.get("EXTEND_BY", 65536),
            extend_self=args.get("MFSExtendSelf", True),
        )
    if kind == "MVFF":
        return MVFF(
            arena,
            extend_by=args.get("EXTEND_BY", 65536),
            mean_size=min(args.get("MEAN_SIZE", 32), args.get("EXTEND_BY", 65536)),
            align=args.get("ALIGN", 8),
            spare=args.get("SPARE", 0.75),
            arena_high=args.get("MVFF_ARENA_HIGH", False),
            slot_high=args.get("MVFF_SLOT_HIGH", False),
            first_fit=args.get("MVFF_FIRST_FIT", True),
        )
    if kind == "MVT":
        return MVT(
            arena,
            min_size=args.get("MIN_SIZE", 8),
            mean_size=args.get("MEAN_SIZE", 32),
            max_size=args.get("MAX_SIZE", 8192),
            reserve_depth=args.get("MVT_RESERVE_DEPTH", 1024),
            frag_limit=args.get("MVT_FRAG_LIMIT", 0.3),
            align=args.get("ALIGN", 8),
        )
    raise Unsupported(f"pool class {kind}: expected MFS, MVFF or MVT")


def method_of(operation):
    """The name of the method that does lines which begin with `operation`."""
    return "do_" + operation.replace("+", "_new").replace("-", "_gone")


class Repeater:
    """Repeats the operations of one file on a machine of its own."""

    def __init__(self, header, lines):
        self.header = header
        self.blocks = {}
        self.points = {}
        self.asides = Asides()
        stream.attach(self.asides, ev.STEP)
        try:
            self.machine = Machine(header, [line for line in lines if line[0] == "chunk"])
            self.asides.begin(self.machine)
            self.arena = self.machine.arena
            self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self):
        """Make what the header tells of besides the arena."""

    def close(self):
        """Stop listening."""
        stream.detach(self.asides)

    def start(self):
        """What the header may tell of the start, as this machine has it, and
        the asides so far."""
        return facts.of_arena(self.arena), self.asides.take()

    def expected_start(self):
        """What the header tells, in the same form."""
        return facts.told(self.header), self.header["arena"].get("control_log", [])

    def do(self, line):
        """Do the operation of `line`. Returns the asides and the line that
        this machine would have recorded."""
        try:
            done = getattr(self, method_of(line[0]))(*line[1:])
        except ProtocolError as error:
            done = [line[0], f"{error}"]
        return self.asides.take(), done

    def _alloc(self, pool, block, size):
        try:
            address = pool.alloc(size)
        except AllocationError as error:
            return error.result
        return self._has(pool, block, address, size)

    def _reserve(self, point, block, size):
        try:
            address = point.reserve(size)
        except AllocationError as error:
            return error.result
        point.commit(address, size)
        return self._has(point.pool, block, address, size)

    def _has(self, pool, block, address, size):
        self.blocks[block] = (pool, address, size)
        return self.machine.loc(address)

    def _free(self, block):
        if block not in self.blocks:
            raise ProtocolError(f"block {block} was never allocated here")
        pool, address, size = self.blocks.pop(block)
        pool.free(address, size)

    def _pool(self, number):
        """The pool with, or whose allocation point has, this number."""
        raise NotImplementedError

    def do_ap_new(self, number):
        self.points[number] = self._pool(number).allocation_point()
        return ["ap+", number]

    def do_ap_gone(self, number):
        self._point(number).destroy()
        del self.points[number]
        return ["ap-", number]

    def _point(self, number):
        if number not in self.points:
            raise ProtocolError(f"allocation point {number} was not made here")
        return self.points[number]

    def do_r(self, number, block, size, _):
        return ["r", number, block, size, self._reserve(self._point(number), block, size)]

    def do_t(self, chunk, _):
        return ["t", chunk, self.machine.map_of(chunk)]

    def do_S(self, *_):
        return ["S", *self.machine.snapshot()]


class PoolRepeater(Repeater):
    """Repeats a recording of one pool."""

    def _prepare(self):
        pool = self.header["pool"]
        self.pool = make_pool(self.arena, pool["class"], pool["args"])

    def start(self):
        """As `Repeater.start`, and of the pool."""
        here, asides = super().start()
        return here | facts.of_pool(self.pool), asides

    def _pool(self, number):
        return self.pool

    def do_a(self, block, size, _):
        return ["a", block, size, self._alloc(self.pool, block, size)]

    def do_f(self, block):
        self._free(block)
        return ["f", block]

    def do_s(self, *_):
        committed, spare, reserved = self.machine.snapshot()
        return ["s", self.pool.total_size, self.pool.free_size, committed, reserved, spare]

    def do_x(self, *_):
        return ["x", self.machine.loc(self.pool.add_extent()), self.pool.extend_by]

    def do_pd(self):
        self.pool.destroy()
        return ["pd"]


class ArenaRepeater(Repeater):
    """Repeats a recording of several pools in one arena."""

    def _prepare(self):
        self.pools = {}
        growth = self.header.get("vm_growth", [None, None])
        if not isinstance(growth, list) or len(growth) != 2:
            raise ParamError(f"expected two numbers or nulls as 'vm_growth', found {growth!r}")
        desired, minimum = growth
        if desired is not None:
            self.arena.extend_by = desired
        if minimum is not None:
            self.arena.extend_min = minimum

    def do_pc(self, number, kind, args, _):
        try:
            self.pools[number] = make_pool(self.arena, kind, args)
        except AllocationError as error:
            return ["pc", number, kind, args, error.result]
        return ["pc", number, kind, args, self.pools[number].serial]

    def do_pd(self, number):
        pool = self._pool(number)
        self.blocks = {k: block for k, block in self.blocks.items() if block[0] is not pool}
        pool.destroy()
        del self.pools[number]
        return ["pd", number]

    def _pool(self, number):
        if number not in self.pools:
            raise ProtocolError(f"pool {number} was not made here")
        return self.pools[number]

    def do_a(self, number, block, size, _):
        return ["a", number, block, size, self._alloc(self._pool(number), block, size)]

    def do_f(self, number, block):
        pool = self._pool(number)
        if block in self.blocks and self.blocks[block][0] is not pool:
            raise ProtocolError(f"block {block} is not of pool {number}")
        self._free(block)
        return ["f", number, block]

    def do_cl(self, limit, _):
        try:
            self.arena.commit_limit = limit
        except ParamError:
            return ["cl", limit, "FAIL"]
        return ["cl", limit, "OK"]

    def do_sp(self, fraction):
        self.arena.spare = fraction
        return ["sp", fraction]

    def do_gc(self):
        self.arena.collect()
        return ["gc"]
