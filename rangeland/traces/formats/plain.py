"""A reader of pickles of plain values, which runs nothing that they say (design/forms.md#.sol.pickle).

A pickle is a program for a machine with a stack. Here only those of its
operations are known that make dicts, lists, tuples, strings and numbers;
whatever names a class or a function is an error that says which.
"""

import struct

MOST_DEPTH = 1000
MOST_CONTAINERS = 1 << 24
LONGEST_NUMBER = 64

_MARK = object()
# What else a pickle can do, each of which would make an object of a class.
_FORBIDDEN = {
    b"R": "a call (REDUCE)", b"o": "an object (OBJ)", b"b": "the state of an object (BUILD)",
    b"\x81": "an object (NEWOBJ)", b"\x92": "an object (NEWOBJ_EX)",
    b"P": "an object kept elsewhere (PERSID)", b"Q": "an object kept elsewhere (BINPERSID)",
    b"\x82": "a class by its code (EXT1)", b"\x83": "a class by its code (EXT2)",
    b"\x84": "a class by its code (EXT4)", b"\x97": "a buffer kept elsewhere (NEXT_BUFFER)",
    b"\x8f": "a set", b"\x90": "a set", b"\x91": "a frozenset", b"\x96": "a bytearray",
}  # fmt: skip
_STOP, _FETCH_SHORT, _FETCH_LONG = b".hj"
_SIMPLE = (str, int, float, bytes, type(None))


def _key(data, at):
    return int.from_bytes(data[at : at + 4], "little") if at + 4 <= len(data) else None


class PickleError(Exception):
    """A pickle is damaged, or holds what is not plain: `found`, at byte `place`."""

    def __init__(self, place, found):
        super().__init__(f"at byte {place}: {found}")
        self.place = place
        self.found = found


def load_plain(data):
    """What the pickle `data` (bytes) says, if it is made of plain values.

    Bytes after its end are not looked at.
    Raises: PickleError.
    Cost: O(n); a container takes at most some 200 bytes, and there are at most
    MOST_CONTAINERS of them.
    """
    return _Machine(data).run()


class _Machine:
    """The machine in the midst of a pickle: a stack, and what was kept of it."""

    def __init__(self, data):
        self.data = data
        self.at = 0
        self.stack = []
        self.marks = []
        self.memo = {}
        self.containers = 0

    def run(self):
        data, stack, memo = self.data, self.stack, self.memo
        deeds = [_DEEDS.get(bytes([code])) for code in range(256)]
        length = len(data)
        while self.at < length:
            at = self.at
            code = data[at]
            self.at = at + 1
            # Nine of ten operations fetch a value that was kept.
            if code == _FETCH_SHORT and self.at < length and data[self.at] in memo:
                stack.append(memo[data[self.at]])
                self.at = at + 2
            elif code == _FETCH_LONG and (key := _key(data, self.at)) in memo:
                stack.append(memo[key])
                self.at = at + 5
            elif code == _STOP:
                if len(stack) != 1 or self.marks:
                    raise self.error("more or less than one value at the end")
                return stack[0]
            else:
                deed = deeds[code]
                if deed is None:
                    self._forbid(bytes([code]))
                deed(self)
        raise self.error("the end, though the pickle goes on")

    def error(self, found):
        return PickleError(self.at, found)

    def _forbid(self, code):
        if code in (b"c", b"i"):
            raise self.error(f"the class {self._line()}.{self._line()}")
        if code == b"\x93":
            words = [str(word)[:100] for word in self.stack[-2:] if isinstance(word, str)]
            raise self.error(f"the class {'.'.join(words)}")
        raise self.error(_FORBIDDEN.get(code) or f"no operation of a pickle ({code!r})")

    def take(self, count):
        at = self.at
        if count < 0 or at + count > len(self.data):
            raise self.error(f"the end, though {count} bytes more are promised")
        self.at = at + count
        return self.data[at : at + count]

    def number(self, form, count):
        return struct.unpack(form, self.take(count))[0]

    def line(self):
        end = self.data.find(b"\n", self.at)
        if end < 0:
            raise self.error("the end within a line")
        line = self.data[self.at : end]
        self.at = end + 1
        return line

    def _line(self):
        return self.line()[:100].decode("ascii", "backslashreplace")

    def text(self, count, coding="utf-8"):
        try:
            self.stack.append(str(self.take(count), coding, "surrogatepass"))
        except UnicodeDecodeError:
            raise self.error("a string that is not UTF-8") from None

    def long(self, count):
        if count > LONGEST_NUMBER:
            raise self.error(f"a number of {count} bytes")
        self.stack.append(int.from_bytes(self.take(count), "little", signed=True))

    def digits(self):
        """A number in a line of its own, as the oldest pickles have them."""
        word = self.line().removesuffix(b"L")
        if word in (b"00", b"01"):
            self.stack.append(word == b"01")
            return
        if len(word) > LONGEST_NUMBER or not word.removeprefix(b"-").isdigit():
            raise self.error(f"no number ({word[:40]!r})")
        self.stack.append(int(word))

    def decimal(self):
        word = self.line()
        try:
            self.stack.append(float(word[:LONGEST_NUMBER]))
        except ValueError:
            raise self.error(f"no number ({word[:40]!r})") from None

    def escaped(self):
        """A string in a line of its own, with what is no Latin letter escaped."""
        try:
            self.stack.append(str(self.line(), "raw-unicode-escape"))
        except UnicodeDecodeError:
            raise self.error("a string that is badly escaped") from None

    def container(self, made):
        self.containers += 1
        if self.containers > MOST_CONTAINERS:
            raise self.error(f"more than {MOST_CONTAINERS} containers")
        self.stack.append(made)

    def mark(self):
        if len(self.marks) == MOST_DEPTH:
            raise self.error(f"containers in containers, more than {MOST_DEPTH} deep")
        self.marks.append(len(self.stack))

    def items(self):
        """What stands on the stack above the last mark, taken away."""
        if not self.marks:
            raise self.error("the end of a container without its beginning")
        at = self.marks.pop()
        items = self.stack[at:]
        del self.stack[at:]
        return items

    def pop(self):
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            if self.marks:
                return self.marks.pop()
            raise self.error("a value missing on the stack")
        return self.stack.pop()

    def top(self, sort):
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise self.error("a value missing on the stack")
        top = self.stack[-1]
        if sort is not None and type(top) is not sort:
            raise self.error(f"items for a {sort.__name__}, but none to put them in")
        return top

    def tuple(self, count):
        if len(self.stack) - (self.marks[-1] if self.marks else 0) < count:
            raise self.error("a value missing on the stack")
        items = tuple(self.stack[-count:])
        del self.stack[-count:]
        self.container(items)

    def fill(self, target, items):
        if len(items) % 2:
            raise self.error("a key without a value")
        for key in items[::2]:
            if not isinstance(key, _SIMPLE):
                raise self.error(f"a key that is a {type(key).__name__}")
        target.update(zip(items[::2], items[1::2]))

    def set_items(self):
        items = self.items()
        self.fill(self.top(dict), items)

    def set_item(self):
        value, key = self.pop(), self.pop()
        self.fill(self.top(dict), [key, value])

    def appends(self):
        items = self.items()
        self.top(list).extend(items)

    def append(self):
        item = self.pop()
        self.top(list).append(item)

    def dict(self):
        made = {}
        self.fill(made, self.items())
        self.container(made)

    def keep(self, key):
        self.memo[key] = self.top(None)

    def fetch(self, key):
        if key not in self.memo:
            raise self.error(f"a value that was never kept ({key})")
        self.stack.append(self.memo[key])

    def index(self):
        word = self.line()
        if not word.isdigit() or len(word) > LONGEST_NUMBER:
            raise self.error(f"no number ({word[:40]!r})")
        return int(word)


_DEEDS = {
    b"\x80": lambda m: m.take(1),
    b"\x95": lambda m: m.take(8),
    b"(": _Machine.mark,
    b"0": _Machine.pop,
    b"1": _Machine.items,
    b"2": lambda m: m.stack.append(m.top(None)),
    b"N": lambda m: m.stack.append(None),
    b"\x88": lambda m: m.stack.append(True),
    b"\x89": lambda m: m.stack.append(False),
    b"I": _Machine.digits,
    b"L": _Machine.digits,
    b"J": lambda m: m.stack.append(m.number("<i", 4)),
    b"K": lambda m: m.stack.append(m.number("<B", 1)),
    b"M": lambda m: m.stack.append(m.number("<H", 2)),
    b"\x8a": lambda m: m.long(m.number("<B", 1)),
    b"\x8b": lambda m: m.long(m.number("<i", 4)),
    b"F": _Machine.decimal,
    b"G": lambda m: m.stack.append(m.number(">d", 8)),
    b"V": _Machine.escaped,
    b"T": lambda m: m.text(m.number("<i", 4), "latin-1"),
    b"U": lambda m: m.text(m.number("<B", 1), "latin-1"),
    b"X": lambda m: m.text(m.number("<I", 4)),
    b"\x8c": lambda m: m.text(m.number("<B", 1)),
    b"\x8d": lambda m: m.text(m.number("<Q", 8)),
    b"B": lambda m: m.stack.append(m.take(m.number("<I", 4))),
    b"C": lambda m: m.stack.append(m.take(m.number("<B", 1))),
    b"\x8e": lambda m: m.stack.append(m.take(m.number("<Q", 8))),
    b"}": lambda m: m.container({}),
    b"d": _Machine.dict,
    b"]": lambda m: m.container([]),
    b"l": lambda m: m.container(m.items()),
    b")": lambda m: m.stack.append(()),
    b"t": lambda m: m.container(tuple(m.items())),
    b"\x85": lambda m: m.tuple(1),
    b"\x86": lambda m: m.tuple(2),
    b"\x87": lambda m: m.tuple(3),
    b"a": _Machine.append,
    b"e": _Machine.appends,
    b"s": _Machine.set_item,
    b"u": _Machine.set_items,
    b"p": lambda m: m.keep(m.index()),
    b"q": lambda m: m.keep(m.number("<B", 1)),
    b"r": lambda m: m.keep(m.number("<I", 4)),
    b"\x94": lambda m: m.keep(len(m.memo)),
    b"g": lambda m: m.fetch(m.index()),
    b"h": lambda m: m.fetch(m.number("<B", 1)),
    b"j": lambda m: m.fetch(m.number("<I", 4)),
}
