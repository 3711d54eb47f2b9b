"""The machine: reservations, placement, mapping, and what the system sees."""

import pytest

from vm import fields as f
from vm.descriptor import VM
from vm.results import ParamError, ParamTypeError, ProtocolError, ResourceError
from vm.space import AddressSpace

PAGE = f.PAGE
BASE = 1 << 44
MIB = 1 << 20


@pytest.fixture
def space():
    return AddressSpace(size=256 * MIB, base=BASE)


def new_vm(space, size, grain=PAGE):
    """A VM descriptor on the machine's stack, initialised."""
    vm = VM(space, space.stack.push(f.VM_SIZE))
    assert vm.init(size, grain) == 0
    return vm


def test_a_new_machine_has_nothing_reserved(space):
    assert (space.base, space.limit, space.size) == (BASE, BASE + 256 * MIB, 256 * MIB)
    assert (space.reserved, space.mapped, len(space.reservations)) == (0, 0, 0)
    space.check()


def test_by_default_a_machine_is_large_and_its_addresses_are_never_0():
    space = AddressSpace()
    assert space.size == 1 << 37 and space.nil > 0


def test_new_reservations_go_below_older_ones(space):
    first = space.reserve(8 * PAGE)
    second = space.reserve(PAGE)
    assert first == space.limit - 8 * PAGE and second == first - PAGE
    assert space.reserved == 9 * PAGE
    space.check()


def test_an_aligned_reservation_counts_what_was_set_aside_to_align_it(space):
    base = space.reserve(MIB, MIB)
    assert base % MIB == 0 and space.reserved == 2 * MIB - PAGE
    block = space.reservation_block(base)
    assert block <= base and base + MIB <= block + space.reserved


def test_a_released_gap_is_taken_again_if_it_holds(space):
    bases = [space.reserve(4 * PAGE) for _ in range(3)]
    space.release(bases[1])
    assert space.reserved == 8 * PAGE
    assert space.reserve(5 * PAGE) == bases[2] - 5 * PAGE
    assert space.reserve(2 * PAGE) == bases[1] + 2 * PAGE
    assert space.reserve(2 * PAGE) == bases[1]
    space.check()


def test_a_reservation_that_does_not_fit_fails_and_changes_nothing(space):
    assert space.reserve(257 * MIB) == -2
    assert space.reserve(256 * MIB) == BASE
    assert space.reserve(PAGE) == -2
    assert space.reserved == 256 * MIB


def test_placement_says_where_and_then_ends():
    bases = [BASE + MIB, BASE + 8 * MIB]
    space = AddressSpace(size=256 * MIB, base=BASE, placement=bases)
    assert [space.reserve(MIB) for _ in range(3)] == [*bases, space.limit - MIB]


def test_placement_may_be_a_function_of_the_size():
    space = AddressSpace(size=256 * MIB, base=BASE, placement=lambda size: BASE + size)
    assert space.reserve(2 * MIB) == BASE + 2 * MIB
    assert space.reserve(MIB) == BASE + MIB


@pytest.mark.parametrize("bad", [BASE - PAGE, BASE + 256 * MIB, BASE + MIB + PAGE])
def test_placement_where_nothing_fits_fails(bad):
    space = AddressSpace(size=256 * MIB, base=BASE, placement=[bad])
    assert space.reserve(MIB, MIB) == -2 and space.reserved == 0


def test_recorded_addresses_can_be_repeated():
    base = 0x7FFF_E000_0000
    space = AddressSpace(size=1 << 40, base=0x7F00_0000_0000, placement=[base])
    vm = new_vm(space, MIB)
    assert vm.base == base and vm.map(base, base + PAGE) == 0
    space.view(base, 8)[:] = b"recorded"
    assert bytes(space.view(base, 8)) == b"recorded"


def test_reserve_at_takes_just_these_addresses(space):
    assert space.reserve_at(BASE + MIB, MIB) == BASE + MIB
    assert space.reserved == MIB
    for base, size in [(BASE + MIB, PAGE), (BASE + MIB - PAGE, 2 * PAGE), (BASE, 256 * MIB)]:
        with pytest.raises(ResourceError, match="is not vacant"):
            space.reserve_at(base, size)
    assert space.reserve_at(BASE + 2 * MIB, PAGE) == BASE + 2 * MIB
    space.check()


@pytest.mark.parametrize("base", [BASE - PAGE, BASE + 256 * MIB, PAGE])
def test_reserve_at_outside_the_machine_fails(space, base):
    with pytest.raises(ResourceError):
        space.reserve_at(base, PAGE)


def test_release_wants_the_base_of_a_reservation_without_mapped_pages(space):
    vm = new_vm(space, 4 * PAGE)
    vm.map(vm.base + PAGE, vm.base + 2 * PAGE)
    with pytest.raises(ProtocolError, match="still has mapped pages"):
        space.release(vm.base)
    vm.unmap(vm.base + PAGE, vm.base + 2 * PAGE)
    with pytest.raises(ProtocolError, match="no reservation begins"):
        space.release(vm.base + PAGE)
    space.release(vm.base)
    with pytest.raises(ProtocolError, match="no reservation begins"):
        space.release(vm.base)
    assert space.reserved == 0


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"size": 0}, ParamError),
        ({"size": PAGE + 1}, ParamError),
        ({"size": "1"}, ParamTypeError),
        ({"size": 4096.0}, ParamTypeError),
        ({"size": True}, ParamTypeError),
        ({"base": 0}, ParamError),
        ({"base": -PAGE}, ParamError),
        ({"base": PAGE + 8}, ParamError),
        ({"base": 1 << 62}, ParamError),
    ],
)
def test_a_machine_refuses_odd_sizes_and_bases(arguments, error):
    with pytest.raises(error):
        AddressSpace(**arguments)


def test_no_room_for_a_machine_is_a_memory_error():
    with pytest.raises(MemoryError, match="no room for an address space"):
        AddressSpace(size=1 << 61)


def test_a_remapped_page_reads_as_zeros(space):
    vm = new_vm(space, 4 * PAGE)
    vm.map(vm.base, vm.limit)
    space.view(vm.base, 4 * PAGE)[:] = b"\xff" * 4 * PAGE
    vm.unmap(vm.base + PAGE, vm.base + 3 * PAGE)
    assert space.mapped == 2 * PAGE
    vm.map(vm.base + PAGE, vm.base + 3 * PAGE)
    content = bytes(space.view(vm.base, 4 * PAGE))
    assert content == b"\xff" * PAGE + bytes(2 * PAGE) + b"\xff" * PAGE
    space.check()


@pytest.mark.parametrize(("first", "last"), [(0, 2), (1, 3), (2, 4), (0, 4), (1, 2)])
def test_mapping_what_is_mapped_is_a_protocol_error(space, first, last):
    vm = new_vm(space, 4 * PAGE)
    vm.map(vm.base + PAGE, vm.base + 3 * PAGE)
    with pytest.raises(ProtocolError, match="is not unmapped"):
        vm.map(vm.base + first * PAGE, vm.base + last * PAGE)
    assert space.mapped == vm.mapped == 2 * PAGE
    vm.check()


def test_unmapping_what_is_not_mapped_is_a_protocol_error_and_changes_nothing(space):
    vm = new_vm(space, 4 * PAGE)
    vm.map(vm.base + PAGE, vm.base + 3 * PAGE)
    with pytest.raises(ProtocolError, match=f"page {vm.base:#x} .* is not mapped"):
        vm.unmap(vm.base, vm.base + 2 * PAGE)
    assert space.mapped == vm.mapped == 2 * PAGE
    vm.check()
    space.check()


@pytest.mark.parametrize(
    ("base", "limit"), [(0, 1), (1, PAGE + 1), (0, 0), (PAGE, 0), (0, 5 * PAGE)]
)
def test_only_whole_pages_of_one_reservation_can_be_mapped(space, base, limit):
    vm = new_vm(space, 4 * PAGE)
    with pytest.raises(ProtocolError, match="is not whole pages of one reservation"):
        vm.map(vm.base + base, vm.base + limit)
    assert space.mapped == 0


def test_mapped_pages_are_counted_across_words_of_the_table(space):
    vm = new_vm(space, 300 * PAGE)
    for page in (*range(0, 10), 63, 64, *range(120, 260)):
        vm.map(vm.base + page * PAGE, vm.base + (page + 1) * PAGE)
    assert space.mapped_pages(vm.base, vm.limit) == 152
    assert space.mapped_pages(vm.base + 5 * PAGE, vm.base + 65 * PAGE) == 7
    assert vm.mapped == 152 * PAGE


def test_resident_size_follows_what_is_mapped(space):
    vm = new_vm(space, 128 * MIB)
    before = space.resident()
    vm.map(vm.base, vm.base + 64 * MIB)
    assert space.resident() - before < 4 * MIB, "mapping alone makes nothing resident"
    view = space.view(vm.base, 64 * MIB)
    view[::PAGE] = b"x" * (64 * MIB // PAGE)
    filled = space.resident() - before
    assert abs(filled - 64 * MIB) < 4 * MIB
    vm.unmap(vm.base, vm.base + 32 * MIB)
    assert abs(space.resident() - before - 32 * MIB) < 4 * MIB
    vm.unmap(vm.base + 32 * MIB, vm.base + 64 * MIB)
    assert space.resident() - before < 4 * MIB


def test_words_and_views_show_the_same_bytes(space):
    vm = new_vm(space, PAGE)
    vm.map(vm.base, vm.limit)
    space.view(vm.base + 8, 8)[:] = (-2).to_bytes(8, "little", signed=True)
    assert space.word(vm.base + 8) == -2
    with pytest.raises(ParamError, match="multiple of 8"):
        space.word(vm.base + 4)
    with pytest.raises(ParamTypeError):
        space.view(1.5, 8)
    with pytest.raises(ParamError):
        space.view(vm.base, -1)


def test_two_machines_do_not_see_each_other():
    one, two = AddressSpace(size=MIB, base=BASE), AddressSpace(size=MIB, base=BASE)
    for space, content in ((one, b"1"), (two, b"2")):
        vm = new_vm(space, PAGE)
        vm.map(vm.base, vm.limit)
        space.view(vm.base, 1)[:] = content
    assert bytes(one.view(one.limit - PAGE, 1)) == b"1"
    assert bytes(two.view(two.limit - PAGE, 1)) == b"2"
