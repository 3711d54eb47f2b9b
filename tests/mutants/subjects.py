"""What the kit tries for a mistake: the standard trials, by the file that it is in.

Nothing here knows of any one mistake. Those trials come first that look at the
file most closely; they take turns.
"""

from functools import partial

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
    "MFS of large units": lambda arena: rl.MFS(arena, 5000, extend_by=1),
    "SortedLand": rl.SortedLand,
    "SortedLand of the highest": lambda: rl.SortedLand(highest=True),
}
TRIALS = {
    "agreement": AgreementTrial,
    "stealing": StealingTrial,
    "arena": ArenaTrial,
    "bootstrap": BootstrapTrial,
    "telemetry": TelemetryTrial,
    "memory": MemoryTrial,
}
FITS = ("MVFF", "BestFit", "WorstFit", "NextFit")
REGIONAL = ("Buddy", "SegFit", "Slab")
ALL_LANDS = (*LANDS, "stealing", "agreement")
ALL_MFS = tuple(name for name in OTHERS if name.startswith("MFS"))
ALL_POOLS = (*POOLS, *ALL_MFS, "arena")
# By the file, or by its folder.
SUBJECTS = {
    "land": ALL_LANDS,
    "land/sized.py": ("BestFit", "CBSFast"),
    "land/sizetree.py": ("BestFit",),
    "land/fasttree.py": ("CBSFast", "NextFit", "MVFF", "Failover", "WorstFit"),
    "land/zonedtree.py": ("CBSZoned", "agreement", "arena"),
    "land/zones.py": ("CBSZoned", "agreement", "arena"),
    "land/sorted.py": ("SortedLand", "SortedLand of the highest", "agreement"),
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
    "pools/bins.py": ("SegFit", "arena"),
    "pools/slab.py": ("Slab",),
    "pools/heap.py": ("Slab",),
    "pools/orders.py": REGIONAL,
    "pools/regions.py": (*REGIONAL, "arena"),
    "pools/mfs.py": (*ALL_MFS, "arena"),
    "pools/mvt.py": ("MVT", "telemetry"),
    "pools/stock.py": ("MVT", "telemetry"),
    "pools/queue.py": ("MVT",),
    "pools/point.py": ("MVT", "telemetry"),
    "pools/segments.py": ("MVT", "telemetry"),
    "arena": ("arena", "bootstrap", "telemetry", "MVFF"),
    "vm": ("memory", "arena", "bootstrap", "telemetry", "MVFF", "Slab"),
}


# The classes whose face is in a file: elsewhere it is that of all.
FACES = {
    "pools/fit.py": FITS,
    "pools/tagged.py": ("LIFOFit",),
    "pools/listed.py": ("LIFOFit",),
    "pools/bins.py": ("SegFit",),
    "pools/heap.py": ("Slab",),
    "pools/regions.py": REGIONAL,
    "pools/orders.py": REGIONAL,
    **{f"pools/{name}.py": ("MVT",) for name in ("stock", "queue", "point", "segments")},
    **{f"pools/{name.lower()}.py": (name,) for name in (*POOLS, "MFS")},
}


def subjects(file):
    """What is tried for a mistake in `file`: {name: what makes a trial}."""
    names = SUBJECTS.get(file) or SUBJECTS[file.partition("/")[0]]
    makers = {name: maker(name) for name in names}
    kinds = FACES.get(file)
    return makers | {"face": partial(FaceTrial, ("pools",), kinds) if kinds else FaceTrial}


def maker(name):
    """What makes the trials called `name`: a callable of no argument."""
    if name in TRIALS:
        return TRIALS[name]
    return trial_of({**LANDS, **POOLS, **OTHERS}[name])
