"""Calls: how an allocator is called, found out from what it offers.

Source: design/invariants.md#.sol.calls
"""

import inspect
from functools import lru_cache

from pools.mfs import MFS
from pools.point import PointedPool
from pools.pool import Pool
from rangeland.invariants.finding import CannotTry
from rangeland.invariants.offers import offered
from rangeland.invariants.workload import MOST

ALIGNED = ("alloc_aligned", "aligned_alloc")
# What arguments that are given by name are called, by what they are.
LIKE = {
    "size": ("size", "new", "bytes", "length"),
    "old": ("old",),
    "count": ("count", "num"),
    "align": ("align",),
    "address": ("address", "ptr", "block"),
}
# Whatever comes is taken by place.
ANY = ("size", True)
MOST_ARGUMENTS = 3
UNITS = ("client_size", "unit_size", "block_size")


class Calls:
    """The operations of `allocator`, each with the same arguments for all
    allocators; None for one that it does not have.

    `alloc(size)`, `free(address, size)`, `realloc(address, old, new)`,
    `calloc(count, size)`, `aligned(align, size)`. `text` has, for each, what
    a program writes. Raises: CannotTry for what is no allocator, or wants
    what cannot be given.
    """

    def __init__(self, allocator):
        for name in ("alloc", "free"):
            if not callable(getattr(allocator, name, None)):
                raise CannotTry(f"{allocator!r} has no {name}: expected alloc and free")
        self.text = {}
        self.alloc = self._bound("alloc", Given("alloc", allocator.alloc), "size")
        given = Given("free", allocator.free)
        self.free, self.text["free"] = given.bound(("address", "size"), optional=("size",))
        self.realloc = self._realloc(getattr(allocator, "realloc", None))
        self.calloc = self._calloc(getattr(allocator, "calloc", None))
        if isinstance(allocator, Pool):
            # Below the face of a pool are methods that only one of the speeds shows.
            self.aligned = self._aligned_of(allocator)
            return
        name = next((n for n in ALIGNED if callable(getattr(allocator, n, None))), None)
        self.aligned = self._aligned(Given(name, getattr(allocator, name))) if name else None

    def _aligned_of(self, pool):
        if isinstance(pool, (MFS, PointedPool)):
            return None
        self.text["aligned"] = "alloc({size}, align={align})"
        return lambda align, size: pool.alloc(size, align=align)

    def _bound(self, verb, given, *roles):
        """`given` as a callable of all `roles`; what a program writes is noted."""
        call, self.text[verb] = given.bound(roles)
        return call

    def _realloc(self, realloc):
        if not callable(realloc):
            return None
        given = Given("realloc", realloc)
        if given.takes(2):
            return self._bound("realloc", given, "address", "old", "size")
        call = self._bound("realloc", given, "address", "size")
        return lambda address, old, new: call(address, new)

    def _calloc(self, calloc):
        if not callable(calloc):
            return None
        given = Given("calloc", calloc)
        if given.takes(1):
            return self._bound("calloc", given, "count", "size")
        call = self._bound("calloc", given, "size")
        self.text["calloc"] = self.text["calloc"].replace("{size}", "{count} * {size}")
        return lambda count, size: call(count * size)

    def _aligned(self, given):
        if "size" in given.first:
            call = self._bound("aligned", given, "size", "align")
            return lambda align, size: call(size, align)
        return self._bound("aligned", given, "align", "size")


class Given:
    """What may be given to `function`, called `name`: `by_place` and
    `by_name` have (name, must it be given) of each."""

    def __init__(self, name, function):
        self.name, self.function = name, function
        if not inspect.ismethod(function):
            self.by_place, self.by_name = _asked(function)
            return
        # Of a class many are made, and signatures take their time.
        by_place, self.by_name = _asked_once(function.__func__)
        self.by_place = by_place[1:] if by_place and by_place[0] is not ANY else by_place

    @property
    def first(self):
        """The name of what is given first."""
        return self.by_place[0][0] if self.by_place else ""

    def takes(self, place):
        """True if the argument at `place` is one to give a size in: one that
        must be given, or that is called so, there or by name alone."""
        asked = self.by_place + self.by_name
        return place < len(asked) and (asked[place][1] or "size" in asked[place][0])

    def bound(self, roles, optional=()):
        """(a callable of all `roles`, what a program writes): as many by
        place as are taken, the others by names that are like theirs. The
        `optional` ones are given where they must be, or are called sizes.

        Raises: CannotTry if they cannot be given, or more must be.
        """

        def is_given(role, name, must):
            return must or role not in optional or "size" in name

        places = [role for role, told in zip(roles, self.by_place) if is_given(role, *told)]
        rest = [role for role in roles if role not in places]
        names = {}
        for name, must in self.by_name:
            role = next((role for role in rest if _is_like(name, role)), None)
            if role is not None and is_given(role, name, must):
                names[name] = role
                rest.remove(role)
        self._expect_all([role for role in rest if role not in optional], len(places), names)
        told = [f"{{{role}}}" for role in places]
        told += [f"{name}={{{role}}}" for name, role in names.items()]
        text = f"{self.name}({', '.join(told)})"
        if len(places) == len(roles):
            return self.function, text
        return self._caller(len(places), {n: roles.index(role) for n, role in names.items()}), text

    def _caller(self, count, names):
        function = self.function
        if not names:
            return lambda *values: function(*values[:count])
        return lambda *values: function(
            *values[:count], **{name: values[i] for name, i in names.items()}
        )

    def _expect_all(self, lacking, count, names):
        if lacking:
            raise CannotTry(f"{self.name} takes no {', '.join(lacking)}: expected one to be given")
        wanted = [told[0] for told in self.by_place[count:] if told[1] and told is not ANY]
        wanted += [name for name, must in self.by_name if must and name not in names]
        if wanted:
            raise CannotTry(f"{self.name} wants {', '.join(wanted)}, which cannot be given")


def _asked(function):
    """(by place, by name): tuples of (name, must it be given). Where there is
    no signature, whatever there is is given by place."""
    by_place, by_name = [], []
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return (ANY,) * MOST_ARGUMENTS, ()
    for parameter in parameters:
        told = parameter.name, parameter.default is parameter.empty
        if parameter.kind is parameter.VAR_POSITIONAL:
            by_place += [ANY] * MOST_ARGUMENTS
        elif parameter.kind is parameter.KEYWORD_ONLY:
            by_name.append(told)
        elif parameter.kind is not parameter.VAR_KEYWORD:
            by_place.append(told)
    return tuple(by_place), tuple(by_name)


_asked_once = lru_cache(maxsize=32)(_asked)


def _is_like(name, role):
    """True if an argument that is called `name` is meant for `role`."""
    return any(word in name for word in LIKE[role])


def align_of(pool):
    """The alignment that `pool` promises: 1 if it tells none. A method of
    that name is something else.

    Raises: CannotTry for what can be none.
    """
    align = offered(pool, "align")
    if align is None or callable(align):
        return 1
    if type(align) is not int or align <= 0 or align & (align - 1):
        raise CannotTry(f"the align of {pool!r} is {align!r}: expected a power of two, an int")
    return align


def limits_of(pool, memory):
    """(least, most) bytes of a block, so far as `pool` tells."""
    for name in UNITS:
        size = offered(pool, name)
        if type(size) is int and size > 0:
            return size, size
    least, most = offered(pool, "min_size", 1), offered(pool, "max_size")
    if type(most) is not int:
        # Memory of next to nothing is there to grow.
        size = memory.size
        most = size if size is not None and size > 1 else MOST
    return least if type(least) is int and 0 < least <= most else 1, max(1, most)
