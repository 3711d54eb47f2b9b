"""Memory: how a client reads and writes what lies at the addresses of an arena.

Source: design/arena.md#.sol.memory
"""

from arena import fields as a
from vm import fields as f
from vm import mmu
from vm.results import AccessError, ParamError, ProtocolError, integer

# No address is larger, and no word.
MOST = 1 << 61
MOST_WORD = (1 << 63) - 1


class Memory:
    """The memory of the arena whose descriptor lies at `address` in `space`."""

    def bind(self, space, address, serial):
        """Make this the memory of just the arena that is there now, whose serial
        number in the space is `serial`."""
        self.space = space
        self.address = address
        self.birth = serial

    @property
    def alive(self):
        """False once the arena has been destroyed, by whatever handle."""
        return self._lives()

    def _lives(self):
        page = (self.address - self.space.base) >> f.PAGE_SHIFT
        if not self.space.states[page >> 6] >> (page & 63) & 1:
            return False
        n = mmu.at(self.space, self.address, a.ARENA_SIZE)
        w = self.space.words
        return w[n] == a.ARENA_SIG and w[n + a.ARENA_SERIAL] == self.birth

    def _expect_alive(self):
        if not self._lives():
            raise ProtocolError(f"{self!r} has been destroyed")

    def load(self, address):
        """The word at `address`, a signed number of 64 bits.

        Raises: ParamError unless it is a multiple of 8; AccessError if it is
        not mapped; ProtocolError if the arena is destroyed. Cost: O(1).
        """
        return self.space.words[self._word_at(address)]

    def store(self, address, value):
        """Write `value`, a signed number of 64 bits, to the word at `address`.

        Raises: as `load` does; ParamError if `value` has more bits.
        """
        if type(value) is not int or not -MOST_WORD <= value <= MOST_WORD:
            value = integer("value", value, least=-MOST_WORD - 1, most=MOST_WORD)
        self.space.words[self._word_at(address)] = value

    def _word_at(self, address):
        """The number of the word at `address`. Raises: as `load`."""
        if type(address) is not int or not 0 <= address < MOST:
            address = integer("address", address, least=0, most=MOST)
        at = address
        if at & 7:
            raise ParamError(f"address is {address:#x}: expected a multiple of {f.WORD}")
        self._expect_mapped(at, f.WORD)
        return (at - self.space.origin) >> 3

    def view(self, address, size):
        """The `size` bytes at `address` as a writable memoryview.

        Raises: ParamError; AccessError if a byte of them is not mapped;
        ProtocolError if the arena is destroyed. Cost: O(pages).
        """
        if type(address) is not int or not 0 <= address < MOST:
            address = integer("address", address, least=0, most=MOST)
        if type(size) is not int or not 0 <= size < MOST:
            size = integer("size", size, least=0, most=MOST)
        self._expect_mapped(address, size)
        start = address - self.space.origin
        return self.space.bytes[start : start + size]

    def _expect_mapped(self, address, size):
        if not self._lives():
            raise ProtocolError(f"{self!r} has been destroyed")
        start = address - self.space.base
        page = start >> f.PAGE_SHIFT
        # Nearly every access is to one page, and asks for one bit.
        if start >= 0 and size > 0 and page == (start + size - 1) >> f.PAGE_SHIFT:
            if address < self.space.limit and self.space.states[page >> 6] >> (page & 63) & 1:
                return 0
        # The nil page is below every address, and shown to nobody.
        if start < 0:
            raise AccessError(
                f"access to {address:#x} (of {size} bytes): no address is below "
                f"{self.space.base:#x}"
            )
        self.space.verify(address, size)
        return 0
