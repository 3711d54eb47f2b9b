"""Arena: the public face of an arena in virtual memory.

Source: design/arena.md
"""

from arena import bootstrap, roster
from arena import fields as a
from arena.attach import attach_grains, attach_pool
from arena.check import check_arena
from arena.memory import Memory
from pools.pool import MOST
from vm import events as ev
from vm import fields as f
from vm.labels import label_bytes, read_label, write_label
from vm.lock import operation, walking, walks, whole
from vm.results import (
    DamageError,
    ParamError,
    ParamTypeError,
    ProtocolError,
    fraction,
    integer,
    power_of_two,
)
from vm.space import DEFAULT_SIZE as SPACE_SIZE
from vm.space import AddressSpace

DEFAULT_SIZE = 1 << 28
# What an ordinary system gives out without committing memory.
MOST_SPACE = 1 << 45


def _room(size):
    """The bytes of addresses for an arena that begins with `size`."""
    wanted = 4 * size // f.PAGE * f.PAGE
    return max(SPACE_SIZE, min(wanted, MOST_SPACE)) if size < MOST_SPACE else SPACE_SIZE


class Arena(Memory):
    """An arena of at first `size` bytes of addresses, in `space` or in an
    address space of its own.

    A size below 64 grains is raised to that: there are 64 zones.
    `grain_size` is the unit of what pools get; `zoned` keeps kinds of memory
    apart by address; committed memory never exceeds `commit_limit` (None:
    no limit); the fraction `spare` of it may be free and still mapped;
    `label` is its name. Units: bytes. Used as a context, it destroys its
    pools and itself at the end.

    Its operations, and those of its pools and lands, come one at a time: one
    that is asked for in the middle of another, by a listener, a visitor or
    another thread, is refused with a ProtocolError. An interrupt comes before
    or after an operation, never in it.
    Raises: ParamError; AllocationError, and then nothing is reserved.
    Cost: under a millisecond compiled.
    """

    def __init__(
        self,
        size=DEFAULT_SIZE,
        grain_size=f.PAGE,
        zoned=True,
        commit_limit=None,
        spare=0.75,
        space=None,
        label="",
    ):
        size = integer("size", size, least=1, most=MOST)
        grain = power_of_two("grain_size", grain_size, least=f.PAGE, most=MOST // 64)
        if commit_limit is not None:
            commit_limit = integer("commit_limit", commit_limit, least=0, most=a.NO_LIMIT)
        spare = fraction("spare", spare)
        if space is None:
            space = AddressSpace(_room(size + grain))
        elif not isinstance(space, AddressSpace):
            raise ParamTypeError(f"space is {space!r}: expected an AddressSpace")
        text = label_bytes(label)
        with operation(space, "the making of an Arena"):
            grains = bootstrap.create(space, size, grain, bool(zoned), commit_limit, spare)
            self._bind(grains)
            write_label(space, self.address + a.ARENA_LABEL * f.WORD, text)
        if text:
            space.telemetry.label(self.address, label)

    @classmethod
    def attach(cls, space, address):
        """The arena whose descriptor lies at `address` in `space`, with all
        handles rebuilt from the bytes alone.

        Raises: ParamError if no arena descriptor lies there.
        Cost: O(pools + chunks).
        """
        arena = cls.__new__(cls)
        if not isinstance(space, AddressSpace):
            raise ParamTypeError(f"space is {space!r}: expected an AddressSpace")
        with walking(space, "attach"):
            arena._bind(attach_grains(space, address))
        return arena

    def _bind(self, grains):
        self.bind(grains.space, grains.address, grains.chunks.get(a.ARENA_SERIAL))
        self.grains = grains
        self._handles = {}
        # Who has a pool for nodes, by the address of that.
        self._nested = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.alive:
            with whole():
                for pool in reversed(self.pools):
                    pool.__exit__()
                self.destroy()

    def __repr__(self):
        return f"<Arena at {self.address:#x}>"

    # Accounts and settings

    def _get(self, field):
        self._expect_alive()
        return self.grains.chunks.get(field)

    def _expect_alive(self):
        super()._expect_alive()
        self.grains.chunks.verify()

    @property
    def reserved(self):
        """The bytes of addresses reserved, those of the descriptor included."""
        return self._get(a.RESERVED)

    @property
    def committed(self):
        """The bytes of memory mapped, spare memory included."""
        return self._get(a.COMMITTED)

    @property
    def spare_committed(self):
        """The bytes of memory mapped and free."""
        return self._get(a.SPARE_COMMITTED)

    @property
    def page_tables(self):
        """The bytes of memory mapped that say which page is whose."""
        self._expect_alive()
        return sum(chunk.descriptors.mapped_bytes() for chunk in self.chunks)

    @property
    def grain_size(self):
        """The bytes of a grain."""
        return self._get(a.GRAIN_SIZE)

    @property
    def zone_shift(self):
        """The logarithm of the width of a zone's stripes."""
        return self._get(a.ZONE_SHIFT)

    @property
    def zoned(self):
        """True if zones are kept apart."""
        return bool(self._get(a.ZONED))

    @property
    def free_zones(self):
        """The zones that nothing was ever allocated in: an unsigned set."""
        return self._get(a.FREE_ZONES) & (1 << 64) - 1

    @property
    def serial(self):
        """How many arenas were made in the space before this one."""
        return self._get(a.ARENA_SERIAL)

    @property
    def label(self):
        """The name of the arena, "" if it has none: at most 40 bytes in UTF-8.

        It lies in the descriptor, and is told to who records labels.
        Raises: ParamError, ParamTypeError.
        """
        self._expect_alive()
        return read_label(self.space, self.address + a.ARENA_LABEL * f.WORD)

    @label.setter
    def label(self, value):
        text = label_bytes(value)
        self._expect_alive()
        write_label(self.space, self.address + a.ARENA_LABEL * f.WORD, text)
        self.space.telemetry.label(self.address, value)

    @property
    def commit_limit(self):
        """The most bytes that may be committed, or None.

        Setting it below what is committed purges spare memory.
        Raises: ParamError if even that would not do: nothing changed then.
        """
        limit = self._get(a.COMMIT_LIMIT)
        return None if limit == a.NO_LIMIT else limit

    @commit_limit.setter
    def commit_limit(self, value):
        limit = a.NO_LIMIT
        if value is not None:
            limit = integer("commit_limit", value, least=0, most=a.NO_LIMIT)
        with operation(self.space, "the setting of commit_limit"):
            committed, spare = self.committed, self.spare_committed
            refused = limit < committed - spare
            if not refused:
                if limit < committed:
                    self.grains.spare_land.purge(committed - limit)
                self.grains.chunks.set(a.COMMIT_LIMIT, limit)
            self.space.telemetry.tell(ev.COMMIT_LIMIT_SET, self.address, limit, int(refused))
        if refused:
            raise ParamError(
                f"commit_limit is {limit}: expected at least {committed - spare}, "
                f"for {committed} bytes are committed and only {spare} of them are spare"
            )

    @property
    def spare(self):
        """The fraction of committed memory that may be spare.

        Setting it purges what is too much. Raises: ParamError.
        """
        self._expect_alive()
        return self.space.floats_at(self.address, a.ARENA_SIZE)[a.SPARE]

    @spare.setter
    def spare(self, value):
        value = fraction("spare", value)
        with operation(self.space, "the setting of spare"):
            self._expect_alive()
            self.space.floats_at(self.address, a.ARENA_SIZE)[a.SPARE] = value
            self.space.telemetry.tell(ev.ARENA_SET_SPARE, self.address, value)
            excess = self.spare_committed - self.grains.spare_land.limit()
            if excess > 0:
                self.grains.spare_land.purge(excess)

    @property
    def extend_by(self):
        """The bytes of addresses that the arena would like to grow by.

        Raises: ParamError when set below `extend_min`.
        """
        return self._get(a.EXTEND_BY)

    @extend_by.setter
    def extend_by(self, value):
        value = integer("extend_by", value, least=max(1, self.extend_min), most=MOST)
        self.grains.chunks.set(a.EXTEND_BY, value)

    @property
    def extend_min(self):
        """The least bytes of addresses that the arena grows by.

        Raises: ParamError when set above `extend_by`.
        """
        return self._get(a.EXTEND_MIN)

    @extend_min.setter
    def extend_min(self, value):
        value = integer("extend_min", value, least=0, most=self.extend_by)
        self.grains.chunks.set(a.EXTEND_MIN, value)

    # Chunks, pools, addresses

    @property
    def chunks(self):
        """The chunks in the order of their making: a list."""
        self._expect_alive()
        return self.grains.chunks.in_order()

    @property
    def pools(self):
        """The clients' pools in the order of their making: a list.

        Read from the arena's bytes, so pools that came or went by another
        handle of the arena are there or not.
        """
        self._expect_alive()
        addresses = roster.addresses(self.space, self.address)
        self._handles = {address: self._client(address) for address in addresses}
        return list(self._handles.values())

    def _client(self, address):
        pool = self._handles.get(address)
        return pool if pool and pool.alive else attach_pool(self, address)

    def pool_of(self, address):
        """The pool that owns the grain at `address`, or None.

        Pools that the arena or another pool made for itself count as well.
        Raises: ParamError. Cost: O(log chunks); O(pools) once for what another
        handle of the arena has made.
        """
        address = integer("address", address, least=0, most=MOST)
        self._expect_alive()
        chunk = self.grains.chunks.of(address)
        owner = chunk.owner(chunk.index_of(address)) if chunk else 0
        return self._pool_at(owner) if owner else None

    def _pool_at(self, owner):
        known = self._handles.get(owner)
        if known and known.alive:
            return known
        for pool in self.system_pools:
            if pool.address == owner:
                return pool
        control = self.grains.control
        if control.blocks.address == owner:
            return control.blocks
        holder = self._nested.get(owner)
        if holder is None or not holder.alive or holder.blocks.address != owner:
            if roster.holds(self.space, self.address, owner):
                self._handles[owner] = self._client(owner)
                return self._handles[owner]
            self._nested = {
                pool.blocks.address: pool for pool in self.pools if hasattr(pool, "blocks")
            }
            holder = self._nested.get(owner)
        if holder is None:
            raise DamageError(f"a page belongs to {owner:#x}: expected a pool of {self!r}")
        return holder.blocks

    @property
    def system_pools(self):
        """The pools of the arena itself: free nodes, spare nodes, control."""
        self._expect_alive()
        grains = self.grains
        return [grains.free_land.blocks, grains.spare_land.blocks, grains.control]

    def collect(self):
        """Give back the chunks, but the primary, in which nothing is
        allocated. Returns how many bytes of addresses that was."""
        with operation(self.space, "collect"):
            self._expect_alive()
            grains = self.grains
            before = self.reserved
            for chunk in grains.chunks.ascending():
                if chunk.address != grains.chunks.get(a.PRIMARY) and chunk.is_empty():
                    grains.free_land.expect_all(chunk)
                    grains.spare_land.purge(chunk.limit - chunk.base, chunk)
                    grains.free_land.delete(chunk.address_of(chunk.alloc_base), chunk.limit)
                    grains.chunks.destroy(chunk)
            return before - self.reserved

    # What pools and lands ask when they are made

    def control_alloc(self, size):
        """The address of `size` bytes of control memory.

        Raises: ParamError; AllocationError; then nothing has changed.
        """
        size = integer("size", size, least=1, most=MOST)
        with operation(self.space, "control_alloc"):
            return self.control_block(size)

    def control_block(self, size):
        """As `control_alloc`, in the course of an operation."""
        self._expect_alive()
        return self.grains.control_alloc(size)

    def control_free(self, base, size):
        """Free what `control_alloc` gave.

        Raises: ParamError; ProtocolError if that is no control memory.
        """
        base = integer("base", base, least=1, most=MOST)
        size = integer("size", size, least=1, most=MOST)
        with operation(self.space, "control_free"):
            self._expect_alive()
            self.grains.control.expect_block(base, size)
            self.grains.control_free(base, size)

    def enlist(self, pool, audit=False):
        """Make `pool`, whose descriptor is written, one of the arena's; with
        `audit`, or in checked mode, with a table of its living blocks."""
        pool.arena = self
        if audit or self.space.checked:
            pool.ledger = self.space.ledgers[pool.address] = {}
        roster.append(self.space, self.address, pool.address)
        self._handles[pool.address] = pool
        if hasattr(pool, "blocks"):
            self._nested[pool.blocks.address] = pool

    def finish_pool(self, pool):
        """Finish `pool`, all its memory, and free its descriptor."""
        roster.remove(self.space, self.address, pool.address)
        self._handles.pop(pool.address, None)
        if hasattr(pool, "blocks"):
            self._nested.pop(pool.blocks.address, None)
        self.space.ledgers.pop(pool.address, None)
        pool.finish()
        self.grains.control_free(pool.address, pool.descriptor_size)
        pool.arena = None

    def destroy(self):
        """Destroy the arena and give back everything that it reserved.

        Raises: ProtocolError while a client's pool is alive.
        """
        with operation(self.space, "destroy of an Arena"):
            self._expect_alive()
            pools = self.pools
            if pools:
                alive = ", ".join(map(repr, pools))
                raise ProtocolError(f"{self!r} still has pools: expected none, found {alive}")
            bootstrap.destroy(self.grains)

    @walks
    def check(self):
        """Assert every invariant of the arena, its lands and its pools.

        Cost: O(pages + ranges + units).
        """
        self._expect_alive()
        check_arena(self)

    @walks
    def describe(self):
        """What the arena holds, as text."""
        limit = self.commit_limit
        lines = [
            f"Arena at {self.address:#x}",
            f"  grain size {self.grain_size} bytes, "
            + (f"zones of {1 << self.zone_shift} bytes" if self.zoned else "not zoned"),
            f"  reserved {self.reserved}, committed {self.committed}, "
            f"spare {self.spare_committed} bytes",
            f"  commit limit {'none' if limit is None else f'{limit} bytes'}, spare {self.spare}",
        ]
        for chunk in self.chunks:
            lines.append(f"  {chunk!r}, {chunk.pages} pages, {chunk.vm.mapped} bytes mapped")
        for pool in (*self.system_pools, *self.pools):
            lines += ["  " + line for line in pool.describe().splitlines()]
        return "\n".join(lines) + "\n"
