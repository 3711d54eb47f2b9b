"""What a pickle keeps of its values, to refer to them again (design/forms.md#.sol.memo)."""

from array import array

# Numbers farther ahead than this are no gap in a row of them.
GAP = 1024
SIMPLE = (str, int, float, bool, bytes, type(None))


class _Gone:
    """What stands for a container that was not kept."""


GONE = _Gone()
_GONE_CODE = 1


class Memo:
    """What a pickle keeps, by number: a code for each, and of each code its value once.

    There is a code for each different string and number. A container has one of
    its own if it is to `remember`; else all have one, which means GONE.
    """

    def __init__(self, remember):
        self.remember = remember
        self.codes = array("B")
        # Code 0 is of what was never kept.
        self.values = [None, GONE]
        self.code_of = {}
        self.text = 0
        # By numbers that do not follow each other, as no pickler writes them.
        self.far = {}
        self.count = 0

    def code(self, value):
        """The code of `value`; a new one if it is new."""
        sort = type(value)
        if sort in SIMPLE:
            # Of equal numbers of two sorts each has its own.
            key = value if sort is str else (sort, value)
            code = self.code_of.get(key)
            if code is None:
                code = self.code_of[key] = self._new(value)
                self.text += len(value) if sort in (str, bytes) else 0
            return code
        return self._new(value) if self.remember and value is not GONE else _GONE_CODE

    def _new(self, value):
        self.values.append(value)
        return len(self.values) - 1

    def keep(self, number, value):
        """Keep `value` as `number`."""
        self.count += not self.find(number)
        code, gap = self.code(value), number - len(self.codes)
        if gap > GAP:
            self.far[number] = code
            return
        if gap >= 0:
            self.codes.extend([0] * (gap + 1))
        self._put(number, code)

    def _put(self, number, code):
        try:
            self.codes[number] = code
        except OverflowError:
            self.codes = array("H" if self.codes.typecode == "B" else "I", self.codes)
            self._put(number, code)

    def find(self, number):
        """The code of what was kept as `number`; 0 if nothing was."""
        code = self.codes[number] if number < len(self.codes) else 0
        return code or self.far.get(number, 0)
