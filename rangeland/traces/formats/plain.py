"""A reader of pickles of plain values, which runs nothing that they say (design/forms.md#.sol.pickle).

A pickle is a program for a machine with a stack. Here only those of its
operations are known that make dicts, lists, tuples, strings and numbers;
whatever names a class or a function is an error that says which.
"""

from rangeland.traces.formats.plain_bytes import LONGEST, ROOM, Bytes, PickleError
from rangeland.traces.formats.plain_memo import GONE, SIMPLE, Memo

MOST_DEPTH = 1000
MOST_STACK = 1 << 20
MOST_KEYS = 100
MOST_CONTAINERS = 1 << 24
MOST_TEXT = 1 << 28
MOST_FAR = 1 << 16
LONGEST_NUMBER = 64

# What else a pickle can do, each of which would make an object of a class.
_FORBIDDEN = {
    b"R": "a call (REDUCE)", b"o": "an object (OBJ)", b"b": "the state of an object (BUILD)",
    b"\x81": "an object (NEWOBJ)", b"\x92": "an object (NEWOBJ_EX)",
    b"P": "an object kept elsewhere (PERSID)", b"Q": "an object kept elsewhere (BINPERSID)",
    b"\x82": "a class by its code (EXT1)", b"\x83": "a class by its code (EXT2)",
    b"\x84": "a class by its code (EXT4)", b"\x97": "a buffer kept elsewhere (NEXT_BUFFER)",
    b"\x8f": "a set", b"\x90": "a set", b"\x91": "a frozenset", b"\x96": "a bytearray",
}  # fmt: skip
_STOP = ord(".")


class Forgotten(Exception):
    """A pickle refers again to a container that was not kept, and it matters."""


def load_plain(pieces, keys=None, new_list=list, remember=True):
    """What the pickle in `pieces` (of bytes, one after the other) says, if it is
    made of plain values. What comes after its end is not looked at.

    With `keys`, only their values matter: a dict has None for those of others (and
    not more than 100 names), a tuple has no items. `new_list()` makes a list, which
    is given its items by `extend`. Unless it is to `remember`, a container that is
    referred to again is GONE.
    Raises: PickleError, whose `unfinished` has the values that had no place in others yet;
    Forgotten if what is GONE is given more items.
    Cost: O(n) time; in memory, what is made, at most MOST_STACK values in the
    making, a byte (or two, where there are over 254 different strings) for each
    value that the pickle keeps, and the different strings.
    """
    machine = _Machine(pieces, keys, new_list, remember)
    try:
        return machine.run()
    except PickleError as error:
        error.unfinished = machine.stack
        raise


class _Machine(Bytes):
    """The machine in the midst of a pickle: a stack, and what was kept of it."""

    def __init__(self, pieces, keys, new_list, remember):
        super().__init__(pieces)
        self.keys = keys
        self.new_list = new_list
        self.stack = []
        self.marks = []
        self.memo = Memo(remember)
        self.containers = 0

    def run(self):
        stack = self.stack
        while True:
            if len(self.data) - self.at < ROOM:
                self.refill()
                if len(stack) > MOST_STACK:
                    raise self.error(f"more than {MOST_STACK} values in the making")
            if self.at == len(self.data):
                raise self.error("the end, though the pickle goes on")
            code = self.data[self.at]
            self.at += 1
            if code == _STOP:
                if len(stack) != 1 or self.marks:
                    raise self.error("more or less than one value at the end")
                return stack[0]
            _BY_CODE[code](self)

    def forbid(self):
        code = self.data[self.at - 1 : self.at]
        if code in (b"c", b"i"):
            raise self.error(f"the class {self.word()}.{self.word()}")
        if code == b"\x93":
            words = [word[:100] for word in self.stack[-2:] if isinstance(word, str)]
            raise self.error(f"the class {'.'.join(words)}")
        raise self.error(_FORBIDDEN.get(code) or f"no operation of a pickle ({code!r})")

    def text(self, count, coding="utf-8"):
        data = self.take(count)
        try:
            # What is cut short may end within a letter.
            self.stack.append(str(data, coding, "surrogatepass" if count == len(data) else "ignore"))
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
        line = self.line()
        try:
            errors = "strict" if len(line) < LONGEST else "ignore"
            self.stack.append(str(line, "raw-unicode-escape", errors))
        except UnicodeDecodeError:
            raise self.error("a string that is badly escaped") from None

    def container(self, made):
        """A new container; where all are kept, they are counted."""
        self.containers += self.memo.remember
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

    def top(self):
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise self.error("a value missing on the stack")
        return self.stack[-1]

    def target(self, sort, name):
        """The container on top, which is given items."""
        top = self.top()
        if top is GONE:
            raise Forgotten
        if type(top) is not sort:
            raise self.error(f"items for a {name}, but none to put them in")
        return top

    def tuple(self, items):
        self.container(tuple(items) if self.keys is None else ())

    def short_tuple(self, count):
        if len(self.stack) - (self.marks[-1] if self.marks else 0) < count:
            raise self.error("a value missing on the stack")
        items = self.stack[-count:]
        del self.stack[-count:]
        self.tuple(items)

    def fill(self, target, items):
        if len(items) % 2:
            raise self.error("a key without a value")
        keys = self.keys
        for key, value in zip(items[::2], items[1::2]):
            if type(key) not in SIMPLE:
                sort = "container" if key is GONE else type(key).__name__
                raise self.error(f"a key that is a {sort}")
            if keys is None or key in keys:
                target[key] = value
            elif len(target) < MOST_KEYS:
                target[key] = None

    def set_items(self):
        items = self.items()
        self.fill(self.target(dict, "dict"), items)

    def set_item(self):
        value, key = self.pop(), self.pop()
        self.fill(self.target(dict, "dict"), [key, value])

    def appends(self):
        items = self.items()
        self.target(self.new_list, "list").extend(items)

    def append(self):
        item = self.pop()
        self.target(self.new_list, "list").extend([item])

    def dict(self):
        made = {}
        self.fill(made, self.items())
        self.container(made)

    def list(self):
        made = self.new_list()
        made.extend(self.items())
        self.container(made)

    def keep(self, number):
        memo = self.memo
        memo.keep(number, self.top())
        if memo.text > MOST_TEXT:
            raise self.error(f"different strings of more than {MOST_TEXT} bytes")
        if len(memo.far) > MOST_FAR:
            raise self.error(f"more than {MOST_FAR} values kept out of their turn")

    def fetch(self, number):
        code = self.memo.find(number)
        if code == 0:
            raise self.error(f"a value that was never kept ({number})")
        self.stack.append(self.memo.values[code])

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
    b"2": lambda m: m.stack.append(m.top()),
    b"N": lambda m: m.stack.append(None),
    b"\x88": lambda m: m.stack.append(True),
    b"\x89": lambda m: m.stack.append(False),
    b"I": _Machine.digits,
    b"L": _Machine.digits,
    b"J": lambda m: m.stack.append(m.number("<i", 4)),
    b"K": lambda m: m.stack.append(m.unsigned(1)),
    b"M": lambda m: m.stack.append(m.unsigned(2)),
    b"\x8a": lambda m: m.long(m.unsigned(1)),
    b"\x8b": lambda m: m.long(m.number("<i", 4)),
    b"F": _Machine.decimal,
    b"G": lambda m: m.stack.append(m.number(">d", 8)),
    b"V": _Machine.escaped,
    b"T": lambda m: m.text(m.number("<i", 4), "latin-1"),
    b"U": lambda m: m.text(m.unsigned(1), "latin-1"),
    b"X": lambda m: m.text(m.unsigned(4)),
    b"\x8c": lambda m: m.text(m.unsigned(1)),
    b"\x8d": lambda m: m.text(m.unsigned(8)),
    b"B": lambda m: m.stack.append(m.take(m.unsigned(4))),
    b"C": lambda m: m.stack.append(m.take(m.unsigned(1))),
    b"\x8e": lambda m: m.stack.append(m.take(m.unsigned(8))),
    b"}": lambda m: m.container({}),
    b"d": _Machine.dict,
    b"]": lambda m: m.container(m.new_list()),
    b"l": _Machine.list,
    b")": lambda m: m.stack.append(()),
    b"t": lambda m: m.tuple(m.items()),
    b"\x85": lambda m: m.short_tuple(1),
    b"\x86": lambda m: m.short_tuple(2),
    b"\x87": lambda m: m.short_tuple(3),
    b"a": _Machine.append,
    b"e": _Machine.appends,
    b"s": _Machine.set_item,
    b"u": _Machine.set_items,
    b"p": lambda m: m.keep(m.index()),
    b"q": lambda m: m.keep(m.unsigned(1)),
    b"r": lambda m: m.keep(m.unsigned(4)),
    b"\x94": lambda m: m.keep(m.memo.count),
    b"g": lambda m: m.fetch(m.index()),
    b"h": lambda m: m.fetch(m.unsigned(1)),
    b"j": lambda m: m.fetch(m.unsigned(4)),
}
_BY_CODE = [_DEEDS.get(bytes([code]), _Machine.forbid) for code in range(256)]
