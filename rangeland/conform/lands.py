"""Repeating recordings of kind land: one set of ranges, driven directly.

Source: design/conform.md#.sol.lands
"""

from arena.chunks import expect
from land import fields as lf
from land.cbs import CBS, CBSFast, CBSZoned
from land.failover import Failover
from land.freelist import Freelist
from land.nodes import CappedNodes, StackNodes
from rangeland.conform import facts
from vm import fields as f
from vm import results as r
from vm.descriptor import VM
from vm.results import AllocationError, ParamError, ProtocolError
from vm.space import AddressSpace

CBS_CLASSES = {"CBS": CBS, "CBSFast": CBSFast, "CBSZoned": CBSZoned}
FAILOVER = "Failover(CBSFast,Freelist)"
NODE_SIZES = {
    "CBS": lf.NODE_SIZE,
    "CBSFast": lf.FAST_NODE_SIZE,
    "CBSZoned": lf.ZONED_NODE_SIZE,
    FAILOVER: lf.FAST_NODE_SIZE,
}
NODE_MEMORY = 1 << 22


class LandRepeater:
    """Repeats the operations of one file on a land of its own.

    A land that keeps its links in the ranges themselves gets mapped memory
    for them; that of a CBS is never touched, and keeps its own addresses.
    """

    def __init__(self, header, lines):
        self.header = header
        land = header["land"]
        self.kind = land["class"]
        if land["span"] < 1:
            raise ParamError("land.span is 0: expected at least 1")
        span = (land["span"] + f.PAGE - 1) // f.PAGE * f.PAGE
        self.space = AddressSpace(size=span + NODE_MEMORY + (1 << 20))
        self._next = self._mapped(NODE_MEMORY)
        self._nodes_limit = self._next + NODE_MEMORY
        self.offset = land["base"]
        if self.kind not in CBS_CLASSES:
            self.offset = self._mapped(span)
        self.land = self._make(land)

    def close(self):
        """Nothing is left to end."""

    def _mapped(self, size):
        vm = VM(self.space, self.space.stack.push(f.VM_SIZE))
        expect(vm.init(size, f.PAGE), f"no addresses for {size} bytes")
        expect(vm.map(vm.base, vm.limit), f"no memory for {size} bytes")
        return vm.base

    def _take(self, size):
        self._next += size
        return self._next - size

    def _make(self, land):
        align = land["align"]
        if self.kind == "Freelist":
            return Freelist.init(self.space, self._take(lf.FREELIST_SIZE), align)
        at = self._take(lf.CBS_SIZE)
        if self.kind == FAILOVER:
            secondary = Freelist.init(self.space, self._take(lf.FREELIST_SIZE), align)
            failover = self._take(lf.FAILOVER_SIZE)
            primary = CBSFast.init(self.space, at, self._nodes(land), align)
            return Failover.init(self.space, failover, primary, secondary)
        if self.kind not in CBS_CLASSES:
            raise ParamError(f"land class {self.kind!r}: expected a CBS, Freelist or Failover")
        shift = self.header["arena"]["zone_shift"]
        nodes = self._nodes(land)
        return CBS_CLASSES[self.kind].init(self.space, at, nodes, align, zone_shift=shift)

    def _nodes(self, land):
        if land["block_size"] != NODE_SIZES[self.kind]:
            raise ParamError(
                f"land.block_size is {land['block_size']}: expected {NODE_SIZES[self.kind]}"
            )
        base = (self._next + f.PAGE - 1) // f.PAGE * f.PAGE
        nodes = StackNodes(self.space, land["block_size"], base, self._nodes_limit)
        if land["block_limit"] is None:
            return nodes
        return CappedNodes(nodes, land["block_limit"], r.NAMES.index(land["block_limit_res"]))

    def start(self):
        """The sizes of nodes, which are the same in every arena; no asides."""
        return facts.BLOCK_SIZES, []

    def expected_start(self):
        """What the header tells, in the same form."""
        return facts.told(self.header, ("block_sizes",)), []

    def do(self, line):
        """Do the operation of `line`. Returns no asides, and the line that
        this land would have recorded."""
        return [], getattr(self, "do_" + line[0])(*line[1:])

    def _within(self, base, limit):
        """[base, limit) of the recording as addresses. Raises: ParamError if
        it leaves the span, beyond which no memory is the land's."""
        span = self.header["land"]["span"]
        if not base <= limit <= span:
            raise ParamError(f"expected a range in [0, {span}), found [{base}, {limit})")
        return base + self.offset, limit + self.offset

    def _out(self, pair):
        return [pair[0] - self.offset, pair[1] - self.offset]

    def _result(self, operation, *args):
        """What a line says of operation(*args)."""
        try:
            found = operation(*args)
        except (AllocationError, ProtocolError) as error:
            return [error.result]
        if found is None:
            return [None]
        if isinstance(found[0], tuple):
            return [self._out(found[0]), self._out(found[1])]
        return [self._out(found)]

    def do_i(self, base, limit, *_):
        result = self._result(self.land.insert, *self._within(base, limit))
        return ["i", base, limit, *result]

    def do_d(self, base, limit, *_):
        result = self._result(self.land.delete, *self._within(base, limit))
        if result[0] in r.NAMES and result[0] != "FAIL":
            result.append(self._out((self.land.found_base, self.land.found_limit)))
        return ["d", base, limit, *result]

    def do_ff(self, size, mode, *_):
        return ["ff", size, mode, *self._result(self.land.find_first, size, mode.lower())]

    def do_fl(self, size, mode, *_):
        return ["fl", size, mode, *self._result(self.land.find_last, size, mode.lower())]

    def do_fg(self, size, mode, *_):
        return ["fg", size, mode, *self._result(self.land.find_largest, size, mode.lower())]

    def do_fz(self, size, zones, high, *_):
        return ["fz", size, zones, high, *self._result(self.land.find_in_zones, size, zones, high)]

    def do_itdel(self):
        self.land.iterate_and_delete(lambda base, _: (base - self.offset >> 6) % 3 == 0)
        return ["itdel"]

    def do_it(self, *_):
        lands = [self.land]
        if self.kind == FAILOVER:
            lands = [self.land.primary, self.land.secondary]
        lists = [[edge - self.offset for pair in land for edge in pair] for land in lands]
        return ["it", self.land.size, *lists]
