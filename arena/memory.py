"""Memory: how a client reads and writes what lies at the addresses of an arena.

Source: design/arena.md#.sol.memory
"""

from arena import fields as a
from vm import fields as f
from vm import mmu
from vm.results import AccessError, ParamError, ProtocolError, integer


def _place(name, value):
    """`value` as an address or a size, of 61 bits. Raises: ParamError, ParamTypeError."""
    return integer(name, value, least=0, most=(1 << 61) - 1)


def _word(value):
    """`value` as a word. Raises: ParamError, ParamTypeError."""
    return integer("value", value, least=-1 << 63, most=(1 << 63) - 1)


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
        if type(address) is not int:
            address = _place("address", address)
        try:
            return self.space.words[self._word_at(address)]
        except OverflowError:
            return _place("address", address)

    def store(self, address, value):
        """Write `value`, a signed number of 64 bits, to the word at `address`.

        Raises: as `load` does; ParamError if `value` has more bits.
        """
        if type(address) is not int:
            address = _place("address", address)
        if type(value) is not int:
            value = _word(value)
        try:
            self._write(self._word_at(address), value)
        except OverflowError:
            _place("address", address)
            _word(value)

    def view(self, address, size):
        """The `size` bytes at `address` as a writable memoryview.

        Raises: ParamError; AccessError if a byte of them is not mapped;
        ProtocolError if the arena is destroyed. Cost: O(pages).
        """
        if type(address) is not int or type(size) is not int:
            address, size = _place("address", address), _place("size", size)
        try:
            return self._bytes_at(address, size)
        except OverflowError:
            _place("address", address)
            return _place("size", size)

    def _word_at(self, address):
        """The number of the word at `address`. Raises: as `load`."""
        if address >> 61 or address & 7:
            _place("address", address)
            raise ParamError(f"address is {address:#x}: expected a multiple of {f.WORD}")
        self._expect_mapped(address, f.WORD)
        return (address - self.space.origin) >> 3

    def _write(self, n, value):
        if value >> 63 not in (0, -1):
            _word(value)
        self.space.words[n] = value
        return 0

    def _bytes_at(self, address, size):
        """As `view`. Raises: as `view`."""
        if address >> 61 or size >> 61:
            _place("address", address)
            _place("size", size)
        self._expect_mapped(address, size)
        start = address - self.space.origin
        limit = start + size
        return self.space.bytes[start:limit]

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
