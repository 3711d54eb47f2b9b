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


WILD = (0, -1, 8, -8, 1 << 40, 1 << 61, 1 << 62, (1 << 63) - 8, -(1 << 63), -(1 << 61))


@pytest.mark.parametrize("checked", [True, False])
def test_an_access_outside_the_machine_is_refused_in_every_mode(checked):
    space = AddressSpace(size=1 << 20, checked=checked)
    top = space.limit + STACK_SIZE
    for address in (*WILD, space.nil - 8, space.nil - 1, top, top - f.BOOT_SIZE + 8):
        vm = VM(space, address)
        with pytest.raises(AccessError, match="outside the machine|not mapped"):
            vm.get(f.VM_BASE)
        with pytest.raises(AccessError):
            BootBlock(space, address).alloc(8, 8)
    # The last bytes of the machine, with and without a tag, are inside.
    assert VM(space, top - f.VM_SIZE).get(f.VM_BASE) == 0
    assert VM(space, top - f.VM_SIZE + 7).get(f.VM_BASE) == 0


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("length", [1 << 61, 1 << 62, (1 << 63) - 1])
def test_a_size_from_a_garbled_word_is_refused(checked, length):
    space = AddressSpace(size=1 << 20, checked=checked)
    table = BitTable(space, space.limit, length)
    with pytest.raises(AccessError):
        table.next_set(0, length)


def test_the_message_of_a_wild_access_names_address_and_size():
    space = AddressSpace(size=1 << 20)
    with pytest.raises(AccessError, match=r"access to -0x8 \(of 56 bytes\): outside the machine"):
        VM(space, -8).get(f.VM_BASE)


def test_check_sees_that_somebody_wrote_to_the_nil_page(space):
    space.check()
    space.bytes[100] = 1
    with pytest.raises(AssertionError, match="nil page"):
        space.check()
