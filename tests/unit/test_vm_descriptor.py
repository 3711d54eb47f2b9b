"""VM descriptors, which may lie anywhere, and boot blocks."""

import pytest

from vm import fields as f
from vm import results as r
from vm.boot import BootBlock
from vm.descriptor import VM
from vm.faults import FaultPlan
from vm.log import record
from vm.results import ProtocolError
from vm.space import AddressSpace

PAGE = f.PAGE


@pytest.fixture
def space():
    return AddressSpace(size=1 << 24, base=1 << 44, checked=True)


@pytest.fixture
def vm(space):
    vm = VM(space, space.stack.push(f.VM_SIZE))
    assert vm.init(10_000, 2 * PAGE) == r.OK
    return vm


def test_a_vm_is_rounded_and_aligned_to_its_grain(space, vm):
    assert vm.limit - vm.base == 4 * PAGE and vm.base % (2 * PAGE) == 0
    assert vm.reserved == space.reserved == 5 * PAGE
    assert (vm.mapped, vm.get(f.VM_PAGE_SIZE)) == (0, PAGE)
    vm.check()


def test_a_descriptor_is_56_bytes_that_can_be_read_in_a_dump(space, vm):
    raw = bytes(space.view(vm.address, f.VM_SIZE))
    assert raw.startswith(b"VM\0") and f.VM_SIZE == 56
    assert int.from_bytes(raw[24:32], "little") == vm.base


def test_a_handle_keeps_nothing_that_the_bytes_do_not_say(space, vm):
    vm.map(vm.base, vm.base + PAGE)
    again = VM(space, vm.address)
    assert (again.base, again.limit, again.mapped) == (vm.base, vm.limit, PAGE)
    again.check()


def test_a_descriptor_moves_into_its_own_memory_and_out_again(space, vm):
    vm.map(vm.base, vm.base + PAGE)
    inside = vm.copy(vm.base + 128)
    inside.map(vm.base + PAGE, vm.base + 2 * PAGE)
    assert (inside.mapped, vm.mapped) == (2 * PAGE, PAGE)
    outside = inside.copy(space.stack.push(f.VM_SIZE))
    outside.unmap(outside.base, outside.base + 2 * PAGE)
    outside.finish()
    assert (space.reserved, space.mapped) == (0, 0)
    assert space.word(outside.address) == 0, "a finished descriptor has no signature"
    with pytest.raises(AssertionError, match="signature"):
        outside.check()


def test_a_vm_with_mapped_memory_cannot_finish(space, vm):
    vm.map(vm.base, vm.base + PAGE)
    with pytest.raises(ProtocolError, match="still has mapped pages"):
        vm.finish()
    vm.check()
    assert space.reserved == vm.reserved


def test_refused_mappings_change_nothing(space, vm):
    space.faults = FaultPlan().fail("mapping", nth=1)
    assert vm.map(vm.base, vm.base + PAGE) == r.MEMORY
    assert (vm.mapped, space.mapped) == (0, 0)
    assert vm.map(vm.base, vm.base + PAGE) == r.OK
    vm.check()


def test_a_refused_reservation_writes_nothing(space):
    space.faults = FaultPlan().fail("reservation", nth=1)
    address = space.stack.push(f.VM_SIZE)
    assert VM(space, address).init(PAGE, PAGE) == r.RESOURCE
    assert bytes(space.view(address, f.VM_SIZE)) == bytes(f.VM_SIZE)
    assert space.reserved == 0


def test_check_sees_a_wrong_account(space, vm):
    vm.map(vm.base, vm.base + PAGE)
    space.view(vm.address + 8 * f.VM_MAPPED, 8)[:] = (2 * PAGE).to_bytes(8, "little")
    with pytest.raises(AssertionError, match="mapped counts"):
        vm.check()


def test_the_life_of_a_vm_is_told(space):
    vm = VM(space, space.stack.push(f.VM_SIZE))
    with record(["Arena", "Seg", "Step"]) as log:
        vm.init(PAGE, PAGE)
        vm.map(vm.base, vm.limit)
        copy = vm.copy(vm.base)
        base, limit = vm.base, vm.limit
        vm.unmap(base, limit)
        vm.finish()
    events = [(event.name, *event.params.values()) for event in log]
    assert events == [
        ("VMInit", vm.address, base, limit),
        ("VMReserve", vm.address, base, PAGE),
        ("VMMap", vm.address, base, limit),
        ("VMCopy", vm.address, copy.address),
        ("VMUnmap", vm.address, base, limit),
        ("VMFinish", vm.address),
    ]


@pytest.fixture
def boot(space):
    block = BootBlock(space, space.stack.push(f.BOOT_SIZE))
    block.init(1000, 1100)
    return block


def test_boot_allocation_goes_upwards_and_aligns(boot):
    assert boot.allocated == 0
    assert [boot.alloc(10, 8), boot.alloc(1, 1), boot.alloc(8, 16)] == [1000, 1010, 1024]
    assert boot.allocated == 32
    boot.check()


def test_boot_allocation_ends_at_its_limit(boot):
    assert boot.alloc(101, 1) == -r.MEMORY
    assert boot.alloc(100, 1) == 1000
    assert boot.alloc(1, 1) == -r.MEMORY
    assert boot.allocated == 100


def test_boot_allocation_is_told(boot):
    with record(["Step"]) as log:
        boot.alloc(10, 8)
        boot.alloc(1000, 8)
    told = [(event.name, event.params["base"], event.params["size"]) for event in log]
    assert told == [("BootAlloc", 1000, 10)]


def test_check_sees_a_broken_boot_block(space, boot):
    space.view(boot.address + 8 * f.BOOT_ALLOC, 8)[:] = (1101).to_bytes(8, "little")
    with pytest.raises(AssertionError, match="alloc is inside"):
        boot.check()
    space.view(boot.address, 8)[:] = bytes(8)
    with pytest.raises(AssertionError, match="signature"):
        boot.check()
