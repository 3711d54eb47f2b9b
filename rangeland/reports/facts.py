"""Facts: the events of a log, each with the steps that it was part of.

Source: design/telemetry.md#.sol.nesting
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from vm import events as ev
from vm.results import ParamError


BETWEEN_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Fact(NamedTuple):
    """Event number `index` of a log: its `name`, its `params`, and `path`, the
    names of the steps that were open then, the outermost first."""

    index: int
    name: str
    params: dict
    path: tuple


def facts(events):
    """The facts of `events`, a log or what was loaded from its JSON: a list.

    Raises: ParamError for what is no event.
    """
    found, path = [], []
    for index, event in enumerate(events):
        name, params = _parts(index, event)
        if name == "StepLeave" and path:
            path.pop()
        found.append(Fact(index, name, params, tuple(path)))
        if name == "StepEnter":
            path.append(params["step"])
    return found


def handler(holder, name):
    """The method of `holder` for events of that name, as `_vm_init` for
    VMInit; None if it has none."""
    return getattr(holder, "_" + BETWEEN_WORDS.sub("_", name).lower(), None)


def _parts(index, event):
    if isinstance(event, Mapping):
        name, params = event.get("name"), event.get("params")
    else:
        name, params = getattr(event, "name", None), getattr(event, "params", None)
    kind = ev.BY_NAME.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ParamError(f"event {index} is named {name!r}: expected a name of vm.events")
    params = params if isinstance(params, Mapping) else {}
    missing = [param for param, _ in kind.params if param not in params]
    if missing:
        raise ParamError(f"event {index}, {name}, has no {', '.join(missing)}")
    return name, params
