"""The recorder: a log of events, with its text and JSON forms.

Source: design/telemetry.md#.sol.log
"""

import json
import os
import secrets
import time
from contextlib import contextmanager
from typing import NamedTuple

from vm import events as ev
from vm.results import NAMES, ParamError
from vm.telemetry import stream


class Event(NamedTuple):
    """One event: `time` in nanoseconds since recording began, the type's
    `name`, and `params`, a dict of the type's parameters in their order."""

    time: int
    name: str
    params: dict


def kinds_mask(kinds):
    """The mask of `kinds`: an int, a name of a kind, or an iterable of such names.

    Raises: ParamError for a name that is no kind.
    """
    if isinstance(kinds, int):
        return kinds
    if isinstance(kinds, str):
        kinds = (kinds,)
    mask = 0
    for name in kinds:
        if name not in ev.KINDS:
            raise ParamError(f"no kind of event is named {name!r}: expected {', '.join(ev.KINDS)}")
        mask |= ev.KINDS[name]
    return mask


class Log:
    """Every event of the kinds watched, in order, for as long as recorded.

    Shape: iteration gives `Event`s. `labels` has the names given to
    addresses, as they stand at the end of the log.
    Cost: O(1) per event, kept in memory.
    """

    def __init__(self):
        self._rows = []
        self._start = time.perf_counter_ns()

    def __call__(self, code, params):
        self._rows.append((time.perf_counter_ns() - self._start, code, params))

    def __len__(self):
        return len(self._rows)

    def __iter__(self):
        for when, code, params in self._rows:
            kind = ev.TYPES[code]
            names = (name for name, _ in kind.params)
            yield Event(when, kind.name, dict(zip(names, params)))

    @property
    def labels(self):
        """The names that addresses were given: a dict of int to str."""
        strings, names = {}, {}
        for event in self:
            if event.name == "Intern":
                strings[event.params["stringId"]] = event.params["string"]
            elif event.name == "LabelPointer":
                names[event.params["pointer"]] = strings[event.params["stringId"]]
        return names

    def text(self):
        """The log, an event a line: time in ns, name, parameters.

        Addresses are hexadecimal and followed by their label in brackets.
        """
        labels = self.labels
        return "".join(_line(event, labels) + "\n" for event in self)

    def to_json(self, path=None):
        """The log as JSON: an array of {"time", "name", "params"} objects.

        Returns the text if `path` is None, else writes it there, whole or
        not at all. A new file has the mode that the umask says.
        """
        text = json.dumps([event._asdict() for event in self], separators=(",", ":"))
        if path is None:
            return text
        folder = os.path.dirname(os.path.abspath(path))
        scratch = os.path.join(folder, f".rangeland-{secrets.token_hex(8)}")
        # Not by `tempfile`, whose files nobody else may read.
        file = open(scratch, "x", encoding="utf-8")
        try:
            with file:
                file.write(text + "\n")
            os.replace(scratch, path)
        except BaseException:
            os.unlink(scratch)
            raise
        return None


def _line(event, labels):
    words = [f"{event.time:12d}", f"{event.name:18}"]
    for name, sort in ev.BY_NAME[event.name].params:
        words.append(f"{name}={_value(event.params[name], name, sort, labels)}")
    return " ".join(words).rstrip()


def _value(value, name, sort, labels):
    if sort in "PA":
        label = labels.get(value)
        return f"{value:#x}" + (f"[{label}]" if label else "")
    if sort == "B":
        return "true" if value else "false"
    if sort == "S":
        return json.dumps(value)
    if name == "res":
        return NAMES[abs(value)]
    return str(value)


@contextmanager
def record(kinds=ev.DEFAULT_KINDS):
    """Record the events of `kinds` while the context lasts.

    `kinds` is a mask, a name ("Arena", "Pool", "Seg", ...) or an iterable of
    names; by default all kinds of the MPS but "Object", the clients' blocks, and
    without our own kind "Step".
    Raises: ParamError for an unknown kind.
    """
    log = Log()
    stream.attach(log, kinds_mask(kinds))
    try:
        yield log
    finally:
        stream.detach(log)
