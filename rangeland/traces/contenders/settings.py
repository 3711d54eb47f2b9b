"""Settings of real allocators, as their environment has them.

Source: design/contenders.md#.sol.settings
"""

import difflib
import re
import shlex
from dataclasses import dataclass

from rangeland.sizes import parse_size
from vm.results import ParamError

TUNABLES = "GLIBC_TUNABLES"
# The tunables of glibc's malloc, which says nothing of one that it does not know.
_GLIBC = (
    "arena_max", "arena_test", "hugetlb", "mmap_max", "mmap_threshold", "mxfast", "perturb",
    "tcache_count", "tcache_max", "tcache_unsorted_limit", "top_pad", "trim_threshold",
)  # fmt: skip
# An allocator that reads a variable for each setting, and what their names begin with.
_PREFIXES = {"mimalloc": "MIMALLOC_", "tcmalloc": "TCMALLOC_"}
_ENV = "env."


def family_of(name):
    """Whose settings the allocator of that name, or of that path, has; or ""."""
    last = name.rpartition("/")[2]
    return next((known for known in ("glibc", "jemalloc", *_PREFIXES) if known in last), "")


class Known(dict):
    """What a spec of the allocator `name` may say, with what makes a value of each, for
    `parse_options`: `more`, the settings of its family, and env.NAME."""

    def __init__(self, name, more):
        self.family = family_of(name)
        super().__init__(more)
        if self.family == "glibc":
            self.update(dict.fromkeys(_GLIBC, _number))
        self["env.NAME"] = _text

    def __contains__(self, key):
        if super().__contains__(key):
            return True
        if key.startswith(_ENV):
            return re.fullmatch(r"\w+", key.removeprefix(_ENV)) is not None
        return self.family not in ("", "glibc") and re.fullmatch(r"[a-z_]\w*", key) is not None

    def __getitem__(self, key):
        return super().__getitem__(key) if super().__contains__(key) else _text


def _number(text):
    parse_size(text)
    return text


def _text(text):
    if not re.fullmatch(r"[\w.:/+-]+", text):
        raise ValueError("a word or a number")
    return text


@dataclass(frozen=True)
class Settings:
    """`given`, pairs of a setting and its value, of the allocator `name`."""

    name: str
    given: tuple = ()

    def environment(self):
        """{variable: value}: what a program needs for them."""
        family, found, own = family_of(self.name), {}, []
        for key, value in self.given:
            if key.startswith(_ENV):
                found[key.removeprefix(_ENV)] = value
            elif family in _PREFIXES:
                found[_PREFIXES[family] + key.upper()] = value
            else:
                own.append((key, value))
        if own and family == "glibc":
            tunables = (f"glibc.malloc.{key}={parse_size(value)}" for key, value in own)
            found[TUNABLES] = ":".join(tunables)
        elif own:
            found["MALLOC_CONF"] = ",".join(f"{key}:{value}" for key, value in own)
        return found

    def strict(self):
        """As `environment`, such that jemalloc refuses what it does not know."""
        found = self.environment()
        if "MALLOC_CONF" in found and family_of(self.name) == "jemalloc":
            found["MALLOC_CONF"] = f"abort_conf:true,{found['MALLOC_CONF']}"
        return found

    def expect_known(self, library):
        """See that the file `library` knows the settings; of others than mimalloc and
        tcmalloc they are known elsewhere. Raises: ParamError; OSError."""
        prefix = _PREFIXES.get(family_of(self.name))
        keys = [key for key, _ in self.given if not key.startswith(_ENV)]
        if not prefix or not keys:
            return
        with open(library, "rb") as file:
            words = set(re.findall(rb"[A-Za-z_]{4,}(?=\0)", file.read()))
        words = {word.decode().removeprefix(prefix).lower() for word in words}
        for key in keys:
            if key.lower() not in words:
                near = difflib.get_close_matches(key, words, 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ParamError(f"{library} knows no setting {key!r}{hint}")

    def command(self, library):
        """The line that runs a program so; `library` is what to preload, or ""."""
        words = [f"{name}={shlex.quote(value)}" for name, value in self.environment().items()]
        if library:
            words.append(f"LD_PRELOAD={shlex.quote(library)}")
        return " ".join([*words, "./my-program"])
