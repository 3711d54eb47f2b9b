"""The calls of an ltrace log: what each sort's arguments are and what it does.

Of a call that is told in one line, `end` is told its arguments and its result. Of
one whose end comes later, `begin` is told them first, and its answer is what `end`
gets. Source: design/readers.md#.sol.ltrace
"""

import re

_NUMBER = re.compile(rb"-?(?:0x[0-9a-f]{1,16}|\d{1,20})").fullmatch
_NULLS = frozenset((b"nil", b"(nil)", b"NULL", b"<void>"))
PAGE = 4096
# Blocks, libraries and stacks lie at higher addresses, and no block is so large.
FAR = 1 << 44
# The lowest address that Linux gives.
NEAR = 1 << 16
CLONE_VM = 0x100


class _Call:
    """A sort of call, which has `count` arguments; others are left-over registers."""

    count = 1

    def numbers(self, log, line, args):
        """The arguments as ints. Raises: TraceError."""
        words = [word.strip() for word in args.split(b",")][: self.count]
        if len(words) < self.count:
            raise log.bad(line, f"a call with {self.count} arguments")
        return [_number(log, line, word) for word in words]

    def result(self, log, line, text):
        """The result as an int, 0 for none. Raises: TraceError."""
        return _number(log, line, text)

    def may_call(self, other):
        """True if `other` may be called within this call."""
        return True

    def begin(self, log, args, thread):
        """The call has begun; its end is told later."""
        return args

    def end(self, log, args, result):
        """The call has ended."""
        raise NotImplementedError


class _Sized(_Call):
    """malloc(N), operator new(N)."""

    def end(self, log, args, result):
        log.alloc(args[0], result)


class _Page(_Call):
    """valloc(N), pvalloc(N)."""

    def end(self, log, args, result):
        log.alloc(args[0], result, PAGE)


class _Product(_Call):
    """calloc(N, M)."""

    count = 2

    def end(self, log, args, result):
        # The C library's own realloc can have this name, and then tells an address first.
        if result and (args[0] >= FAR or (args[0] >= NEAR and args[0] in log.live)):
            log.misnamed(f"a calloc of {args[0]:#x} members")
        else:
            log.alloc(args[0] * args[1], result)


class _Aligned(_Call):
    """memalign(A, N), aligned_alloc(A, N)."""

    count = 2

    def end(self, log, args, result):
        log.alloc(args[1], result, args[0])


class _AlignedNew(_Call):
    """operator new(N, A)."""

    count = 2

    def end(self, log, args, result):
        log.alloc(args[0], result, args[1])


class _Posix(_Call):
    """posix_memalign(PP, A, N): where the block lies is never told."""

    count = 3

    def end(self, log, args, result):
        if result:
            log.notes["failed"] += 1
        else:
            log.odd("unparsed", "a block of posix_memalign", "a call that tells where its block is")


class _Realloc(_Call):
    """realloc(P, N), reallocarray(P, N, M).

    While the call is open its block lies nowhere, since its address may be that of
    another block before the end is told.
    """

    def __init__(self, count):
        self.count = count

    def begin(self, log, args, thread):
        key = (thread, args[0])
        block = log.take(log.live, args[0])
        if block is not None:
            log.moving[key] = block
        return [key, *args]

    def end(self, log, args, result):
        is_open = len(args) > self.count
        key, old, *sizes = args if is_open else [None, *args]
        size = sizes[0] * sizes[-1] if len(sizes) > 1 else sizes[0]
        has_failed = result == 0 and size != 0
        if old == 0 or (has_failed and not is_open):
            log.realloc(old, size, result)
            return
        block = log.moving.pop(key, None) if is_open else log.take(log.live, old)
        if has_failed:
            log.stays(block, old)
        elif result == 0:
            log.release(block, old)
        else:
            log.move(log.live, block, old, size, result)


class _Free(_Call):
    """free(P), cfree(P), operator delete(P, ...)."""

    def may_call(self, other):
        return isinstance(other, _Free)

    def begin(self, log, args, thread):
        log.free(args[0])
        return None

    def end(self, log, args, result):
        if args is not None:
            log.free(args[0])


_SIZED, _FREE, _ALIGNED_NEW = _Sized(), _Free(), _AlignedNew()
_CALLS = {
    b"malloc": _SIZED,
    b"calloc": _Product(),
    b"realloc": _Realloc(2),
    b"reallocarray": _Realloc(3),
    b"memalign": _Aligned(),
    b"aligned_alloc": _Aligned(),
    b"posix_memalign": _Posix(),
    b"valloc": _Page(),
    b"pvalloc": _Page(),
    b"free": _FREE,
    b"cfree": _FREE,
}
_OPERATOR = re.compile(rb"_Z(?:(nw|na)|dl|da)\w*")
_PREFIX = b"__libc_"


def call_of(name):
    """The sort of call of the function `name`, or None."""
    name = name.removeprefix(_PREFIX)
    call = _CALLS.get(name)
    if call is None and name.startswith(b"operator "):
        if name.startswith(b"operator delete"):
            return _FREE
        return _ALIGNED_NEW if b"std::align_val_t" in name else _SIZED
    if call is None and (match := _OPERATOR.fullmatch(name)):
        if not match[1]:
            return _FREE
        return _ALIGNED_NEW if b"St11align_val_t" in name else _SIZED
    return call


def forks(name, args):
    """True if the call of the function `name` makes another process with memory of its own."""
    name = name.removeprefix(b"SYS_").removeprefix(_PREFIX).lstrip(b"_").lower()
    if name != b"clone":
        return name == b"fork"
    flags = args.split(b",")[0].strip()
    return _NUMBER(flags) is not None and not _value(flags) & CLONE_VM


def _number(log, line, word):
    if word in _NULLS:
        return 0
    if not _NUMBER(word):
        raise log.bad(line, "arguments and a result that are numbers")
    return _value(word)


def _value(word):
    return int(word, 16) if b"x" in word else int(word)
