"""The machine of a recording: its arena, at the addresses it had there.

Source: design/conform.md#.sol.machine
"""

from arena.arena import DEFAULT_SIZE, Arena
from pools import fields as p
from vm import events as ev
from vm import fields as f
from vm.space import AddressSpace


class Machine:
    """An arena made as `header` says, placed where the recording had it.

    `chunk_lines` are the recording's lines about later chunks, in order.
    """

    def __init__(self, header, chunk_lines):
        arena = header["arena"]
        self.pairs = header["loc"] == "pair"
        self._arena_vm = arena["arena_vm"]["base"]
        self._grain = arena["grain_size"]
        self._first = (arena["chunk0"]["base"], arena["chunk0"]["size"])
        self._later = [(line[2], line[3]) for line in chunk_lines]
        self._made = 0
        self.space = self._space(arena)
        self.arena = Arena(
            size=arena["requested_size"] or DEFAULT_SIZE,
            grain_size=arena["grain_size"],
            zoned=arena["zoned"],
            commit_limit=arena["commit_limit"],
            spare=arena["spare"],
            space=self.space,
        )

    def _space(self, arena):
        spans = [(self._arena_vm, arena["grain_size"]), self._first, *self._later]
        room = 4 * max(size for _, size in spans)
        base = max(f.PAGE, (min(base for base, _ in spans) - room) // f.PAGE * f.PAGE)
        limit = max(base + size for base, size in spans) + room
        limit = (limit + f.PAGE - 1) // f.PAGE * f.PAGE
        return AddressSpace(size=limit - base, base=base, placement=self._place)

    def _place(self, size):
        """Where the next reservation goes: attempts that will fail share
        their upper end with the chunk that was made in the end; one of which
        nothing is recorded goes directly below the last."""
        made = self._made
        if made == 0:
            self._made = 1
            return self._arena_vm
        if made == 1:
            self._made = 2
            return self._first[0]
        if made - 2 < len(self._later):
            base, chunk_size = self._later[made - 2]
            return base + chunk_size - size
        lowest = next(iter(self.space.reservations))
        base = (lowest - size) // self._grain * self._grain
        return base if base >= self.space.base else None

    def spans(self):
        """The mappings that a bootstrap makes: (name, base, size), the
        arena's own first."""
        return (("arena", self._arena_vm, self._grain), ("chunk0", *self._first))

    def chunk_made(self):
        """Go on to the next recorded chunk, for one has been made."""
        self._made += 1

    def loc(self, address):
        """How the recording writes `address`."""
        chunk = self.arena.grains.chunks.of(address)
        if chunk is None:
            return f"{address:#x} in no chunk"
        offset = address - chunk.base
        return [chunk.serial, offset] if self.pairs else offset

    def snapshot(self):
        """Committed, spare committed and reserved bytes."""
        return [self.arena.committed, self.arena.spare_committed, self.arena.reserved]

    def serial_of(self, owner):
        """The serial number of the pool at `owner`, or -1 for none."""
        return self.space.words_at(owner, p.POOL_SIZE)[p.SERIAL] if owner > 0 else -1

    def map_of(self, serial):
        """The runs of the chunk with `serial`: [lo, hi, owner's serial, ...]."""
        for chunk in self.arena.chunks:
            if chunk.serial == serial:
                return [
                    value
                    for lo, hi, owner in chunk.runs()
                    for value in (lo, hi, self.serial_of(owner))
                ]
        return f"no chunk {serial}"


class Asides:
    """A listener that writes events as the asides of a recording.

    The chunk of an address is asked for at the event, for it may be gone
    after it.
    """

    def __init__(self, machine=None):
        self.machine = machine
        self.lines = []
        self._early = []

    def __call__(self, code, params):
        if self.machine is None:
            self._early.append((code, params))
        else:
            self._write(code, params)

    def begin(self, machine):
        """Write the events so far, and further ones, with `machine`."""
        self.machine = machine
        for code, params in self._early:
            self._write(code, params)

    def _write(self, code, params):
        if code == ev.CONTROL_ALLOC:
            _, base, size, res = params
            self.lines.append(["c+", size, "COMMIT_LIMIT" if res else self.machine.loc(base)])
        elif code == ev.CONTROL_FREE:
            _, base, size = params
            self.lines.append(["c-", size, self.machine.loc(base)])
        elif code == ev.CHUNK_INIT and params[2] > 0:
            _, _, serial, base, size, alloc_base, reserved = params
            self.lines.append(["chunk", serial, base, size, alloc_base, reserved])
            self.machine.chunk_made()
        elif code == ev.CHUNK_FINISH:
            self.lines.append(["chunk-", params[2]])

    def take(self):
        """The lines since the last call."""
        lines, self.lines = self.lines, []
        return lines
