"""What the kit tries for a mistake: the standard trials, by the file that it is in.

Nothing here knows of any one mistake. Those trials come first that look at the
file most closely; they take turns.
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

LANDS = {kind.__name__: kind for kind in (rl.CBS, rl.CBSFast, rl.CBSZoned, rl.Freelist, rl.Failover)}
POOLS = {
    kind.__name__: kind
    for kind in (
        rl.MVFF, rl.MVT, rl.BestFit, rl.WorstFit, rl.NextFit, rl.LIFOFit, rl.Buddy, rl.SegFit, rl.Slab,
    )
}  # fmt: skip
OTHERS = {
    "MFS": lambda arena: rl.MFS(arena, 24, extend_by=4096),
    "MFS of pages": lambda arena: rl.MFS(arena, 2040, extend_by=4096),
    "SortedLand": rl.SortedLand,
}
TRIALS = {
    "agreement": AgreementTrial,
    "stealing": StealingTrial,
    "arena": ArenaTrial,
    "bootstrap": BootstrapTrial,
    "telemetry": TelemetryTrial,
    "face": FaceTrial,
    "memory": MemoryTrial,
}
FITS = ("MVFF", "BestFit", "WorstFit", "NextFit")
REGIONAL = ("Buddy", "SegFit", "Slab")
ALL_LANDS = (*LANDS, "stealing", "agreement")
ALL_POOLS = (*POOLS, "MFS", "MFS of pages", "arena")
# By the file, or by its folder.
SUBJECTS = {
    "land": ALL_LANDS,
    "land/sized.py": ("BestFit", "CBSFast"),
    "land/sizetree.py": ("BestFit",),
    "land/fasttree.py": ("CBSFast", "NextFit", "MVFF", "Failover", "WorstFit"),
    "land/zonedtree.py": ("CBSZoned", "agreement", "arena"),
    "land/zones.py": ("CBSZoned", "agreement", "arena"),
    "land/sorted.py": ("SortedLand", "agreement"),
    "land/failover.py": ("Failover", "NextFit", "WorstFit", "BestFit", "MVFF", "MVT"),
    "land/freelist.py": ("Freelist", "Failover", "agreement", "NextFit", "BestFit", "MVFF"),
    "pools": ALL_POOLS,
    "pools/fit.py": (*FITS, "arena"),
    "pools/mvff.py": ("MVFF",),
    "pools/bestfit.py": ("BestFit",),
    "pools/worstfit.py": ("WorstFit",),
    "pools/nextfit.py": ("NextFit",),
    "pools/lifofit.py": ("LIFOFit",),
    "pools/tagged.py": ("LIFOFit",),
    "pools/buddy.py": ("Buddy",),
    "pools/segfit.py": ("SegFit",),
    "pools/bins.py": ("SegFit",),
    "pools/slab.py": ("Slab",),
    "pools/heap.py": ("Slab",),
    "pools/orders.py": REGIONAL,
    "pools/regions.py": (*REGIONAL, "arena"),
    "pools/mfs.py": ("MFS", "MFS of pages", "arena"),
    "pools/mvt.py": ("MVT", "telemetry"),
    "pools/stock.py": ("MVT", "telemetry"),
    "pools/queue.py": ("MVT",),
    "pools/point.py": ("MVT", "telemetry"),
    "pools/segments.py": ("MVT", "telemetry"),
    "arena": ("face", "arena", "bootstrap", "telemetry", "MVFF"),
    "vm": ("memory", "face", "arena", "bootstrap", "telemetry", "MVFF", "Slab"),
}


def subjects(file):
    """What is tried for a mistake in `file`: {name: what makes a trial}."""
    names = SUBJECTS.get(file) or SUBJECTS[file.partition("/")[0]]
    return {name: maker(name) for name in dict.fromkeys((*names, "face"))}


def maker(name):
    """What makes the trials called `name`: a callable of no argument."""
    if name in TRIALS:
        return TRIALS[name]
    return trial_of({**LANDS, **POOLS, **OTHERS}[name])
