"""Headings: what a step of the bootstrap is for, in plain words."""

from rangeland.reports.names import measure, opening


def heading(fact, names):
    """What the step that `fact` enters is for."""
    e = fact.params
    tell = STEPS.get(e["step"])
    if "teardown" in fact.path:
        tell = UNDONE.get(e["step"], tell)
    return tell(e, names) if tell else f"{opening(e['step'])}."


STEPS = {
    "bootstrap": lambda e, n: f"An arena with {measure(e['size'])} of addresses comes into being.",
    "arena descriptor": lambda e, n: (
        f"The arena descriptor, {measure(e['size'])}: what the arena remembers."
    ),
    "arena fields": lambda e, n: "What the arena descriptor begins with.",
    "spare land": lambda e, n: "The spare land: what memory is free, but still mapped.",
    "chunk": lambda e, n: (
        f"A chunk of {measure(e['size'])}: addresses that the arena can give to pools."
    ),
    "free land": lambda e, n: "The free land: which addresses are free.",
    "control pool": lambda e, n: "The control pool: for all descriptors that are to come.",
    "globals": lambda e, n: "The first things that the control pool is good for.",
    "message table": lambda e, n: "The table of the types of messages.",
    "trace start": lambda e, n: "The message that a collection begins.",
    "trace message": lambda e, n: "The message that a collection has ended.",
    "lock": lambda e, n: "The arena's lock.",
    "default chain": lambda e, n: "The default chain, with two generations.",
    "control": lambda e, n: f"Ask the control pool for {measure(e['size'])}.",
    "control free": lambda e, n: f"Give {measure(e['size'])} back to the control pool.",
    "grains": lambda e, n: (
        f"{opening(n.pool(e['subject']))} asks the arena for {measure(e['size'])}."
    ),
    "free grains": lambda e, n: (
        f"{opening(n.pool(e['subject']))} gives {measure(e['size'])} back to the arena."
    ),
    "chunks": lambda e, n: "The chunks go, and what is still mapped in them.",
    "teardown": lambda e, n: "The arena goes: everything that was done is undone, backwards.",
    "first pool": lambda e, n: "A client makes the first pool of its own.",
    "first block": lambda e, n: (
        f"The client asks its pool for the first block, {measure(e['size'])}."
    ),
    "end of the pool": lambda e, n: "The client destroys its pool.",
}
# The same steps, when they are undone.
UNDONE = {
    "globals": lambda e, n: "What the arena itself has in the control pool goes back.",
    "control pool": lambda e, n: "The control pool gives all its memory back to the arena.",
    "free land": lambda e, n: "The free land goes: from now on nothing can be allocated.",
    "arena descriptor": lambda e, n: f"The arena descriptor goes, {measure(e['size'])}.",
    "message table": lambda e, n: "The table of the types of messages is freed.",
    "trace start": lambda e, n: "The message that a collection begins is freed.",
    "trace message": lambda e, n: "The message that a collection has ended is freed.",
    "lock": lambda e, n: "The arena's lock is freed.",
    "default chain": lambda e, n: "The default chain is freed.",
}
