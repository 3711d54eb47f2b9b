"""Attach: every handle of an arena, rebuilt from its bytes alone.

Source: design/arena.md#.sol.attach
"""

from arena import fields as a
from arena.damage import damaged
from arena.descriptor import verify_arena
from arena.grains import Grains
from pools import fields as p
from pools.bestfit import BestFit
from pools.buddy import Buddy
from pools.lifofit import LIFOFit
from pools.mfs import MFS
from pools.mvff import MVFF
from pools.mvt import MVT
from pools.nextfit import NextFit
from pools.pool import handle
from pools.segfit import SegFit
from pools.slab import Slab
from pools.worstfit import WorstFit
from vm import fields as f
from vm.results import ParamError, integer

POOL_CLASSES = {
    p.MFS_SIG: MFS,
    p.MVFF_SIG: MVFF,
    p.MVT_SIG: MVT,
    p.BEST_SIG: BestFit,
    p.WORST_SIG: WorstFit,
    p.NEXT_SIG: NextFit,
    p.LIFO_SIG: LIFOFit,
    p.BUDDY_SIG: Buddy,
    p.SEGFIT_SIG: SegFit,
    p.SLAB_SIG: Slab,
}


def attach_grains(space, address):
    """The Grains of the arena at `address`.

    Raises: ParamError if no arena descriptor lies there; DamageError if a
    word of it is not what it can be.
    """
    address = integer("address", address, least=space.base, most=space.limit)
    end = address + a.ARENA_SIZE
    if address % f.PAGE or space.first_unmapped(address, end) != end:
        raise ParamError(f"address is {address:#x}: expected that of an arena descriptor")
    if space.word(address) != a.ARENA_SIG:
        found = space.word(address)
        raise ParamError(
            f"no arena descriptor lies at {address:#x}: expected signature "
            f"{a.ARENA_SIG:#x}, found {found:#x}"
        )
    words = space.words_at(address, a.ARENA_SIZE)
    base = words[a.ARENA_VM_AT // f.WORD + f.VM_BASE]
    held = space.reservations.of(address)
    if base != address and (held is None or held.base != address):
        raise ParamError(
            f"at {address:#x} lies a copy of the arena descriptor of {base:#x}: "
            f"expected the descriptor itself"
        )
    # The descriptor has a reservation to itself, of one grain.
    grains = Grains(space, address, held.size if held else f.PAGE)
    verify_arena(grains)
    grains.attach()
    return grains


def attach_pool(arena, address):
    """A handle of the pool at `address`, one of the clients of `arena`.

    Raises: DamageError if its signature is that of no class.
    """
    kind = POOL_CLASSES.get(arena.space.word(address))
    if kind is None:
        damaged(arena.space, f"pool {address:#x}", address, 0, "SIG", "that of a class of pools")
    pool = handle(kind, arena.space, address, arena.grains)
    pool.arena = arena
    pool.ledger = arena.space.ledgers.get(address)
    return pool
