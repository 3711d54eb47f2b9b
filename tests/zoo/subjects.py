"""What is tried for a mistake in each room: the standard trials of the kit.

Nothing here knows a mistake: a room's subjects are tried in their order, each
as a user would try it.
"""

import json
import sys
from functools import partial

import rangeland as rl
from rangeland.invariants.agreement import AgreementTrial
from rangeland.invariants.arena import ArenaTrial
from rangeland.invariants.bootstrap import BootstrapTrial
from rangeland.invariants.engine import examine
from rangeland.invariants.prove import trial_of
from rangeland.invariants.telemetry import TelemetryTrial

LANDS = {
    "CBSFast": trial_of(rl.CBSFast),
    "CBSZoned": trial_of(rl.CBSZoned),
    "Freelist": trial_of(rl.Freelist),
    "Failover": trial_of(rl.Failover),
    "CBS": trial_of(rl.CBS),
    "agreement": AgreementTrial,
}
