"""Factory: how a subject is made, in an arena if it wants one, and what a
program writes to make it. Source: design/invariants.md#.sol.factory
"""

import importlib
import inspect
from functools import partial

from rangeland.invariants.finding import CannotTry
from arena.arena import Arena
from rangeland.invariants.trial import described
from vm.space import AddressSpace

# What the public face has under its own name.
FACE = ("pools", "land", "arena", "rangeland.lands")
SPACE = 1 << 32
ARENA = 1 << 20


class Factory:
    """`make`, a callable that makes a subject: of nothing, or of an arena.

    Raises: CannotTry if it is no callable, or wants more than an arena.
    """

    def __init__(self, make):
        self.make = make
        self.wants = wanted(make)
        if len(self.wants) > 1:
            raise CannotTry(
                f"{name_of(make)} wants {', '.join(self.wants)}: expected a callable "
                f"of no argument, or of an arena"
            )
        self.in_arena = bool(self.wants)
        # The largest block that a fresh allocator gives; 0 if nobody knows.
        self.whole = None
        # The same in an arena with an end, for each way to make it.
        self.wholes = {}
        # Something was told for which time was given.
        self.waited = False

    def arena(self, grain_size=4096, checked=False, zoned=True, size=ARENA):
        """A fresh arena in a space of its own."""
        try:
            space = AddressSpace(SPACE, checked=checked)
            return Arena(size, grain_size=grain_size, zoned=zoned, space=space)
        except ValueError as error:
            raise CannotTry(str(error)) from error

    def subject(self, arena, **keywords):
        """What the callable makes. Raises: CannotTry if it raises."""
        arguments = (arena,) if self.in_arena else ()
        try:
            made = self.make(*arguments, **keywords)
        except (Exception, SystemExit) as error:
            hint = f" (it was given an Arena as {self.wants[0]!r})" if self.in_arena else ""
            text = f"{name_of(self.make)} raised {described(error)}{hint}"
            raise CannotTry(text) from error
        if made is None:
            raise CannotTry(f"{name_of(self.make)} returned None: expected a subject")
        return made

    def text(self, name, begin=(), keywords=None):
        """The lines of a program that make the subject and call it `name`."""
        lines = ["import rangeland as rl"] if self.in_arena else []
        make, given = self.make, dict(keywords or {})
        if isinstance(make, partial) and not make.args:
            make, given = make.func, make.keywords | given
        imported, call = named(make)
        if imported and imported not in lines:
            lines.append(imported)
        lines.append("")
        if self.in_arena:
            lines.append(_arena_text(*begin))
        arguments = ["arena"] if self.in_arena else []
        arguments += [f"{key}={value!r}" for key, value in given.items()]
        if call is None:
            lines.append(
                f"# Define `make` as what was tried: {name_of(make)} of "
                f"{getattr(make, '__module__', None) or 'no module'}, which cannot be imported"
            )
        lines.append(f"{name} = {call or 'make'}({', '.join(arguments)})")
        return lines


def _arena_text(grain_size=4096, checked=False, zoned=True, size=ARENA):
    space = ", checked=True" if checked else ""
    options = f", grain_size={grain_size}" if grain_size != 4096 else ""
    options += "" if zoned else ", zoned=False"
    return f"arena = rl.Arena({size}{options}, space=rl.AddressSpace({SPACE}{space}))"


def wanted(make):
    """The names of the arguments that a callable must be given.

    Raises: CannotTry if it is no callable.
    """
    if not callable(make):
        raise CannotTry(
            f"the subject is {make!r}: expected a callable that makes an allocator or a land"
        )
    try:
        parameters = inspect.signature(make).parameters.values()
    except (TypeError, ValueError):
        # Compiled classes do not tell; those that we have want an arena.
        return ["arena"]
    return [
        p.name
        for p in parameters
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]


def name_of(make):
    """What to call a callable when speaking to people."""
    return getattr(make, "__qualname__", None) or repr(make)


def named(make):
    """The import that a program needs to call `make`, and the call: (None,
    None) if it has no name there."""
    module, name = getattr(make, "__module__", None), getattr(make, "__qualname__", "")
    if not module or not name.isidentifier() or module == "__main__":
        return None, None
    if module.startswith(FACE) and getattr(_module("rangeland"), name, None) is make:
        return "import rangeland as rl", f"rl.{name}"
    if getattr(_module(module), name, None) is not make:
        return None, None
    return f"from {module} import {name}", name


def _module(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
