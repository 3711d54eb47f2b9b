"""The problems of the bootstrap: where each arises, and where it is solved.

Each is of a thing that is needed before it can be made. The first three are
those that the design of the MPS names. Source: design/bootstrap.md
"""

from rangeland.reports.facts import handler

DOCUMENT = "design/bootstrap.md"

# By number: what it is about, and why it is a problem.
PROBLEMS = {
    1: ("the VM descriptor", "a VM descriptor needs mapped memory, and mapping needs a descriptor"),
    2: (
        "the arena descriptor",
        "an arena has its memory from chunks, a chunk is entered in an arena's tree of chunks, and "
        "an arena is its descriptor, for which it has no memory yet",
    ),
    3: (
        "the nodes of the free land",
        "the free land must know of free addresses before any can be allocated; to know, it needs "
        "a node; and the memory for a node must be allocated",
    ),
    4: (
        "the nodes of the spare land",
        "the spare land needs nodes just when memory is freed, or when none is to be had, and "
        "freeing must not fail for want of memory",
    ),
    5: (
        "the control pool",
        "pool descriptors are blocks of the control pool, which is a pool and has a descriptor",
    ),
    6: (
        "the tables of the chunk",
        "the tables that tell which pages are allocated must be allocated in those pages",
    ),
}
# Each solution: the number of the problem, the tag, and what is done.
SOLUTIONS = {
    "stack": (1, ".sol.vm", "the descriptor began on the stack, and is now where it belongs"),
    "back": (1, ".sol.vm", "the descriptor leaves as it came, by the stack"),
    "arena": (2, ".sol.arena", "a small VM for the arena descriptor alone, outside all chunks"),
    "page": (3, ".sol.free", "the first back door: a page can be had without the free land"),
    "extent": (
        3,
        ".sol.mfs",
        "the second back door: a pool that may not extend itself takes memory from outside, and "
        "before that says LIMIT, where another would have asked the arena",
    ),
    "exclude": (
        3,
        ".sol.free.exclude",
        "the whole range went in first, and only now the page comes out of it: at its low end, "
        "where that takes no second node",
    ),
    "grain": (
        4,
        ".sol.spare",
        "its node pool never asks the arena; the first grain of what is freed becomes its extent",
    ),
    "embedded": (
        5,
        ".sol.control",
        "its descriptor, with that of its node pool, is a part of the arena descriptor",
    ),
    "boot": (
        6,
        ".sol.boot",
        "a boot block, on the stack, gives out the lowest addresses one after the other, mapped "
        "or not, and takes none back",
    ),
}


class Problems:
    """Tells problems and solutions along the facts of a log, in order."""

    def __init__(self, names):
        self._names = names
        self._seen = set()
        self._page = None
        self._inserted = None

    def at(self, fact):
        """The problem that arises at `fact`, and the solution found there:
        two dicts, or None for either."""
        rule = handler(self, fact.name)
        number, key = rule(fact.params, fact.path) if rule else (None, None)
        return self._problem(number), self._solution(key)

    def _problem(self, number):
        if number is None:
            return None
        again = number in self._seen
        self._seen.add(number)
        title, text = PROBLEMS[number]
        return {"number": number, "title": title, "text": text, "again": again}

    def _solution(self, key):
        if key is None:
            return None
        number, tag, text = SOLUTIONS[key]
        return {"problem": number, "text": text, "tag": f"{DOCUMENT}#{tag}"}

    # The rules: (number of the problem or None, key of the solution or None)

    def _vm_init(self, e, path):
        return 1 if self._names.region(e["vm"]) is None else None, None

    def _vm_copy(self, e, path):
        return None, "back" if self._names.region(e["target"]) is None else "stack"

    def _vm_map(self, e, path):
        return (2, "arena") if path[-1:] == ("arena descriptor",) else (None, None)

    def _boot_alloc(self, e, path):
        return (6, "boot") if e["what"] == "chunk descriptor" else (None, None)

    def _step_enter(self, e, path):
        if path[-1:] == ("bootstrap",):
            return {"spare land": 4, "control pool": 5}.get(e["step"]), None
        return None, None

    def _pool_init_mfs(self, e, path):
        return None, "grain" if path[-1:] == ("spare land",) else None

    def _pool_init_mvff(self, e, path):
        return None, "embedded" if path[-1:] == ("control pool",) else None

    def _land_insert(self, e, path):
        if not e["res"]:
            self._inserted = e["base"]
            return None, None
        return {"the free land": 3, "the spare land": 4}.get(self._names.land(e["land"])), None

    def _page_alloc(self, e, path):
        self._page = e["base"]
        return None, "page"

    def _pool_extend(self, e, path):
        known = self._names.pools.get(e["pool"])
        if known is None or known.extends:
            return None, None
        return None, "extent" if e["base"] == self._page else "grain"

    def _land_delete(self, e, path):
        page, self._page = self._page, None
        at_its_end = e["base"] == page == self._inserted
        return None, "exclude" if at_its_end else None
