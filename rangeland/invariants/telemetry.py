"""TelemetryTrial: what the events of an arena tell is what it has.

Source: design/stress.md#.sol.telemetry
"""

from rangeland.invariants.arena import ArenaTrial
from rangeland.invariants.finding import Broken
from rangeland.invariants.raw import audit
from rangeland.invariants.raw.mvt import MVTPool
from rangeland.invariants.retelling import Retelling
from vm import events as ev
from vm.log import Log
from vm.telemetry import stream

# What PoolInitMVT tells, by the names that the words of a descriptor have.
KEYWORDS = ("min_size", "mean_size", "max_size", "reserve_depth", "frag_limit")


class TelemetryTrial(ArenaTrial):
    """An ArenaTrial whose events are recorded, all of them. Told once more by
    a Retelling, which sees nothing else, they have to give the accounts."""

    kinds = ev.ALL_KINDS

    def __init__(self):
        super().__init__()
        self.log = Log()
        self.retelling = Retelling()
        self.taken = 0

    def listen(self, code, params):
        """An event of this step."""
        super().listen(code, params)
        self.log(code, params)

    def check(self):
        """All that an ArenaTrial judges, and the accounts of the log."""
        summary = super().check()
        if self.arena is not None:
            self._expect_accounts(summary)
        return summary

    def _retold(self):
        """The retelling of all events so far."""
        events = list(self.log)
        for event in events[self.taken :]:
            self.retelling.take(event.name, event.params)
        self.taken = len(events)
        return self.retelling

    def _expect_accounts(self, summary):
        retold = self._retold()
        arena = self.arena
        raw = audit(self.space, arena.address)
        told = retold.arena(arena.address)
        self._same("reserved", told.reserved, arena.reserved)
        self._same("committed", told.mapped, summary["mapped"])
        self._same("spare", told.spare, arena.spare_committed)
        vms = (raw.vm, *(chunk.vm for chunk in raw.chunks))
        mapped = {(vm["base"], vm["limit"]): vm["mapped"] for vm in vms}
        self._same("mapped of each VM", told.vms, mapped)
        pages = {
            owner: sum(limit - base for base, limit in spans)
            for owner, spans in raw.pages_of.items()
            if owner not in (None, -1)
        }
        self._same("memory of each pool", told.owned, pages)
        used = raw.control.total - raw.control.free
        self._same("control memory", told.control, used)
        pools = {pool.address: pool.serial for pool in arena.pools}
        system = {owner for pool in raw.pools for owner in pool.own} - pools.keys()
        live = {at: serial for at, serial in told.pools.items() if at not in system}
        self._same("pools", live, pools)
        fraction = arena.spare if told.fraction is None else told.fraction
        self._same("spare fraction", fraction, arena.spare)
        self._expect_points(told, [pool for pool in raw.clients if isinstance(pool, MVTPool)])
        self._same("what makes no sense", retold.troubles, [])

    def _expect_points(self, told, pools):
        """The log tells what MVT pools were made with, what segments they
        have, and what memory was given to their points."""
        segments = {s.address: (p.address, s.base, s.limit) for p in pools for s in p.segments}
        self._same("segments", told.segments, segments)
        points = {at: (p.address, b, x) for p in pools for at, (b, _, x) in p.points.items()}
        self._same("memory of points", told.points, points)
        keywords = {p.address: tuple(p.words[key] for key in KEYWORDS) for p in pools}
        self._same("keywords of pools", told.keywords, keywords)

    def _same(self, what, found, expected):
        if found != expected:
            raise Broken("log-accounts", f"{what}: by the log {found}, by the arena {expected}")

    def end(self):
        """Destroy everything, and judge that the log tells so."""
        address = self.arena.address if self.arena is not None else None
        stream.attach(self._listener, self.kinds)
        try:
            super().end()
        finally:
            stream.detach(self._listener)
        if address is not None:
            retold = self._retold()
            left = retold.reserved, retold.mapped, len(retold.vms), len(retold.open_steps)
            self._same("what is left at the end", left, (0, 0, 0, 0))
            left = retold.segments, retold.points, retold.keywords
            self._same("what pools left at the end", left, ({}, {}, {}))
