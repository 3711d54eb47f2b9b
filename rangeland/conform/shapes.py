"""What the header and the lines of a vector file have to look like.

A file that does not is refused before anything is done with it, with what
was expected there. Source: design/conform.md#.sol.shapes
"""

import json

from vm.results import NAMES, ParamError

MOST = 1 << 64
WIDEST = 80


def _is_number(value):
    return type(value) is int and 0 <= value < MOST


def _is_pair(value):
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))


def _is_pointer(value):
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)


def _is_result(value):
    return isinstance(value, str) and value in NAMES


# The sorts of what may stand in a place: what it is called, and the test.
SORTS = {
    "number": ("a whole number", _is_number),
    "limit": ("a whole number or null", lambda v: v is None or _is_number(v)),
    "fraction": ("a number", lambda v: type(v) in (int, float)),
    "bool": ("true or false", lambda v: isinstance(v, bool)),
    "text": ("a string", lambda v: isinstance(v, str)),
    "loc": ("int or pair", lambda v: v in ("int", "pair")),
    "object": ("an object", lambda v: isinstance(v, dict)),
    "list": ("an array", lambda v: isinstance(v, list)),
    "numbers": (
        "an array of whole numbers",
        lambda v: isinstance(v, list) and all(map(_is_number, v)),
    ),
    "owners": (
        "an array of whole numbers, or -1",
        lambda v: isinstance(v, list) and all(_is_number(x) or x == -1 for x in v),
    ),
    "place": (
        "an address or the name of a result",
        lambda v: _is_number(v) or _is_pair(v) or _is_result(v),
    ),
    "range": (
        "a range, the name of a result, or null",
        lambda v: v is None or _is_pair(v) or _is_result(v),
    ),
    "result": ("the name of a result", _is_result),
    "shift": ("a whole number below 64", lambda v: _is_number(v) and v < 64),
    "serial": ("a whole number or the name of a result", lambda v: _is_number(v) or _is_result(v)),
}

ASIDES = {
    "c+": "size:number address:place",
    "c-": "size:number address:place",
    "chunk": "serial:number base:number size:number alloc_base_page:number reserved:number",
    "chunk-": "serial:number",
}

_ALLOC = {"a": "block:number size:number address:place"}
_POINT = {"ap+": "point:number", "ap-": "point:number"}
_POOL = {
    "f": "block:number",
    "s": "total:number free:number committed:number reserved:number spare_committed:number",
    "S": "committed:number spare_committed:number reserved:number",
    "t": "chunk:number runs:owners",
    "pd": "",
}

# The operations of each kind. A place that ends in ? may be missing.
OPERATIONS = {
    "mvff": _POOL | _ALLOC,
    "mvt": _POOL | _POINT | {"r": "point:number block:number size:number address:place"},
    "mfs": _POOL | _ALLOC | {"x": "address:place size:number"},
    "arena": _POINT
    | {
        "pc": "pool:number class:text arguments:object serial:serial",
        "pd": "pool:number",
        "a": "pool:number block:number size:number address:place",
        "r": "pool:number block:number size:number address:place",
        "f": "pool:number block:number",
        "cl": "limit:number result:result",
        "sp": "fraction:fraction",
        "gc": "",
        "S": _POOL["S"],
        "t": _POOL["t"],
    },
    "land": {
        "i": "base:number limit:number range:range",
        "d": "base:number limit:number range:range containing:range?",
        "ff": "size:number mode:text range:range old:range?",
        "fl": "size:number mode:text range:range old:range?",
        "fg": "size:number mode:text range:range old:range?",
        "fz": "size:number zones:number high:bool range:range old:range?",
        "itdel": "",
        "it": "size:number ranges:numbers secondary:numbers?",
    },
}

_HEADER = {
    "loc": "loc",
    "arena.requested_size": "limit",
    "arena.grain_size": "number",
    "arena.zoned": "bool",
    "arena.zone_shift": "number",
    "arena.spare": "fraction",
    "arena.commit_limit": "limit",
    "arena.arena_vm.base": "number",
    "arena.chunk0.base": "number",
    "arena.chunk0.size": "number",
}
_STARTED = _HEADER | {
    "arena.chunk0.reserved": "number",
    "arena.chunk0.pages": "number",
    "arena.chunk0.alloc_base_page": "number",
    "arena.chunk0.alloc_table": "number",
    "arena.chunk0.page_table": "number",
    "arena.start.committed": "number",
    "arena.start.reserved": "number",
    "arena.start.spare_committed": "number",
    "arena.start.free_zones": "number",
}
_WITH_POOL = _STARTED | {"pool.class": "text", "pool.args": "object", "pool.serial": "number"}

HEADERS = {
    "bootstrap": _STARTED | {"mode": "text"},
    "mvff": _WITH_POOL,
    "mvt": _WITH_POOL,
    "mfs": _WITH_POOL,
    "arena": _STARTED,
    "land": {
        "arena.zone_shift": "shift",
        "land.class": "text",
        "land.align": "number",
        "land.base": "number",
        "land.span": "number",
        "land.block_size": "number",
        "land.block_limit": "limit",
        "land.block_limit_res": "result",
    },
}


def check_header(header):
    """Raise ParamError unless `header` has what its kind of file needs."""
    kind = header.get("kind")
    if not isinstance(kind, str) or kind not in HEADERS:
        raise ParamError(
            f"kind {kind!r} is not to be repeated yet: expected {', '.join(HEADERS)}"
        )
    for path, sort in HEADERS[kind].items():
        value = header
        for key in path.split("."):
            if not isinstance(value, dict) or key not in value:
                raise ParamError(f"expected a header with {path!r}")
            value = value[key]
        name, test = SORTS[sort]
        if not test(value):
            raise ParamError(f"expected {name} as {path!r} of the header, found {short(value)}")
    log = header["arena"].get("control_log", [])
    if not isinstance(log, list):
        raise ParamError(f"expected an array as 'arena.control_log', found {short(log)}")
    for line in log:
        if not isinstance(line, list) or line[:1] not in (["c+"], ["c-"]):
            raise ParamError(f"expected c+ or c- in 'arena.control_log', found {short(line)}")
        check_line(kind, line)


def check_event(line):
    """Raise ParamError unless `line` is an event of a bootstrap file."""
    if len(line) != 2 or not isinstance(line[1], dict):
        raise ParamError(f'expected ["event", {{parameters}}], found {short(line)}')
    needed = {"Intern": {"stringId", "string"}, "LabelPointer": {"stringId", "pointer"}}
    missing = needed.get(line[0], set()) - line[1].keys()
    if missing:
        raise ParamError(f"expected the parameter {min(missing)!r}, found {short(line)}")
    for name, (expected, test) in (
        ("stringId", SORTS["number"]),
        ("pointer", ("a structure and an offset or name", _is_pointer)),
    ):
        if name in needed.get(line[0], ()) and not test(line[1][name]):
            raise ParamError(f"expected {expected} as {name!r}, found {short(line)}")


def check_line(kind, line):
    """Raise ParamError unless `line` is an operation of files of `kind`."""
    if kind == "bootstrap":
        return check_event(line)
    known = ASIDES if line[0] in ASIDES else OPERATIONS[kind]
    if line[0] not in known:
        raise ParamError(
            f"expected an operation of kind {kind} ({', '.join(known)}), found {short(line)}"
        )
    places = [place.split(":") for place in known[line[0]].split()]
    least = sum(not sort.endswith("?") for _, sort in places)
    if not least <= len(line) - 1 <= len(places):
        form = json.dumps([line[0], *(name for name, _ in places)])
        raise ParamError(f"expected {form}, found {short(line)}")
    for (place, sort), value in zip(places, line[1:]):
        name, test = SORTS[sort.rstrip("?")]
        if not test(value):
            raise ParamError(f"expected {name} as {place!r} of {line[0]!r}, found {short(value)}")
    return None


def short(value):
    """`value` as JSON, cut if it is long."""
    text = json.dumps(value, separators=(",", ":"))
    return text if len(text) <= WIDEST else f"{text[:WIDEST]}..."
