"""What is tried for a mistake in each room: the standard trials of the kit.

Nothing here knows of any one mistake: the subjects of a room are tried in
their order, as a user would try them.
"""

import rangeland as rl
from rangeland.invariants.agreement import AgreementTrial
from rangeland.invariants.arena import ArenaTrial
from rangeland.invariants.prove import trial_of

LANDS = {
    "CBSFast": trial_of(rl.CBSFast),
    "CBSZoned": trial_of(rl.CBSZoned),
    "Freelist": trial_of(rl.Freelist),
    "Failover": trial_of(rl.Failover),
    "CBS": trial_of(rl.CBS),
    "agreement of lands": AgreementTrial,
}
POOLS = {
    "MVFF": trial_of(rl.MVFF),
    "MFS": trial_of(lambda arena: rl.MFS(arena, 24)),
    "MFS of pages": trial_of(lambda arena: rl.MFS(arena, 2040, extend_by=4096)),
}
ARENAS = {"arena": ArenaTrial}
ROOMS = {
    "land": LANDS | POOLS,
    "pools": POOLS | ARENAS,
    "arena": ARENAS,
    "vm": ARENAS,
}
