"""What the tests of the lands share: machines, memory, nodes, lands."""

from land.cbs import CBS, CBSFast, CBSZoned
from land.failover import Failover
from land.freelist import Freelist
from land.nodes import CappedNodes, StackNodes
from land.sorted import SortedLand
from vm import results as r
from vm.descriptor import VM
from vm.space import AddressSpace

PAGE = 4096
NODE_SIZES = {"CBS": 32, "CBSFast": 40, "CBSZoned": 48}
CLASSES = {"CBS": CBS, "CBSFast": CBSFast, "CBSZoned": CBSZoned}
NAMES = ("CBS", "CBSFast", "CBSZoned", "Freelist", "Failover", "SortedLand")
FINDING = ("CBSFast", "CBSZoned", "Freelist", "Failover", "SortedLand")


def machine(size=1 << 24):
    """A machine in checked mode."""
    return AddressSpace(size=size, checked=True)


def machine_for_speed(size=1 << 26):
    """A machine that does not verify accesses, for measurements."""
    return AddressSpace(size=size)


def mapped(space, size):
    """The base of `size` bytes of reserved and mapped memory."""
    descriptor = VM(space, space.stack.push(56))
    assert descriptor.init(size, PAGE) == r.OK
    assert descriptor.map(descriptor.base, descriptor.limit) == r.OK
    return descriptor.base


def node_source(space, name="CBSFast", cap=None, code=r.LIMIT, size=1 << 20):
    base = mapped(space, size)
    nodes = StackNodes(space, NODE_SIZES[name], base, base + size)
    return nodes if cap is None else CappedNodes(nodes, cap, code)


def make(name, space, align=8, cap=None, code=r.LIMIT, zone_shift=12):
    """A land of the class called `name`; with `cap`, its nodes are capped."""
    if name == "SortedLand":
        return SortedLand(align, zone_shift)
    at = mapped(space, PAGE)
    if name == "Freelist":
        return Freelist.init(space, at, align)
    if name == "Failover":
        primary = CBSFast.init(space, at, node_source(space, cap=cap, code=code), align)
        return Failover.init(space, at + 256, primary, Freelist.init(space, at + 128, align))
    nodes = node_source(space, name, cap, code)
    return CLASSES[name].init(space, at, nodes, align, zone_shift=zone_shift)
