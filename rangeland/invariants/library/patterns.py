"""The bytes that blocks are filled with: each block by a number has its own.

Byte i of the pattern of `number` is that of position `start(number) + i` of
one long row, whose bytes are all odd: so none is a zero that calloc might have
written. Source: design/library.md#.sol.patterns
"""

ROW = 4 << 20
STARTS = 4093


def row():
    """The long row, as bytes: ROW of them and room for every start."""
    lines = [bytes(((i * 167 + c) | 1) & 255 for i in range(256)) for c in range(256)]
    count = (ROW + 4096) // 256
    return b"".join(lines[(k * 101 + (k >> 8) * 37) & 255] for k in range(count))


def start(number):
    """Where in the row the pattern of `number` begins."""
    return number * 977 % STARTS


C = """\
static unsigned char pattern(size_t number, size_t i) {
    size_t j = number * 977 % 4093 + i;
    return ((j & 255) * 167 + (j >> 8) * 101 + (j >> 16) * 37) | 1;
}
"""
