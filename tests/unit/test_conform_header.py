"""conform compares all that the header of a recording tells.

Source: design/conform.md#.req.all, design/conform.md#.sol.facts
"""

import pytest
from support.recordings import VECTORS, Recording

from rangeland.conform.facts import INPUTS, OBJECTS, told
from rangeland.conform.run import conform

# A recording of each kind, of each pool class, of each mode of a bootstrap.
NAMES = [
    "arena-frag",
    "mvff-default",
    "mfs-noself",
    "bootstrap-a28",
    "bootstrap-a24_mfs",
    "bootstrap-a28_mvff",
    "land-cbsfast",
    "land-freelist",
]
# The mappings are put where the header says: an address that is no multiple
# of a page is refused, and any other is that of the machine as well.
PLACES = ("arena.arena_vm.base", "arena.chunk0.base")
SIZES = {
    "block_sizes.cbs_plain",
    "block_sizes.cbs_fast",
    "block_sizes.cbs_zoned",
    "block_sizes.mfs_extent_ring",
}
ARENA = {
    "arena.class",
    "arena.os_page_size",
    "arena.zone_shift",
    *(f"arena.arena_vm.{key}" for key in ("base", "struct_size")),
    *(f"arena.chunk0.{key}" for key in ("base", "size", "reserved", "pages", "alloc_base_page")),
    *(f"arena.chunk0.{key}" for key in ("alloc_table", "page_desc_size")),
    *(f"arena.chunk0.{key}" for key in ("page_table", "page_table_pages")),
    *(f"arena.start.{key}" for key in ("committed", "reserved", "spare_committed", "free_zones")),
}
POOL = {"pool.serial", "pool.struct_size"}
TOLD = {
    "arena-frag": SIZES | ARENA,
    "mvff-default": SIZES | ARENA | POOL,
    "mfs-noself": SIZES | ARENA | POOL | {"pool.unit_size", "pool.extend_by"},
    "bootstrap-a28": SIZES | ARENA,
    "bootstrap-a24_mfs": SIZES | ARENA,
    "bootstrap-a28_mvff": SIZES | ARENA,
    "land-cbsfast": SIZES,
    "land-freelist": SIZES,
}
CHANGES = [(name, path) for name in NAMES for path in sorted(TOLD[name]) if path not in PLACES]


def place(tampered, path):
    """The object of the header that holds `path`, and the last key."""
    *keys, last = path.split(".")
    members = tampered.lines[0]
    for key in keys:
        members = members[key]
    return members, last


@pytest.mark.parametrize("name", NAMES)
def test_the_header_tells_these_facts(tmp_path, name):
    header = Recording(tmp_path, name, kept=1).lines[0]
    facts = told(header, ("block_sizes",) if name.startswith("land") else OBJECTS)
    assert facts.keys() == TOLD[name]
    assert not facts.keys() & INPUTS


@pytest.mark.parametrize("name, path", CHANGES, ids=":".join)
def test_any_fact_changed_by_one_is_told_at_line_1(tmp_path, name, path):
    tampered = Recording(tmp_path, name, kept=1)
    members, last = place(tampered, path)
    true = members[last]
    members[last] = true + 1 if isinstance(true, int) else f"{true}1"
    first = tampered.first()
    assert (first.line, first.before) == (1, [])
    assert first.came[-1][path] == true
    assert first.expected[-1][path] == members[last]


def test_only_the_facts_that_differ_are_told(tmp_path):
    tampered = Recording(tmp_path, "mvff-default", kept=20)
    tampered.lines[0]["arena"]["start"]["committed"] += 4096
    outcome = conform(tampered.write())
    assert outcome.mismatches == 1
    first = outcome.first
    assert first.came[:-1] == first.expected[:-1] == tampered.lines[0]["arena"]["control_log"]
    assert first.expected[-1] == {"arena.start.committed": 135168 + 4096}
    assert first.came[-1] == {"arena.start.committed": 135168}


@pytest.mark.parametrize("name", ["mvff-default", "bootstrap-a28"])
def test_a_fact_that_is_unknown_here_is_told(tmp_path, name):
    tampered = Recording(tmp_path, name, kept=2)
    tampered.lines[0]["arena"]["chunk0"]["colour"] = 7
    first = tampered.first()
    assert (first.line, first.came[-1]) == (1, {})
    assert first.expected[-1] == {"arena.chunk0.colour": 7}


def test_a_fact_that_is_not_told_is_not_compared(tmp_path):
    recorded = Recording(tmp_path, "mfs-noself", kept=100)
    del recorded.lines[0]["block_sizes"]
    del recorded.lines[0]["pool"]["struct_size"]
    assert conform(recorded.write()).mismatches == 0


@pytest.mark.parametrize("name", NAMES[:6])
@pytest.mark.parametrize("path", PLACES)
def test_a_mapping_can_only_lie_at_a_multiple_of_a_page(tmp_path, name, path):
    tampered = Recording(tmp_path, name, kept=1)
    members, last = place(tampered, path)
    members[last] += 1
    assert "(RESOURCE)" in tampered.refusal()


@pytest.mark.parametrize("name", NAMES)
def test_facts_that_are_no_object_are_refused(tmp_path, name):
    tampered = Recording(tmp_path, name, kept=2)
    tampered.lines[0]["block_sizes"] = 3
    why = "line 1: expected an object as 'block_sizes' of the header, found 3"
    assert tampered.refusal() == why


@pytest.mark.parametrize("key", ["committed", "reserved", "spare_committed", "free_zones"])
def test_a_bootstrap_that_does_not_tell_the_start_is_refused(tmp_path, key):
    tampered = Recording(tmp_path, "bootstrap-a28", kept=2)
    del tampered.lines[0]["arena"]["start"][key]
    assert tampered.refusal() == f"line 1: expected a header with 'arena.start.{key}'"


def test_a_bootstrap_counts_its_header(tmp_path):
    outcome = conform(VECTORS / "bootstrap-a20.jsonl.gz")
    assert (outcome.operations, outcome.mismatches) == (60, 0)
    tampered = Recording(tmp_path, "bootstrap-a20")
    number = tampered.find("VMInit")
    tampered.line(number)[1]["limit"][1] += 4096
    first = tampered.first()
    assert first.line == number
    (facts,) = first.before[0]
    assert facts == told(tampered.lines[0])
