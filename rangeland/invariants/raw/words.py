"""Raw words: what is read of an arena, and how a judge says what is wrong.

Source: design/raw.md
"""

from rangeland.invariants.finding import Broken


BIT_OF = bytes.maketrans(b"01", b"\0\1")


def hold(holds, invariant, message):
    """Go on if `holds`. Raises: Broken, if not, of the `invariant`."""
    if not holds:
        raise Broken(invariant, message)


class Raw:
    """The words of an address space, by structure and name of field.

    Raises: AccessError, ParamError where there are none.
    """

    def __init__(self, space):
        self.space = space

    def word(self, address):
        """The word at `address`."""
        return self.space.word(address)

    def words(self, address, count):
        """`count` words from `address` on, as a list."""
        return list(self.space.view(address, 8 * count).cast("q"))

    def read(self, fields, address):
        """The structure at `address` as a dict."""
        last = max(fields.values())
        words = self.words(address, last // 8 + 1)
        return {key: words[offset // 8] for key, offset in fields.items()}

    def double(self, address):
        """The double at `address`."""
        return self.space.view(address, 8).cast("d")[0]

    def bits(self, address, count):
        """The first `count` bits of the table at `address`, as a list."""
        hold(0 <= count <= 1 << 32, "links", f"a table of {count} bits at {address:#x}")
        table = int.from_bytes(self.space.view(address, (count + 63) // 64 * 8), "little")
        digits = f"{table:0{max(count, 1)}b}".encode()[::-1][:count]
        return list(digits.translate(BIT_OF))

    def is_mapped(self, base, limit):
        """True if the machine has all of [base, limit) mapped."""
        return self.space.first_unmapped(base, limit) == limit

    def is_unmapped(self, base, limit):
        """True if the machine has nothing of [base, limit) mapped."""
        return self.space.mapped_pages(base, limit) == 0


def zones_of(base, limit, shift):
    """The zones that [base, limit) touches, as an unsigned set."""
    stripes = range(base >> shift, (limit - 1 >> shift) + 1)
    zones = 0
    for stripe in stripes[:64]:
        zones |= 1 << (stripe & 63)
    return zones


def inside(ranges, base, limit):
    """True if [base, limit) lies inside one of `ranges`."""
    return any(low <= base and limit <= high for low, high in ranges)


def union(ranges):
    """`ranges`, which must be disjoint, with those that touch made one."""
    joined = []
    for base, limit in sorted(ranges):
        if joined and joined[-1][1] == base:
            joined[-1] = (joined[-1][0], limit)
        else:
            apart = not joined or joined[-1][1] < base
            hold(apart, "partition", f"[{base:#x}, {limit:#x}) is there twice, in whole or in part")
            joined.append((base, limit))
    return joined


def total(ranges):
    """The sum of the sizes of `ranges`."""
    return sum(limit - base for base, limit in ranges)
