"""What is tried for a mistake in each room: the standard trials of the kit.

Nothing here knows of any one mistake: the subjects of a room take turns in
their order, those first that are quick and look at the room most closely.
"""

import rangeland as rl
from rangeland.invariants.agreement import AgreementTrial
from rangeland.invariants.arena import ArenaTrial
from rangeland.invariants.bootstrap import BootstrapTrial
from rangeland.invariants.faces import FaceTrial
from rangeland.invariants.machine_memory import MemoryTrial
from rangeland.invariants.prove import trial_of
from rangeland.invariants.stealing import StealingTrial
from rangeland.invariants.telemetry import TelemetryTrial

LANDS = {
    "Freelist": trial_of(rl.Freelist),
    "CBSFast": trial_of(rl.CBSFast),
    "CBSZoned": trial_of(rl.CBSZoned),
    "Failover": trial_of(rl.Failover),
    "CBS": trial_of(rl.CBS),
    "lands that steal": StealingTrial,
    "agreement of lands": AgreementTrial,
}
POOLS = {
    "MVFF": trial_of(rl.MVFF),
    "MFS": trial_of(lambda arena: rl.MFS(arena, 24)),
    "MVT": trial_of(rl.MVT),
    "Buddy": trial_of(rl.Buddy),
    "SegFit": trial_of(rl.SegFit),
    "Slab": trial_of(rl.Slab),
    "BestFit": trial_of(rl.BestFit),
    "WorstFit": trial_of(rl.WorstFit),
    "NextFit": trial_of(rl.NextFit),
    "LIFOFit": trial_of(rl.LIFOFit),
    "MFS of pages": trial_of(lambda arena: rl.MFS(arena, 2040, extend_by=4096)),
}
ARENAS = {
    "face": FaceTrial,
    "memory": MemoryTrial,
    "arena": ArenaTrial,
    "bootstrap": BootstrapTrial,
    "telemetry": TelemetryTrial,
}
ROOMS = {
    "land": LANDS | POOLS | ARENAS,
    "pools": POOLS | ARENAS,
    "arena": ARENAS | POOLS,
    "vm": ARENAS | POOLS,
}
