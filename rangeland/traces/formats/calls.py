"""The calls of a valgrind log: what each sort looks like and what it does.

A sort's `whole(log, live, tail)` is given what stands behind `NAME(`; if that is
one whole call it tells the log what happened and returns True, else it has done
nothing. Source: design/readers.md#.sol.calls
"""

import re

NULL = b"0x0"
REALLOC_ZERO_RESULT = b" = 0"
WORD = 1 << 64

# Of valgrind 3.N, N: the first that tells a realloc of NULL, or to 0, without a call in
# it, and the first that tells the result of posix_memalign again.
FLAT, ANSWERED = 21, 24

_P = rb"(0x[0-9A-F]+)"
_N = rb"(\d{1,20})"
# A result; some calls that are refused give 0 and not 0x0.
_R = rb"(0x[0-9A-F]+|0)"


def _form(pattern):
    text = pattern.replace(b"P", _P).replace(b"N", _N).replace(b"R", _R)
    return re.compile(text).fullmatch


class _Sized:
    """malloc(N) and operator new(N)."""

    form = staticmethod(_form(rb"N\) = P"))

    def whole(self, log, live, tail):
        match = self.form(tail)
        if match:
            log.made(live, int(match[1]), match[2])
        return match is not None


class _Calloc:
    """calloc(N,M): one block of the product."""

    form = staticmethod(_form(rb"N,N\) = P"))

    def whole(self, log, live, tail):
        match = self.form(tail)
        if match:
            log.made(live, int(match[1]) * int(match[2]), match[3])
        return match is not None


class _Realloc:
    """realloc: up to 3.20, of NULL it tells its inner malloc, to 0 its inner free."""

    form = staticmethod(_form(rb"P,N\) = P"))
    of_null = staticmethod(_form(rb"0x0,N\)malloc\(N\) = P"))
    to_zero = staticmethod(_form(rb"P,0\)free\(P\)"))

    def whole(self, log, live, tail):
        if match := self.form(tail):
            if match[1] == NULL or match[2] == b"0":
                if not log.is_flat():
                    # Its inner call is still to come; this is the result of another call.
                    return False
            resized(log, live, match[1], int(match[2]), match[3])
            return True
        if (match := self.of_null(tail)) and match[1] == match[2]:
            log.nests()
            log.made(live, int(match[1]), match[3])
            return True
        if (match := self.to_zero(tail)) and match[1] == match[2]:
            log.nests()
            log.freed(live, match[1])
            return True
        return False


class _Reallocarray:
    """reallocarray(P,N,M): a realloc to the product, whose result is told twice."""

    form = staticmethod(_form(rb"P,N,N\) = R"))

    def whole(self, log, live, tail):
        match = self.form(tail)
        if match:
            size = int(match[2]) * int(match[3])
            resized(log, live, match[1], size, match[4])
            if size < WORD:
                live.echo = b" = " + match[4]
        return match is not None


def resized(log, live, old, size, result):
    """Tell of a realloc: one to 0 that gave NULL has freed. Raises: TraceError."""
    if old == NULL:
        log.made(live, size, result)
    elif size == 0 and result == NULL:
        log.freed(live, old)
    else:
        log.moved(live, old, size, result)


class _Aligned:
    """memalign and aligned_alloc; up to 3.20 posix_memalign and valloc, too, are told
    as memalign. The words before the numbers went with 3.27."""

    form = staticmethod(_form(rb"(?:al(?:ignment)? )?N, (?:size )?N\) = R"))

    def whole(self, log, live, tail):
        match = self.form(tail)
        if match:
            log.made(live, int(match[2]), match[3], int(match[1]))
        return match is not None


class _PosixMemalign(_Aligned):
    """posix_memalign; from 3.27 it tells first where its result goes."""

    form = staticmethod(_form(rb"(?:al|0x[0-9A-F]+,) N, (?:size )?N\) = R"))


class _AlignedNew:
    """operator new with an alignment, which stands second here."""

    form = staticmethod(_form(rb"(?:size )?N, (?:al )?N\) = P"))

    def whole(self, log, live, tail):
        match = self.form(tail)
        if match:
            log.made(live, int(match[1]), match[3], int(match[2]))
        return match is not None


class _Free:
    """free, cfree, free_sized and operator delete, which from 3.27 tell the size and the
    alignment that they are given."""

    form = staticmethod(_form(rb"P(?:, N){0,2}\)"))

    def whole(self, log, live, tail):
        match = self.form(tail)
        if match:
            log.freed(live, match[1])
        return match is not None


class _Question:
    """malloc_usable_size: no event."""

    form = staticmethod(_form(rb"P\) = N"))

    def whole(self, log, live, tail):
        return self.form(tail) is not None


SIZED = _Sized()
PRODUCT = _Calloc()
RESIZED = _Realloc()
FREE = _Free()
_ALIGNED_NEW = _AlignedNew()

_SORTS = {
    b"malloc": SIZED,
    b"__builtin_new": SIZED,
    b"__builtin_vec_new": SIZED,
    b"calloc": PRODUCT,
    b"realloc": RESIZED,
    b"reallocarray": _Reallocarray(),
    b"memalign": _Aligned(),
    b"aligned_alloc": _Aligned(),
    b"posix_memalign": _PosixMemalign(),
    b"malloc_usable_size": _Question(),
    b"free": FREE,
    b"cfree": FREE,
    b"free_sized": FREE,
    b"free_aligned_sized": FREE,
    b"__builtin_delete": FREE,
    b"__builtin_vec_delete": FREE,
}

_OPERATOR = re.compile(rb"_Z(?:(nw|na)|dl|da)\w*")
_ALIGNED = b"St11align_val_t"

_NAMES = b"|".join((*_SORTS, rb"_Z(?:nw|na|dl|da)\w*"))
_UNTOLD = re.compile(
    rb"calloc\((\d{1,20}),(\d{1,20})\)"
    rb"|(?:posix_memalign|aligned_alloc)\(al \d{1,20}, size \d{1,20}\)"
    rb"|malloc_usable_size\(0x0\)|mallinfo2?\(\)|malloc_trim\(\d{1,20}\)"
)
# What valgrind says of a call before its result: a warning, on the call's own line.
_WARNED = re.compile(rb"(\w+\([^()]*\))(?:realloc\(\) with size 0|[A-Z][a-z]+[: ]).*", re.DOTALL)
_ANSWER = re.compile(rb" = (?:0x[0-9A-F]+|0)")
_LATE = re.compile(rb"posix_memalign\(al \d{1,20}, size \d{1,20}\)")
_RESEMBLES = re.compile(rb"\w*\(|.*\b(?:" + _NAMES + rb")\(|.* ?= 0x| ?= *$", re.DOTALL)
_ORPHAN = re.compile(
    rb" = (?:0x[0-9A-F]*|0)|.*\b(?:" + _NAMES + rb")\([^()]*\)(?: = (?:0x[0-9A-F]*|0))?", re.DOTALL
)
_PARTS = re.compile(rb"\w+\([^()]*\)| = (?:0x[0-9A-F]+|\d{1,20})")
_GARBLED = re.compile(rb"realloc\([^()]*\)(?:malloc|free)\(")
_HAS_INNER = re.compile(rb"realloc\(0x(?:0,\d{1,20}|[0-9A-F]+,0)\)")
_CUT = re.compile(
    rb"(?:malloc|__builtin_(?:vec_)?new|_Zn[aw]\w*)\(\d{1,20}\)"
    rb"|calloc\(\d{1,20},\d{1,20}\)"
    rb"|realloc\(0x0,(\d{1,20})\)(?:malloc\(\1\))?"
    rb"|realloc\(0x[0-9A-F]+,\d{1,20}\)"
    rb"|reallocarray\(0x[0-9A-F]+,\d{1,20},\d{1,20}\)"
    rb"|(?:memalign|aligned_alloc)\((?:al(?:ignment)? )?\d{1,20}, (?:size )?\d{1,20}\)"
    rb"|posix_memalign\((?:al|0x[0-9A-F]+,) \d{1,20}, (?:size )?\d{1,20}\)"
    rb"|_Zn[aw]\w*\((?:size )?\d{1,20}, (?:al )?\d{1,20}\)"
    rb"|malloc_usable_size\(0x[0-9A-F]+\)"
)


def sort_of(name):
    """The sort of call of the function `name`, or None."""
    sort = _SORTS.get(name)
    if sort is None and (match := _OPERATOR.fullmatch(name)):
        if not match[1]:
            return FREE
        return _ALIGNED_NEW if _ALIGNED in name else SIZED
    return sort


def untold(text):
    """What stands behind a call whose result is never told, and what it counts as.

    None if `text` does not begin with one. A calloc whose product overflows has
    failed; other functions leave a block that cannot be followed, or none. The
    next call may stand on the same line (design/readers.md#.sol.untold).
    """
    match = _UNTOLD.match(text)
    if match is None:
        return None
    if match[1] is None:
        return text[match.end() :], "unparsed"
    if int(match[1]) * int(match[2]) < WORD:
        return None
    return text[match.end() :], "failed"


def parts(text):
    """The text as the parts of calls that a process writes at once; none if it is not
    made of those."""
    found = _PARTS.findall(text)
    return found if b"".join(found) == text else []


def is_cut(text):
    """True if `text` is a call up to its result."""
    return _CUT.fullmatch(text) is not None


def is_late(text):
    """True if `text` is a call whose result, if it is told, stands on a line of its own."""
    return _LATE.fullmatch(text) is not None


def is_answer(text):
    """True if `text` is the result of a call, and nothing else."""
    return _ANSWER.fullmatch(text) is not None


def warned(text):
    """The call that `text` begins with, up to its result, if it goes on with a warning
    of valgrind's; else None."""
    match = _WARNED.fullmatch(text)
    return match[1] if match and is_cut(match[1]) else None


def has_inner(text):
    """True if `text` is a call of realloc that tells an inner call before its result."""
    return _HAS_INNER.fullmatch(text) is not None


def is_garbled(text):
    """True if `text` has a realloc before an inner call that is not its own."""
    return _GARBLED.search(text) is not None


def resembles(text):
    """True if `text`, after a process's prefix, is a damaged call and not a remark."""
    if _RESEMBLES.match(text):
        return True
    word = text.strip()
    return bool(word) and any(name.startswith(word) for name in _SORTS)


def resembles_orphan(text):
    """True if `text`, without a prefix, is a call or a result and not a program's output."""
    return _ORPHAN.fullmatch(text) is not None
