"""Pool: what all pool classes share, and the public face of alloc and free.

Source: design/pools.md
"""

from land.nodes import NodeSource
from pools import fields as p
from vm import events as ev
from vm import lock, mmu
from vm import results as r
from vm.labels import label_bytes, read_label, write_label
from vm.lock import walking, whole
from vm.results import (
    AllocationError,
    ParamError,
    ParamTypeError,
    ProtocolError,
    ResourceError,
    failure,
    integer,
)

# No simulated address is this large, and twice this does not wrap.
MOST = 1 << 60


class Pool(NodeSource):
    """The handle of a pool whose descriptor is at `address`.

    A pool class defines `init`, which writes the descriptor, the methods
    below that return -UNIMPL, and `finish`, `check` and `describe`.
    """

    class_name = "AbstractPool"
    descriptor_size = p.POOL_SIZE
    # True if every block is freed with the one size that the pool was made for.
    has_one_size = False

    def bind(self, space, address, grains):
        """Make this the handle of the pool whose descriptor is at `address`,
        and whose memory comes from `grains`, a GrainSource."""
        self.space = space
        self.address = address
        self.grains = grains
        self.birth = 0
        self.arena = None
        self.ledger = None

    def _create(self, arena, audit=False, label="", **options):
        """Have `arena` make room for a descriptor, and write it.

        With `audit`, a table of living blocks beside the pool, outside the
        simulated memory and its accounts, tells every wrong free and resize.
        `label` is as the property.
        Raises: ParamTypeError if `arena` is none; ParamError for the label;
        AllocationError, and then nothing has changed but the count of serial
        numbers.
        """
        if not hasattr(arena, "enlist"):
            raise ParamTypeError(f"arena is {arena!r}: expected an Arena")
        text = label_bytes(label)
        arena.space.interrupts.watch()
        arena.space.enter("the making of a pool")
        try:
            self._make(arena, options)
            arena.enlist(self, bool(audit))
            if text:
                self._write_label(text)
                self.space.telemetry.label(self.address, label)
        finally:
            arena.space.leave()

    def _make(self, arena, options):
        address = arena.control_block(self.descriptor_size)
        self.bind(arena.space, address, arena.grains)
        try:
            self.init(arena.address, **options)
        except AllocationError:
            self.grains.free_control(address, self.descriptor_size)
            raise

    def attach(self):
        """Make this the handle of just the pool that is there now, with the
        handles of what is embedded in its descriptor."""
        n = mmu.at(self.space, self.address, p.POOL_SIZE)
        self.birth = self.space.words[n + p.BIRTH]

    def init_pool(self, arena_address, align):
        """Write what all pool descriptors have in common."""
        n = mmu.at(self.space, self.address, p.POOL_SIZE)
        w = self.space.words
        w[n] = self.sig
        w[n + p.SERIAL] = self.grains.next_serial()
        w[n + p.ARENA] = arena_address
        w[n + p.POOL_ALIGN] = align
        for field in range(p.POOL_LABEL, p.POOL_SIZE // 8):
            w[n + field] = 0
        self.birth = self.space.next_birth()
        w[n + p.BIRTH] = self.birth

    def told_init(self):
        """Emit the PoolInit event, once the class has written its part."""
        if self.space.telemetry.mask & ev.POOL:
            n = mmu.at(self.space, self.address, p.POOL_SIZE)
            w = self.space.words
            self.space.telemetry.tell(
                ev.POOL_INIT, self.address, w[n + p.ARENA], self.class_name, w[n + p.SERIAL]
            )

    def told_alloc(self, address, size):
        """Emit the PoolAlloc event of a new block. Returns OK."""
        if self.space.telemetry.mask & ev.OBJECT:
            self.space.telemetry.note(ev.POOL_ALLOC, self.address, address, size, 0, 0)
        return r.OK

    def told_free(self, address, size):
        """Emit the PoolFree event of a block that was freed. Returns OK."""
        if self.space.telemetry.mask & ev.OBJECT:
            self.space.telemetry.note(ev.POOL_FREE, self.address, address, size, 0, 0)
        return r.OK

    def told_resize(self, address, old, new):
        """Emit the PoolResize event of a block that stayed where it is. Returns OK."""
        if self.space.telemetry.mask & ev.OBJECT:
            self.space.telemetry.note(ev.POOL_RESIZE, self.address, address, old, new, 0)
        return r.OK

    def finish_pool(self):
        """Invalidate the descriptor and emit the PoolFinish event."""
        n = mmu.at(self.space, self.address, p.POOL_SIZE)
        w = self.space.words
        w[n] = 0
        self.space.telemetry.tell(ev.POOL_FINISH, self.address, w[n + p.ARENA])

    # What a pool class defines

    def alloc_block(self, size):
        """The address of a block of `size` bytes, or a negative code."""
        return -r.UNIMPL

    def free_block(self, address, size):
        """Free a block of `size` bytes. OK, or FAIL if it was free."""
        return r.UNIMPL

    def total(self):
        """The bytes of memory that the pool holds for its blocks."""
        return -r.UNIMPL

    def free_bytes(self):
        """The bytes of `total` that are free."""
        return -r.UNIMPL

    def largest(self):
        """The bytes of the largest block that needs no more memory."""
        return -r.UNIMPL

    def block_size(self, size):
        """The bytes of `total` that a block of `size` bytes takes.

        Those of all live blocks, `free_bytes` and `slack` sum up to `total`.
        """
        return -r.UNIMPL

    def slack(self):
        """The bytes of `total` that are in no block and free for none."""
        return 0

    def whole_free(self):
        """The bytes of `total` that are free in whole grains. Cost: one walk
        of the free memory at most."""
        return 0

    def resize_block(self, address, old, new):
        """Make the block of `old` bytes one of `new` bytes where it lies.

        OK; or FAIL, and then nothing has changed. Asks the arena for nothing.
        """
        return r.OK if self.block_size(old) == self.block_size(new) else r.FAIL

    def is_partly_free(self, address, size):
        """1 if some of the block, which `expect_block` passed, is free; else 0.
        A resize asks; a free need not, for there `free_block` tells."""
        return 0

    def alloc_aligned(self, size, align):
        """As `alloc_block`; the address is a multiple of `align`, a power of
        two. -UNIMPL if the class has no such blocks."""
        if align <= self._word(p.POOL_ALIGN):
            return self.alloc_block(size)
        return -r.UNIMPL

    def alignment(self):
        """The alignment of the blocks, a power of two from 8 to the grain.
        Raises: DamageError."""
        n = mmu.at(self.space, self.address, p.POOL_SIZE)
        align = self.space.words[n + p.POOL_ALIGN]
        if not 8 <= align <= self.grains.grain or align & align - 1:
            self.space.damage("pool", self.address, p.POOL_ALIGN, "an alignment")
        return align

    def committed(self):
        """The bytes of memory that the pool's arena has committed."""
        return self.grains.committed()

    def expect_block(self, address, size):
        """Raise ProtocolError where it can be told that no such block lives."""
        raise NotImplementedError

    # The public face

    def alloc(self, size, align=None):
        """The address of a new block of `size` bytes.

        Units: bytes. Shape: the address is a multiple of the pool's
        alignment, and of `align` if that is given, a power of two; the
        block's contents are undefined.
        Raises: ParamError; ProtocolError if the pool is destroyed, has no
        blocks of that alignment, or an operation is in course in the space;
        AllocationError by its result (nothing has changed then, but that
        spare memory may have shrunk and chunks may have been added).
        Cost: that of the pool class.
        """
        if type(size) is not int or size < 1:
            size = integer("size", size, least=1)
        if size > MOST:
            raise ResourceError(f"size is {size}: no address space holds it (RESOURCE)")
        if align is not None:
            align = pool_align(align, 1, MOST)
        lock.claim(self.space, "alloc")
        try:
            self._expect_alive()
            self._expect_size(size)
            self.grains.poll()
            address = self.alloc_block(size) if align is None else self.alloc_aligned(size, align)
            if address < 0:
                raise self._refusal(address, size, align)
            self.grains.fill(size)
            if self.ledger is not None:
                self.ledger[address] = size
            self.told_alloc(address, size)
            return address
        finally:
            lock.release(self.space)

    def _refusal(self, code, size, align):
        """The exception of an allocation that gave `code`."""
        if code == -r.UNIMPL:
            return ProtocolError(
                f"{self!r} has no blocks aligned to {align}: expected {self.align}"
            )
        return failure(code, f"{self!r} has no block of {size} bytes")

    def free(self, address, size):
        """Free the block of `size` bytes at `address`.

        Raises: ParamError; ProtocolError for a foreign address, for a wrong
        size or a second free where that can be told (always with `audit` and
        in checked mode), and while an operation is in course in the space.
        Nothing has changed then. Never fails for want of memory.
        """
        if type(address) is not int or not 0 < address < MOST:
            address = integer("address", address, least=1, most=MOST)
        if type(size) is not int or not 0 < size < MOST:
            size = integer("size", size, least=1, most=MOST)
        lock.claim(self.space, "free")
        try:
            self._expect_living(address, size)
            if self.free_block(address, size) != r.OK:
                raise self._already_free(address, size)
            if self.ledger is not None:
                del self.ledger[address]
            self.told_free(address, size)
        finally:
            lock.release(self.space)

    def resize(self, address, old, new):
        """Make the block of `old` bytes at `address` one of `new` bytes, if
        it can stay where it is.

        True if it could; False, and then nothing has changed. What lies in
        the smaller of the two sizes is kept.
        Raises: as `free` does.
        """
        address = integer("address", address, least=1, most=MOST)
        old = integer("old", old, least=1, most=MOST)
        new = integer("new", new, least=1, most=MOST - 1)
        lock.claim(self.space, "resize")
        try:
            self._expect_living(address, old)
            if self.is_partly_free(address, old):
                raise self._already_free(address, old)
            if self.resize_block(address, old, new) != r.OK:
                return False
            self.grains.fill(max(0, new - old))
            if self.ledger is not None and not self.has_one_size:
                self.ledger[address] = new
            self.told_resize(address, old, new)
            return True
        finally:
            lock.release(self.space)

    def _expect_living(self, address, size):
        """Raise, as `free` does, where it can be told that no such block lives."""
        self._expect_alive()
        self._expect_size(size)
        if self.ledger is not None:
            self._expect_in_ledger(address, size)
        self.expect_block(address, size)

    def _already_free(self, address, size):
        return ProtocolError(
            f"block [{address:#x}, {address + size:#x}) of {self!r} is already free, "
            f"in whole or in part: expected a live block"
        )

    def _expect_in_ledger(self, address, size):
        known = self.ledger.get(address)
        if known is None:
            raise ProtocolError(
                f"no live block of {self!r} begins at {address:#x} (double free or foreign address)"
            )
        if known != size:
            raise ProtocolError(
                f"block {address:#x} of {self!r} is given with size {size}: expected {known}"
            )

    def _expect_size(self, size):
        """Raise ParamError if no block of the pool has this size."""

    def free_ranges(self):
        """The (base, limit) of each free range, in no order. Cost: O(ranges)."""
        raise NotImplementedError

    @property
    def alive(self):
        """False once the pool has been destroyed, by whatever handle."""
        return self._lives()

    def _expect_alive(self):
        if not self._lives():
            raise ProtocolError(f"{self!r} has been destroyed")

    def _lives(self):
        if self.grains is None or not self._mapped():
            return False
        n = mmu.at(self.space, self.address, p.POOL_SIZE)
        w = self.space.words
        return w[n] == self.sig and w[n + p.BIRTH] == self.birth

    def _mapped(self):
        return (
            not self.space.checked
            or self.space.first_unmapped(self.address, self.address + p.POOL_SIZE)
            == self.address + p.POOL_SIZE
        )

    def __repr__(self):
        return f"<{self.class_name} at {self.address:#x}>"

    def _word(self, field):
        return self.space.words[mmu.at(self.space, self.address, p.POOL_SIZE) + field]

    @property
    def serial(self):
        """The pool's serial number in its arena."""
        self._expect_alive()
        return self._word(p.SERIAL)

    @property
    def align(self):
        """The alignment of the pool's blocks, in bytes."""
        self._expect_alive()
        return self.alignment()

    @property
    def total_size(self):
        """The bytes of memory that the pool holds for its blocks."""
        self._expect_alive()
        return self.total()

    @property
    def free_size(self):
        """The bytes of `total_size` that are free."""
        self._expect_alive()
        return self.free_bytes()

    @property
    def slack_size(self):
        """The bytes of `total_size` that are in no block and free for none."""
        self._expect_alive()
        return self.slack()

    @property
    def whole_free_size(self):
        """The bytes of `total_size` that are free in whole grains."""
        with walking(self.space, "whole_free_size"):
            self._expect_alive()
            return self.whole_free()

    @property
    def largest_free(self):
        """The bytes of the largest block that needs no more memory."""
        with walking(self.space, "largest_free"):
            self._expect_alive()
            return self.largest()

    @property
    def label(self):
        """The name of the pool, "" if it has none: at most 40 bytes in UTF-8.

        It lies in the descriptor, and is told to who records labels.
        Raises: ParamError, ParamTypeError.
        """
        self._expect_alive()
        return read_label(self.space, self.address + p.POOL_LABEL * 8)

    @label.setter
    def label(self, value):
        text = label_bytes(value)
        self._expect_alive()
        self._write_label(text)
        self.space.telemetry.label(self.address, value)

    def _write_label(self, text):
        write_label(self.space, self.address + p.POOL_LABEL * 8, text)

    def allocation_point(self):
        """A new allocation point; of a class that has none, a ProtocolError."""
        raise ProtocolError(f"{self!r} has no allocation points: expected an MVT pool")

    @property
    def points(self):
        """The pool's allocation points: a list."""
        return []

    def destroy(self):
        """Destroy the pool and all its blocks.

        Raises: ProtocolError if it is destroyed already, belongs to the arena
        itself, still has allocation points, or an operation is in course.
        """
        self._expect_alive()
        if self.arena is None:
            raise ProtocolError(f"{self!r} is the arena's own and goes with it")
        self.space.interrupts.watch()
        self.space.enter("destroy of a pool")
        try:
            self._expect_alive()
            if self.points:
                raise ProtocolError(f"{self!r} still has {self.points[0]!r}: expected none")
            self.arena.finish_pool(self)
        finally:
            self.space.leave()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.alive:
            with whole():
                for point in self.points:
                    point.destroy()
                self.destroy()


def unborn(kind, space, address, grains):
    """A handle of class `kind` for a pool that its `init` will make."""
    pool = kind.__new__(kind)
    pool.bind(space, address, grains)
    return pool


def handle(kind, space, address, grains):
    """The handle of class `kind` of a pool that exists already."""
    pool = unborn(kind, space, address, grains)
    pool.attach()
    return pool


def pool_align(value, least, most):
    """`value` as an alignment from `least` to `most`. Raises: ParamError."""
    value = integer("align", value)
    if value < least or value > most or value & (value - 1):
        raise ParamError(f"align is {value}: expected a power of two from {least} to {most}")
    return value
