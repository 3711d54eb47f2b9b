"""What the tests about the house itself share: its files, and what they say."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

from vm.speed import FOLDERS, TWINS

ROOT = Path(__file__).resolve().parents[2]
CORE = ("vm", "land", "pools", "arena")


@cache
def committed():
    """The paths, relative to the root, of all files that are or will be committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file())


def sources(suffix=".py", folders=FOLDERS):
    """The committed files of our packages that end in `suffix`."""
    return [p for p in committed() if p.parts[0] in folders and p.suffix == suffix]


def text_of(path):
    """The text of the committed file `path`."""
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def parsed(path):
    """The syntax tree of the committed file `path`."""
    return ast.parse(text_of(path))


def file_of(module):
    """The path of `module` (a dotted name) if it is one of ours, else None."""
    if module.split(".")[0] not in FOLDERS:
        return None
    stem = Path(*module.split("."))
    for path in (stem.with_suffix(".py"), stem / "__init__.py", stem.with_suffix(".pxd")):
        if (ROOT / path).is_file():
            return path
    return None


def imported(path):
    """The files of ours that the .py or .pxd at `path` imports or cimports."""
    pairs = _of_pxd(path) if path.suffix == ".pxd" else _of_py(path)
    found = set()
    for module, names in pairs:
        whole = file_of(module)
        for name in names:
            found.add(file_of(f"{module}.{name}") or whole)
        if not names:
            found.add(whole)
    return found - {None, path, path.with_suffix(".py")}


def _of_py(path):
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield node.module, [alias.name for alias in node.names]


def _of_pxd(path):
    for line in text_of(path).split("\n"):
        line = line.partition("#")[0].strip()
        if match := re.fullmatch(r"from ([\w.]+) cimport (.+)", line):
            names = [part.split()[0] for part in match[2].strip("()").split(",") if part.strip()]
            yield match[1], names
        elif match := re.fullmatch(r"cimport ([\w.]+)(?: as \w+)?", line):
            yield match[1], ()


def constants(pxd):
    """The constants of the enums of the .pxd: {name: value}."""
    pairs = re.findall(r"^\s+([A-Z][A-Z0-9_]*)\s*=\s*(-?\w+)\s*$", text_of(pxd), re.M)
    return {name: int(value, 0) for name, value in pairs}


def functions(pxd):
    """The functions of C that the .pxd declares: `cdef` and `cpdef`, not inline."""
    heads = re.findall(r"^cp?def (?!class|enum|inline)(.+\(.*)$", text_of(pxd), re.M)
    return [name for head in heads for name in _declared(head)]


def members(pxd):
    """What the classes of the .pxd hide from Python: {class: names}.

    A method or attribute declared `cdef` is none that Python sees, unless
    it is an attribute declared public or readonly.
    """
    found = {}
    for line in text_of(pxd).split("\n"):
        line = line.partition("#")[0].rstrip()
        if match := re.match(r"cdef class (\w+)", line):
            names = found.setdefault(match[1], [])
        elif match := re.match(r" +cdef (?!inline|readonly|public)(.+)", line):
            names.extend(_declared(match[1]))
    return found


def _declared(text):
    if match := re.match(r"[^(\[=]*?(\w+)\s*\(", text):
        return [match[1]]
    return [re.search(r"(\w+)\s*(?:\[\w+\])?$", part.strip())[1] for part in text.split(",")]


def hot():
    """The .pxd files of the modules that are compiled."""
    return [p for p in sources(".pxd") if p.stem not in TWINS and p.stem != "__init__"]


def module_name(path):
    """The dotted name of the module at `path`."""
    return ".".join(path.with_suffix("").parts)
