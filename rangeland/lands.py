"""The lands as users make them: in an arena, with nodes from a pool there.

The handles of land/ know nothing of arenas; these get room for a descriptor
from the control pool, and for nodes an MFS pool of their own.
Source: design/land.md#.sol.users
"""

from contextlib import ExitStack

from land import cbs, failover, freelist
from pools.mfs import MFS
from vm.lock import operation, whole
from vm.results import ParamTypeError, ProtocolError


def _room(arena, size):
    """The address of a descriptor of `size` bytes in `arena`.

    Raises: ParamTypeError; AllocationError.
    """
    if not hasattr(arena, "control_alloc"):
        raise ParamTypeError(f"arena is {arena!r}: expected an Arena")
    return arena.control_alloc(size)


class _InArena:
    """What lands in an arena share: how they go."""

    def destroy(self):
        """Forget the ranges, and give back the descriptor and the nodes.

        Raises: ProtocolError if that was done before.
        """
        with whole():
            with operation(self.space, f"destroy of {self!r}"):
                self._is_alive()
                self.finish()
                self.arena.grains.control_free(self.address, self.BYTES)
                self.gone = True
            self._give_back()

    def _give_back(self):
        """Give back what the land has beside its descriptor."""

    def _is_alive(self):
        if getattr(self, "gone", False) or not self.arena.alive:
            raise ProtocolError(f"{self!r} has been finished")
        return super()._is_alive()


class _Tree(_InArena):
    """A land of class `_kind`, whose nodes come from an MFS pool, `nodes`."""

    def __init__(self, arena, align=8):
        with whole(), ExitStack() as undo:
            address = _room(arena, self.BYTES)
            undo.callback(arena.control_free, address, self.BYTES)
            nodes = MFS(arena, self.NODE_SIZE)
            undo.callback(nodes.destroy)
            self._kind.init(arena.space, address, nodes, align, 0, arena.zone_shift)
            self._kind.__init__(self, arena.space, address, nodes)
            self.arena = arena
            undo.pop_all()

    def _give_back(self):
        self.nodes.destroy()

    def _is_alive(self):
        super()._is_alive()
        if not self.nodes.alive:
            raise ProtocolError(f"the pool of the nodes of {self!r} has been destroyed")
        return True


class CBS(_Tree, cbs.CBS):
    """A coalescing block structure in `arena`: insert, delete, iterate.

    Units: `align` in bytes. Raises: ParamError; AllocationError.
    """

    _kind = cbs.CBS


class CBSFast(_Tree, cbs.CBSFast):
    """A CBS in `arena` that finds by size too.

    Units: `align` in bytes. Raises: ParamError; AllocationError.
    """

    _kind = cbs.CBSFast


class CBSZoned(_Tree, cbs.CBSZoned):
    """A CBS in `arena` that finds in the arena's zones too.

    Units: `align` in bytes. Raises: ParamError; AllocationError.
    """

    _kind = cbs.CBSZoned


class Freelist(_InArena, freelist.Freelist):
    """A list through the free memory itself, which must be mapped.

    Units: `align` in bytes. Raises: ParamError; AllocationError.
    """

    def __init__(self, arena, align=8):
        with whole(), ExitStack() as undo:
            address = _room(arena, self.BYTES)
            undo.callback(arena.control_free, address, self.BYTES)
            freelist.Freelist.init(arena.space, address, align)
            freelist.Freelist.__init__(self, arena.space, address)
            self.arena = arena
            undo.pop_all()


class Failover(_InArena, failover.Failover):
    """A CBSFast in `arena` that falls back on a Freelist, so its ranges must
    be mapped memory.

    Units: `align` in bytes. Raises: ParamError; AllocationError.
    """

    def __init__(self, arena, align=8):
        with whole(), ExitStack() as undo:
            primary = CBSFast(arena, align)
            undo.callback(primary.destroy)
            secondary = Freelist(arena, align)
            undo.callback(secondary.destroy)
            address = _room(arena, self.BYTES)
            undo.callback(arena.control_free, address, self.BYTES)
            failover.Failover.init(arena.space, address, primary, secondary)
            failover.Failover.__init__(self, arena.space, address, primary, secondary)
            self.arena = arena
            undo.pop_all()

    def _give_back(self):
        self.secondary.destroy()
        self.primary.destroy()
