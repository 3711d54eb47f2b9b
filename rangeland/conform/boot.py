"""Repeating recordings of kind bootstrap: the whole stream of events.

All events count but those that speak of the C library itself: its clock, its
version, and the names of its static classes (design/conform.md#.sol.events).
"""

from rangeland.conform import facts
from rangeland.conform.machine import Machine
from rangeland.conform.pools import Unsupported, make_pool
from vm import events as ev
from vm.log import record

POOLS = {"mvff": ("MVFF", {}), "mfs": ("MFS", {"MFS_UNIT_SIZE": 64}), "mvt": ("MVT", {})}
BLOCK_SIZE = 64
OF_THE_LIBRARY = ("EventInit", "EventClockSync")


class BootRepeater:
    """Repeats one bootstrap and teardown, event for event."""

    def __init__(self, header, lines):
        self.mode = header["mode"]
        if self.mode != "arena" and self.mode not in POOLS:
            raise Unsupported(
                f"mode {self.mode!r} (pool class {self.mode.upper()}): "
                f"expected arena, {', '.join(POOLS)}"
            )
        told = facts.told(header)
        self.expected = list(spoken(lines))
        with record(ev.DEFAULT_KINDS) as log:
            self.machine = Machine(header, [])
            self.start = facts.compared(told, facts.of_arena(self.machine.arena))
            self._use()
            self.machine.arena.destroy()
        self.spoken = self._spoken(log)

    def _use(self):
        if self.mode in POOLS:
            pool = make_pool(self.machine.arena, *POOLS[self.mode])
            if self.mode == "mvt":
                self._use_point(pool)
            else:
                pool.free(pool.alloc(BLOCK_SIZE), BLOCK_SIZE)
            pool.destroy()

    def _use_point(self, pool):
        point = pool.allocation_point()
        address = point.reserve(BLOCK_SIZE)
        point.commit(address, BLOCK_SIZE)
        pool.free(address, BLOCK_SIZE)
        point.destroy()

    def operations(self):
        """(number, what was expected, what came): first the header's facts,
        in line 1, then each event of either."""
        expected, came = self.start
        yield 1, [expected], [came]
        most = max(len(self.expected), len(self.spoken))
        for i in range(most):
            number, expected = self.expected[i] if i < len(self.expected) else (None, None)
            yield number, expected, self.spoken[i] if i < len(self.spoken) else None

    def _spoken(self, log):
        """The log's events as `spoken` gives those of a recording."""
        stack = {}
        strings = {}
        events = []
        spans = self._spans(log)
        for event in log:
            sorts = dict(ev.BY_NAME[event.name].params)
            # A limit is written as its base is, though another mapping may begin there.
            params = {
                name: self._written(value, sorts[name], stack, spans)
                for name, value in event.params.items()
            }
            if isinstance(params.get("limit"), list) and "base" in params:
                name, at = params["base"]
                params["limit"] = [name, at + event.params["limit"] - event.params["base"]]
            if event.name == "Intern":
                strings[params.pop("stringId")] = params["string"]
            elif event.name == "LabelPointer":
                params["string"] = strings[params.pop("stringId")]
            events.append([event.name, params])
        return events

    def _spans(self, log):
        """The mappings by which addresses are written: (name, base, size)."""
        later = [event.params for event in log if event.name == "VMInit"][2:]
        return (
            *self.machine.spans(),
            *(
                (f"chunk{i}", vm["base"], vm["limit"] - vm["base"])
                for i, vm in enumerate(later, start=1)
            ),
        )

    def _written(self, value, sort, stack, spans):
        if sort == "B":
            return bool(value)
        if sort not in "PA":
            return value
        space = self.machine.space
        if space.limit <= value:
            return ["stack", stack.setdefault(value, len(stack))]
        for name, base, size in spans:
            if base <= value <= base + size:
                return [name, value - base]
        return ["nowhere", value]


def spoken(lines):
    """The events of a recording that count: (number, [name, parameters]),
    strings instead of their numbers, classes by their names."""
    strings = {}
    labelled = set()
    for _, (name, params) in lines:
        if name == "Intern":
            strings[params["stringId"]] = params["string"]
        elif name == "LabelPointer" and params["pointer"][0] != "static":
            labelled.add(params["stringId"])
    for number, (name, params) in lines:
        if name in OF_THE_LIBRARY:
            continue
        if name in ("Intern", "LabelPointer") and params["stringId"] not in labelled:
            continue
        yield number, [name, dict(_plain(params, strings, name))]


def _plain(params, strings, event):
    for name, value in params.items():
        if isinstance(value, list) and value[:1] == ["static"]:
            yield name, value[-1]
        elif name == "stringId":
            if event == "LabelPointer":
                yield "string", strings.get(value, f"string {value}, never interned")
        else:
            yield name, value
