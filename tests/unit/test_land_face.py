"""The public face of the lands: what it returns and what it refuses."""

import pytest

from land.cbs import CBS, CBSFast, CBSZoned
from land.failover import Failover
from land.freelist import Freelist
from support.lands import FINDING, NAMES, PAGE, machine, make, mapped, node_source
from vm import events as ev
from vm.results import ParamError, ParamTypeError, ProtocolError

SPACED = (0, 64, 128)


@pytest.fixture
def space():
    return machine()


@pytest.fixture
def base(space):
    return mapped(space, 4 * PAGE)


@pytest.fixture(params=NAMES)
def land(request, space):
    return make(request.param, space)


def fill(land, base, sizes):
    """Insert a range of each size, 256 apart from `base` on."""
    for i, size in enumerate(sizes):
        land.insert(base + 256 * i, base + 256 * i + size)


def test_adjacent_ranges_are_one(land, base):
    assert land.insert(base + 64, base + 128) == (base + 64, base + 128)
    assert land.insert(base + 192, base + 256) == (base + 192, base + 256)
    assert land.insert(base + 32, base + 64) == (base + 32, base + 128)
    assert land.insert(base + 128, base + 160) == (base + 32, base + 160)
    assert land.insert(base + 160, base + 192) == (base + 32, base + 256)
    assert list(land) == [(base + 32, base + 256)]
    assert land.size == 224 and len(land) == 1 and land
    land.check()


def test_delete_gives_the_range_that_contained_it(land, base):
    land.insert(base, base + 256)
    assert land.delete(base, base + 8) == (base, base + 256)
    assert land.delete(base + 248, base + 256) == (base + 8, base + 256)
    assert land.delete(base + 64, base + 72) == (base + 8, base + 248)
    assert list(land) == [(base + 8, base + 64), (base + 72, base + 248)]
    assert land.delete(base + 8, base + 64) == (base + 8, base + 64)
    assert land.delete(base + 72, base + 248) == (base + 72, base + 248)
    assert list(land) == [] and land.size == 0 and len(land) == 0 and land
    land.check()


@pytest.mark.parametrize("lo, hi", [(64, 128), (72, 80), (0, 72), (120, 200), (0, 256)])
def test_an_overlapping_insert_changes_nothing(land, base, lo, hi):
    land.insert(base + 64, base + 128)
    with pytest.raises(ProtocolError, match="overlaps"):
        land.insert(base + lo, base + hi)
    assert list(land) == [(base + 64, base + 128)] and land.size == 64
    land.check()


@pytest.mark.parametrize("lo, hi", [(0, 8), (56, 72), (120, 136), (0, 256), (200, 208)])
def test_a_delete_of_what_is_not_there_changes_nothing(land, base, lo, hi):
    land.insert(base + 64, base + 128)
    with pytest.raises(ProtocolError, match="not inside one range"):
        land.delete(base + lo, base + hi)
    assert list(land) == [(base + 64, base + 128)] and land.size == 64


def test_an_error_says_what_was_found(space, base):
    land = make("CBS", space)
    land.insert(base, base + 64)
    with pytest.raises(ProtocolError) as caught:
        land.insert(base + 8, base + 16)
    assert f"[{base:#x}, {base + 64:#x})" in str(caught.value)
    with pytest.raises(ProtocolError, match="found nothing"):
        land.delete(base + 64, base + 72)


@pytest.mark.parametrize("pair", [(8, 8), (16, 8), (-8, 8), (4, 8), (8, 12), (8, 1 << 63)])
def test_ranges_that_are_none_are_refused(land, pair):
    for method in (land.insert, land.delete, land.insert_steal, land.delete_steal):
        with pytest.raises(ParamError):
            method(*pair)


@pytest.mark.parametrize("pair", [(8.0, 16), (8, "16"), (None, 8), (True, 8)])
def test_ranges_that_are_not_ints_are_refused(land, pair):
    for method in (land.insert, land.delete):
        with pytest.raises(ParamTypeError):
            method(*pair)


@pytest.mark.parametrize("name", FINDING)
def test_sizes_and_modes_are_checked(space, name):
    land = make(name, space)
    for method in (land.find_first, land.find_last, land.find_largest):
        for size in (0, -8, 12, 1 << 63):
            with pytest.raises(ParamError):
                method(size)
        with pytest.raises(ParamTypeError):
            method(8.0)
        for mode in ("LOW", "", 1, None, []):
            with pytest.raises(ParamError, match="expected one of"):
                method(8, mode)
    assert land.find_first(8) is land.find_last(8) is land.find_largest(8) is None


@pytest.mark.parametrize("name", FINDING)
@pytest.mark.parametrize("mode", ["none", "low", "high", "entire"])
def test_a_find_deletes_what_its_mode_says(space, base, name, mode):
    land = make(name, space)
    fill(land, base, (16, 64, 128, 64, 8))
    whole = (base + 256, base + 320)
    part = {"low": (base + 256, base + 288), "high": (base + 288, base + 320)}.get(mode, whole)
    before = land.size
    assert land.find_first(32, mode) == (part, whole)
    assert land.size == before - (part[1] - part[0]) * (mode != "none")
    assert land.find_last(72, "entire") == ((base + 512, base + 640),) * 2
    assert land.find_last(64, "low")[0] == (base + 768, base + 832)
    land.check()


@pytest.mark.parametrize("name", FINDING)
def test_of_equally_large_ranges_one_is_taken(space, base, name):
    land = make(name, space)
    fill(land, base, (64, 128, 128, 128, 64))
    which = 3 if name == "Freelist" else 1
    whole = (base + 256 * which, base + 256 * which + 128)
    assert land.find_largest(64) == (whole, whole)
    assert land.find_largest(136) is None
    part = whole if name == "Freelist" else (whole[0] + 64, whole[1])
    assert land.find_largest(64, "high") == (part, whole)
    assert land.size == 64 + 128 * 3 + 64 - (part[1] - part[0])


def test_a_search_in_zones(space):
    land = make("CBSZoned", space, align=4096, zone_shift=12)
    base, stripe = 1 << 30, 4096
    land.insert(base, base + 16 * stripe)
    zones = 0b0110_1110
    assert land.zone_shift == 12
    assert land.find_in_zones(2 * stripe, zones) == (
        (base + stripe, base + 3 * stripe),
        (base, base + 16 * stripe),
    )
    assert land.find_in_zones(2 * stripe, zones, high=True)[0] == (
        base + 5 * stripe,
        base + 7 * stripe,
    )
    assert land.find_in_zones(2 * stripe, zones) is None
    assert land.find_in_zones(stripe, 0) is None
    assert land.find_in_zones(2 * stripe, 1) is None
    universal = (1 << 64) - 1
    assert land.find_in_zones(stripe, universal)[0] == (base, base + stripe)
    assert land.find_in_zones(stripe, universal, high=True)[0][1] == base + 16 * stripe
    assert land.find_in_zones(64 * stripe, universal >> 1) is None
    land.check()
    for zones in (-1, 1 << 64):
        with pytest.raises(ParamError):
            land.find_in_zones(stripe, zones)


def test_what_a_class_lacks_it_says(space):
    cbs, fast = make("CBS", space), make("CBSFast", space)
    for call in (cbs.find_first, cbs.find_last, cbs.find_largest):
        with pytest.raises(ProtocolError, match="a CBS has no find_"):
            call(8)
    with pytest.raises(ProtocolError, match="a CBSFast has no find_in_zones"):
        fast.find_in_zones(8, 1)


def test_iterate_and_delete(land, base):
    fill(land, base, (8, 16, 24, 32))
    seen = []

    def visit(lo, hi):
        seen.append((lo - base, hi - lo))
        return hi - lo in (8, 24)

    land.iterate_and_delete(visit)
    assert seen == [(0, 8), (256, 16), (512, 24), (768, 32)]
    assert [hi - lo for lo, hi in land] == [16, 32] and land.size == 48
    land.check()


def test_a_visitor_may_not_use_the_land(land, base):
    fill(land, base, (8, 8))
    calls = [
        lambda lo, hi: land.insert(base + 8, base + 16),
        lambda lo, hi: land.delete(lo, hi),
        lambda lo, hi: land.iterate_and_delete(lambda *_: True),
    ]
    if type(land).__name__ != "CBS":
        calls.append(lambda lo, hi: land.find_first(8, "low"))
    for call in calls:
        with pytest.raises(ProtocolError, match="visitor"):
            land.iterate_and_delete(call)
    assert land.size == 16
    assert land.delete(base, base + 8), "the land can be used again"


def test_describe_names_class_size_and_ranges(land, base):
    land.insert(base, base + 24)
    text = land.describe()
    assert text.startswith(type(land).__name__) and "size 24" in text
    assert f"[{base:#x}, {base + 24:#x}) 24" in text
    assert text.count("\n") == 2


def test_a_land_is_rebuilt_from_its_bytes(space, base):
    for name in ("CBS", "CBSFast", "CBSZoned"):
        land = make(name, space, zone_shift=9)
        fill(land, base, (8, 16, 24))
        again = type(land)(space, land.address, land.nodes)
        again.delete(base, base + 8)
        assert list(land) == list(again) and len(land) == 2 and again.align == 8
        again.check()
    freelist = make("Freelist", space)
    fill(freelist, base, (8, 16, 24))
    assert list(Freelist(space, freelist.address)) == list(freelist) != []


def test_a_handle_wants_a_descriptor_of_its_class(space):
    fast = make("CBSFast", space)
    for cls in (CBS, CBSZoned):
        with pytest.raises(ParamError, match="expected the signature"):
            cls(space, fast.address, fast.nodes)
    fast.finish()
    with pytest.raises(ParamError, match="found 0x0"):
        CBSFast(space, fast.address, fast.nodes)


@pytest.mark.parametrize("align", [0, 4, 12, -8, 8.0])
def test_alignments_are_checked(space, align):
    at = mapped(space, PAGE)
    with pytest.raises(ParamError):
        CBS.init(space, at, node_source(space, "CBS"), align)
    with pytest.raises(ParamError):
        Freelist.init(space, at, align)


def test_zone_shifts_are_checked(space):
    for shift in (-1, 57, 1.5):
        with pytest.raises(ParamError):
            CBSZoned.init(space, mapped(space, PAGE), node_source(space), 8, 0, shift)


def test_every_new_land_is_told_of(space):
    told = []
    space.telemetry.attach(listener := lambda code, params: told.append((code, *params)), ev.POOL)
    try:
        at = mapped(space, PAGE)
        cbs = CBSFast.init(space, at, node_source(space), 8, 0x1230)
        freelist = Freelist.init(space, at + 128, 8, 0x1238)
        both = Failover.init(space, at + 256, cbs, freelist, 0x1240)
    finally:
        space.telemetry.detach(listener)
    expected = [(at, 0x1230), (at + 128, 0x1238), (at + 256, 0x1240)]
    assert told == [(ev.LAND_INIT, *pair) for pair in expected]
    assert (cbs.owner, freelist.owner, both.owner) == (0x1230, 0x1238, 0x1240)
