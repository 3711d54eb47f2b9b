"""No byte is touched whose page is not mapped: what a stray access says."""

import pytest

from vm import fields as f
from vm.bittable import BitTable
from vm.boot import BootBlock
from vm.descriptor import VM
from vm.results import AccessError, LimitError
from vm.space import STACK_SIZE, AddressSpace

PAGE = f.PAGE


@pytest.fixture
def space():
    return AddressSpace(size=1 << 24, base=1 << 44, checked=True)


@pytest.fixture
def vm(space):
    """Four pages of which the two in the middle are mapped."""
    vm = VM(space, space.stack.push(f.VM_SIZE))
    vm.init(4 * PAGE, PAGE)
    vm.map(vm.base + PAGE, vm.base + 3 * PAGE)
    return vm


def test_first_unmapped_finds_the_first_stray_byte(space, vm):
    middle, end = vm.base + PAGE, vm.base + 3 * PAGE
    assert space.first_unmapped(middle, end) == end
    assert space.first_unmapped(middle + 8, middle + 16) == middle + 16
    assert space.first_unmapped(middle, end + 1) == end
    assert space.first_unmapped(vm.base + 8, end) == vm.base + 8
    assert space.first_unmapped(middle, vm.limit + PAGE) == end


def test_the_stack_and_the_page_of_nil_count_as_mapped(space):
    assert space.first_unmapped(space.nil, space.base) == space.base
    top = space.limit + STACK_SIZE
    assert space.first_unmapped(space.limit, top) == top
    assert space.first_unmapped(space.limit, top + 1) == space.limit
    assert space.first_unmapped(8, 16) == 8


def test_a_stray_access_names_the_address_its_page_and_the_owner(space, vm):
    stray = vm.base + 3 * PAGE
    with pytest.raises(AccessError) as caught:
        space.view(stray - 4, 16)
    message = str(caught.value)
    assert f"access to {stray:#x} (of 16 bytes at {stray - 4:#x})" in message
    assert f"its page {stray:#x}" in message
    assert f"belongs to the reservation [{vm.base:#x}, {vm.limit:#x})" in message


def test_a_stray_access_outside_all_reservations_belongs_to_nobody(space, vm):
    with pytest.raises(AccessError, match="belongs to nobody"):
        space.word(vm.base - 8)
    with pytest.raises(AccessError, match="access to 0x0 "):
        space.word(0)


def test_checked_mode_sees_the_accesses_of_the_structures(space, vm):
    table = BitTable(space, vm.base + 3 * PAGE - 8, 128)
    table.set_range(0, 64)
    for stray in (lambda: table.set_range(0, 65), lambda: table.get(64), vm_at(space, vm.base)):
        with pytest.raises(AccessError):
            stray()
    assert [table.get(i) for i in (0, 63)] == [1, 1]
    boot = BootBlock(space, vm.base)
    with pytest.raises(AccessError):
        boot.alloc(8, 8)


def vm_at(space, address):
    return lambda: VM(space, address).check()


def test_the_stack_grows_downwards_gives_zeros_and_ends(space):
    stack = space.stack
    first = stack.push(64)
    assert first == space.limit + STACK_SIZE - 64
    space.view(first, 64)[:] = b"\xff" * 64
    stack.pop(64)
    assert bytes(space.view(stack.push(64), 64)) == bytes(64)
    with pytest.raises(LimitError, match="no room for"):
        stack.push(STACK_SIZE)
    stack.pop(64)
    with pytest.raises(AssertionError):
        stack.pop(8)
