"""Reader of heaptrack's interpreted files (design/readers.md#.sol.heaptrack).

The file names no blocks: `- INFO` says that one of the live blocks of that
allocation info goes. Which one is a choice: the oldest, or with `newest` the newest.
"""

from array import array

from rangeland.traces.formats.heaptrack_lines import HEADER, Lines, has_addresses, is_whole
from rangeland.traces.formats.reading import Reading
from rangeland.traces.source import TraceError

NAME = "heaptrack"

NONE = -1


def recognises(head):
    """True if the file begins as heaptrack's do, and its events name no addresses."""
    return HEADER.match(head) is not None and not has_addresses(head)


def read(source):
    """The Trace in `source`. Raises: TraceError."""
    return _Interpreted(source).read()


class _Interpreted(Reading):
    """The allocation infos so far, and for each the queue of its live blocks.

    A queue is a chain through `after`, which has for each block the one that goes
    next after it; `first` and `last` have its ends, for each info.
    """

    def __init__(self, source):
        super().__init__(source, ("unparsed", "guessed"), is_whole=is_whole)
        self.sizes = array("q")
        self.first = array("q")
        self.last = array("q")
        self.after = array("q")

    def read(self):
        """Read all lines."""
        told = Lines(self)
        self.through(lambda lines: self._read(told, lines))
        return told.trace(NAME)

    def _read(self, told, lines):
        for kind, words in told.events(lines, b"a+-"):
            if kind != b"a":
                self._event(kind, told.numbers(words, 1, "+ INFO or - INFO")[0])
                continue
            try:
                self._info(told.numbers(words, 2, "a SIZE TRACE")[0])
            except TraceError:
                # Those that come behind it keep their numbers.
                self._info(0)
                raise

    def _info(self, size):
        self.sane(size)
        self.sizes.append(size)
        self.first.append(NONE)
        self.last.append(NONE)

    def _event(self, kind, info):
        if info >= len(self.sizes):
            found = f"allocation info {info}"
            raise self.error(found, f"one of the {len(self.sizes)} infos so far")
        if kind == b"+":
            self._put(info, self.columns.alloc(self.sizes[info]))
        elif self.first[info] != NONE:
            self.columns.free(self._take(info))
        else:
            self.odd("free_unknown", f"a release of a block of info {info}", "a live one of it")

    def _put(self, info, block):
        self.after.append(NONE)
        if self.source.newest:
            self.after[block] = self.first[info]
            self.first[info] = block
            return
        if self.first[info] == NONE:
            self.first[info] = block
        else:
            self.after[self.last[info]] = block
        self.last[info] = block

    def _take(self, info):
        block = self.first[info]
        self.first[info] = self.after[block]
        # Another one could as well be it.
        self.notes["guessed"] += self.first[info] != NONE
        return block
