"""Land: a set of address ranges, in which adjacent ranges are always one.

The methods named `..._range` are what other core modules call: they run
without Python objects, check no arguments, return a result code (or 1 and 0
for found and not found) and leave ranges in `found_base`, `found_limit` and
`old_base`, `old_limit`. The public methods check their arguments, call
those and turn codes into exceptions. Source: design/land.md
"""

from land import arguments
from land import fields as f
from vm import events as ev
from vm import fields as vf
from vm import lock, mmu
from vm import results as r
from vm.lock import walking, walks
from vm.results import ParamError, ProtocolError, failure, integer


def write(space, address, field, word):
    """Write the word `field` of the structure at `address`."""
    space.words[mmu.at(space, address + field * vf.WORD, vf.WORD)] = word


class Land:
    """The handle of the land whose descriptor lies at `address`.

    Units: bytes; ranges are [base, limit), aligned to `align`.
    Raises: ParamError if there is no descriptor of this class.
    """

    SIG = 0
    BYTES = 0

    def __init__(self, space, address):
        self.space = space
        self.address = address
        found = space.word(address)
        if found != self.SIG:
            raise ParamError(
                f"no {type(self).__name__} at {address:#x}: expected the signature "
                f"{self.SIG:#x}, found {found:#x}"
            )
        self.align = space.word(address + f.ALIGN * vf.WORD)
        if self.align < vf.WORD or self.align & (self.align - 1) or self.align > arguments.TOP:
            self.damage(f.ALIGN, "a power of two of at least 8")
        self.found_base = self.found_limit = 0
        self.old_base = self.old_limit = 0
        self.stolen = 0

    @classmethod
    def _write(cls, space, address, align, owner, words=()):
        """Write a fresh descriptor: what all lands have, then `words`, a
        sequence of (field, word); tell of the new land."""
        align = arguments.alignment(align)
        for field in range(cls.BYTES // vf.WORD):
            write(space, address, field, 0)
        for field, word in ((f.ALIGN, align), (f.OWNER, owner), *words, (vf.SIG, cls.SIG)):
            write(space, address, field, word)
        space.telemetry.tell(ev.LAND_INIT, address, owner)

    def finish(self):
        """Make the descriptor no land any more; the handle is dead. What
        memory its nodes have is their source's to give back."""
        n = mmu.at(self.space, self.address, self.BYTES)
        self.space.words[n + vf.SIG] = 0

    # What a class of lands has to have (design/land.md#.if.inside)

    def insert_range(self, base, limit):
        """Insert [base, limit). Returns OK, and the coalesced range in
        found; FAIL if it overlaps; or the code of the node source. Unless
        OK, nothing has changed."""
        return self._lacks("insert")

    def delete_range(self, base, limit):
        """Delete [base, limit). Returns OK, FAIL if it is not inside one
        range, or the code of the node source. In found is the range that
        contained it, unless FAIL. Unless OK, nothing has changed."""
        return self._lacks("delete")

    def first_range(self, size, mode):
        """Find the first range of at least `size` bytes and delete what
        `mode` says. Returns 1 with the part in found and the whole in old,
        or 0."""
        return self._lacks("find_first")

    def last_range(self, size, mode):
        """As `first_range`, of the last range."""
        return self._lacks("find_last")

    def largest_range(self, size, mode):
        """As `first_range`, of a largest range."""
        return self._lacks("find_largest")

    def best_range(self, size, mode):
        """As `first_range`, of the smallest range, the first of equals."""
        return self._lacks("find_best")

    def next_range(self, address, size, mode):
        """As `first_range`, of the ranges that end after `address`."""
        return self._lacks("find_next")

    def zoned_range(self, size, zones, high):
        """Find and delete the first (last, if high) `size` bytes in
        `zones`. Returns OK with the part in found and the whole in old;
        FAIL if there are none; or the code of the node source, the whole
        in old and nothing changed."""
        return self._lacks("find_in_zones")

    def next_after(self, address):
        """Put the first range with limit > `address` in found. Returns 1,
        or 0 if there is none."""
        return self._lacks("iteration")

    def whole(self, grain):
        """The bytes of whole aligned grains in the ranges."""
        return self._lacks("sums of grains")

    def adopt_range(self, base, limit):
        """Let the node source have the first grain of [base, limit).
        Returns the bytes that it took, or -code."""
        return -r.LIMIT

    def total(self):
        """The sum of the sizes of the ranges. Cost: O(1)."""
        n = mmu.at(self.space, self.address, f.FAILOVER_SIZE)
        if self.space.words[n + f.SIZE] < 0:
            return self.damage(f.SIZE, "the sum of the sizes of the ranges")
        return self.space.words[n + f.SIZE]

    def damage(self, field, expected):
        """Raises: DamageError, for the word `field` of the descriptor."""
        return self.space.damage(type(self).__name__, self.address, field, expected)

    def miscounted(self, change, number):
        """Raises: DamageError, as `change` bytes more and `number` ranges more
        are not to be counted."""
        w = self.space.words
        n = mmu.at(self.space, self.address, f.FAILOVER_SIZE)
        field = f.SIZE
        if 0 <= w[n + f.SIZE] <= arguments.TOP and not 0 <= w[n + f.COUNT] <= arguments.TOP >> 3:
            field = f.COUNT
        told = f"{number:+} ranges and {change:+} bytes would be at least 8 bytes a range"
        return self.damage(field, f"a number so that {told}")

    def _lacks(self, what):
        raise ProtocolError(f"a {type(self).__name__} has no {what}")

    # Steal forms, on top of those

    def insert_steal_range(self, base, limit):
        """Insert [base, limit), of which the node source may have the
        first grains if it has no node. Returns OK or FAIL, and in `stolen`
        the bytes taken; or a code, with nothing taken or changed."""
        self.stolen = 0
        while True:
            res = self.insert_range(base + self.stolen, limit)
            if res == r.OK or res == r.FAIL:
                return res
            taken = self.adopt_range(base + self.stolen, limit)
            if taken < 0:
                return res
            self.stolen += taken
            if base + self.stolen >= limit:
                return r.OK

    def delete_steal_range(self, base, limit):
        """Delete [base, limit); if the node source has no node, it may have
        the first grains of the range that contains it, as far as they lie
        below base. Returns as `delete_range`, and the bytes in `stolen`."""
        self.stolen = 0
        while True:
            res = self.delete_range(base, limit)
            if res == r.OK or res == r.FAIL:
                return res
            first = self.found_base
            taken = self.adopt_range(first, base)
            if taken < 0:
                return res
            if self.delete_range(first, first + taken) != r.OK:
                return self.damage(f.SIZE, "a land that has the range just found")
            self.stolen += taken

    # The public face

    def insert(self, base, limit):
        """Insert [base, limit). Returns the (base, limit) that it is now
        part of.

        Raises: ParamError; ProtocolError if it overlaps a range;
        AllocationError if there is no node for it. Then nothing changed.
        """
        lock.claim(self.space, "insert")
        try:
            base, limit = self._admit(base, limit)
            res = self.insert_range(base, limit)
            if res != r.OK:
                raise self._insert_failure(res, base, limit)
            return self.found_base, self.found_limit
        finally:
            lock.release(self.space)

    def delete(self, base, limit):
        """Delete [base, limit). Returns the (base, limit) that contained it.

        Raises: ParamError; ProtocolError if no range contains it;
        AllocationError if there is no node to split one. Then nothing
        changed.
        """
        lock.claim(self.space, "delete")
        try:
            base, limit = self._admit(base, limit)
            res = self.delete_range(base, limit)
            if res != r.OK:
                raise self._delete_failure(res, base, limit)
            return self.found_base, self.found_limit
        finally:
            lock.release(self.space)

    def insert_steal(self, base, limit):
        """Insert [base, limit), whose first grains may become nodes.

        Returns the (base, limit) that was left to insert, possibly empty.
        Raises: as `insert`. Source: design/land.md#.sol.steal
        """
        lock.claim(self.space, "insert_steal")
        try:
            base, limit = self._admit(base, limit)
            res = self.insert_steal_range(base, limit)
            if res != r.OK:
                raise self._insert_failure(res, base, limit)
            return base + self.stolen, limit
        finally:
            lock.release(self.space)

    def delete_steal(self, base, limit):
        """Delete [base, limit); the first grains of the range that contains
        it may become nodes.

        Returns the (base, limit) that contained it, without those.
        Raises: as `delete`. Source: design/land.md#.sol.steal
        """
        lock.claim(self.space, "delete_steal")
        try:
            base, limit = self._admit(base, limit)
            res = self.delete_steal_range(base, limit)
            if res != r.OK:
                raise self._delete_failure(res, base, limit)
            return self.found_base, self.found_limit
        finally:
            lock.release(self.space)

    def find_first(self, size, delete="none"):
        """Find the range of the lowest address with at least `size` bytes.

        `delete` says what to delete: "none", "low" or "high" (`size` bytes
        at that end) or "entire". Returns ((base, limit), (base, limit)),
        the part found (with "none" all of it) and the whole as it was; or
        None. Raises: ParamError.
        """
        lock.claim(self.space, "find_first")
        try:
            size, mode = self._wanted(size, delete)
            return self._found(self.first_range(size, mode))
        finally:
            lock.release(self.space)

    def find_last(self, size, delete="none"):
        """As `find_first`, the range of the highest address."""
        lock.claim(self.space, "find_last")
        try:
            size, mode = self._wanted(size, delete)
            return self._found(self.last_range(size, mode))
        finally:
            lock.release(self.space)

    def find_largest(self, size, delete="none"):
        """As `find_first`, a range of the largest size: which of several,
        the class of the land says."""
        lock.claim(self.space, "find_largest")
        try:
            size, mode = self._wanted(size, delete)
            return self._found(self.largest_range(size, mode))
        finally:
            lock.release(self.space)

    def find_best(self, size, delete="none"):
        """As `find_first`, the smallest range, and of several the lowest."""
        lock.claim(self.space, "find_best")
        try:
            size, mode = self._wanted(size, delete)
            return self._found(self.best_range(size, mode))
        finally:
            lock.release(self.space)

    def find_next(self, address, size, delete="none"):
        """As `find_first`, of the ranges that end after `address`."""
        lock.claim(self.space, "find_next")
        try:
            address = integer("address", address, least=0, most=1 << 60)
            size, mode = self._wanted(size, delete)
            return self._found(self.next_range(address, size, mode))
        finally:
            lock.release(self.space)

    def find_in_zones(self, size, zones, high=False):
        """Find and delete `size` bytes that lie in `zones`, an unsigned
        64-bit set: the lowest ones, or the highest.

        Returns as `find_first`. Raises: ParamError; AllocationError if
        there is no node to split the range. Then nothing changed.
        """
        lock.claim(self.space, "find_in_zones")
        try:
            self._is_alive()
            size = arguments.whole_size(self.align, size)
            res = self.zoned_range(size, arguments.zone_set(zones), bool(high))
            if res > r.FAIL:
                raise failure(
                    res, f"no node to split [{self.old_base:#x}, {self.old_limit:#x}) of {self!r}"
                )
            return self._found(res == r.OK)
        finally:
            lock.release(self.space)

    def whole_size(self, grain):
        """The bytes of whole aligned grains in the ranges, `grain` a power of
        two. Raises: ParamError; ProtocolError if the land cannot tell."""
        grain = integer("grain", grain, least=1, most=1 << 56)
        if grain & (grain - 1):
            raise ParamError(f"grain is {grain}: expected a power of two")
        with walking(self.space, "whole_size"):
            self._is_alive()
            return self.whole(grain)

    def __iter__(self):
        """The ranges in ascending order, each as it is when reached."""
        ranges = self.ranges()
        while True:
            with walking(self.space, "iteration"):
                found = next(ranges, None)
            if found is None:
                return
            yield found

    def ranges(self):
        """As iteration, in the course of an operation."""
        address = 0
        while self._is_alive() and self.next_after(address):
            address = self.found_limit
            yield self.found_base, address

    def iterate_and_delete(self, visitor):
        """Call visitor(base, limit) for each range in ascending order, and
        delete it if that returns true. The visitor may read and write memory,
        but ask for no operation in the land's address space.

        Raises: ProtocolError (in the visitor) if it does; what the visitor
        raises, and then the ranges before are deleted or kept as it said.
        """
        lock.claim(self.space, "iterate_and_delete")
        try:
            self._is_alive()
            self.visit(visitor)
        finally:
            lock.release(self.space)

    def visit(self, visitor):
        """As `iterate_and_delete`, in the course of an operation."""
        address = 0
        while self.next_after(address):
            base, address = self.found_base, self.found_limit
            if self._is_unwanted(visitor, base, address):
                self.delete_range(base, address)

    def _is_unwanted(self, visitor, base, limit):
        """What the visitor says. It may be interrupted: nothing is half done."""
        self.space.interrupts.depth -= 1
        try:
            return bool(visitor(base, limit))
        finally:
            self.space.interrupts.depth += 1

    def __len__(self):
        return sum(1 for _ in self.ranges())

    def __bool__(self):
        return True

    def __repr__(self):
        return f"<{type(self).__name__} at {self.address:#x}>"

    @property
    def size(self):
        """The sum of the sizes of the ranges. Cost: O(1)."""
        self._is_alive()
        return self.total()

    @property
    def owner(self):
        """The address of the structure that the land belongs to."""
        self._is_alive()
        return self.space.word(self.address + f.OWNER * vf.WORD)

    @walks
    def describe(self):
        """The land as text: what it is, then a line for each range."""
        lines = [f"{type(self).__name__} {self.address:#x} align {self.align} size {self.size}"]
        lines += [f"  [{base:#x}, {limit:#x}) {limit - base}" for base, limit in self.ranges()]
        return "\n".join(lines) + "\n"

    @walks
    def check(self):
        """Assert the invariants that all lands have. Cost: O(n)."""
        n = mmu.at(self.space, self.address, self.BYTES)
        assert self.space.words[n + vf.SIG] == self.SIG, "a land has its signature"
        assert self.space.words[n + f.ALIGN] == self.align, "the alignment is the one written"
        total, previous = 0, -1
        for base, limit in self.ranges():
            assert base < limit and (base | limit) % self.align == 0, "ranges are whole and aligned"
            assert previous < base, f"[{base:#x}, {limit:#x}) is above and apart from the one below"
            total, previous = total + limit - base, limit
        assert total == self.size, "size is the sum of the sizes"

    def _count(self):
        """How many ranges are counted. Raises: DamageError if that can be no count."""
        n = mmu.at(self.space, self.address, f.FREELIST_SIZE)
        count = self.space.words[n + f.COUNT]
        if count < 0 or count >> 59:
            self.damage(f.COUNT, "the number of the ranges")
        return count

    def _is_alive(self):
        """True, or ProtocolError if the land's descriptor is gone: what a walk
        would follow then is no link any more."""
        end = self.address + self.BYTES
        unmapped = self.space.checked and self.space.first_unmapped(self.address, end) != end
        if unmapped or self.space.words[mmu.at(self.space, self.address, 8) + vf.SIG] != self.SIG:
            raise ProtocolError(f"{self!r} has been finished")
        return True

    def _admit(self, base, limit):
        self._is_alive()
        return arguments.whole_range(self.align, base, limit)

    def _wanted(self, size, delete):
        self._is_alive()
        return arguments.whole_size(self.align, size), arguments.mode(delete)

    def _found(self, found):
        if not found:
            return None
        return (self.found_base, self.found_limit), (self.old_base, self.old_limit)

    def _insert_failure(self, res, base, limit):
        if res != r.FAIL:
            return failure(res, f"no node for [{base:#x}, {limit:#x}) in {self!r}")
        return failure(
            res, f"[{base:#x}, {limit:#x}) overlaps {self._near(base, limit)} of {self!r}"
        )

    def _delete_failure(self, res, base, limit):
        if res != r.FAIL:
            return failure(res, f"no node to split a range of {self!r} at [{base:#x}, {limit:#x})")
        return failure(
            res,
            f"[{base:#x}, {limit:#x}) is not inside one range of {self!r}: "
            f"found {self._near(base, limit)}",
        )

    def _near(self, base, limit):
        near = [f"[{b:#x}, {x:#x})" for b, x in self.ranges() if b < limit and base < x]
        return " ".join(near) or "nothing"
