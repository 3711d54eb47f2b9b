"""Words of the machine's own structures that cannot be what they are
(design/vm.md#.sol.damage)."""

import pytest

from vm import bits, sparse
from vm import fields as f
from vm.bittable import BitTable
from vm.boot import BootBlock
from vm.descriptor import VM
from vm.results import AccessError, DamageError, ProtocolError
from vm.space import AddressSpace
from vm.sparse import SparseArray

PAGE = f.PAGE
WORDS = (0, 1, -1, 8, 1 << 40, 1 << 61, 1 << 62, (1 << 63) - 1, -(1 << 63))


@pytest.fixture(params=[True, False], ids=["checked", "unchecked"])
def space(request):
    return AddressSpace(size=1 << 22, checked=request.param)


@pytest.fixture
def vm(space):
    vm = VM(space, space.stack.push(f.VM_SIZE))
    vm.init(16 * PAGE, PAGE)
    other = VM(space, space.stack.push(f.VM_SIZE))
    other.init(4 * PAGE, PAGE)
    return vm


@pytest.fixture
def array(space, vm):
    stack = space.stack
    address, used, pages = stack.push(f.SPARSE_SIZE), stack.push(256), stack.push(8)
    array = sparse.init(space, address, vm.base, 24, 2000, used, pages, vm.address)
    array.map(0, 200)
    return array


def write(space, address, field, word):
    space.words_at(address + 8 * field, 8)[0] = word


@pytest.mark.parametrize("field", range(f.VM_MAPPED))
def test_a_vm_descriptor_that_lies_is_told(space, vm, field):
    for word in WORDS:
        write(space, vm.address, field, word)
        with pytest.raises(DamageError, match=f"VM descriptor at {vm.address:#x}: word {field} is"):
            vm.check()
        with pytest.raises(DamageError):
            vm.finish()
    assert space.reserved == 20 * PAGE, "nothing was released"


def test_a_vm_descriptor_that_names_the_base_of_another_releases_nothing(space, vm):
    write(space, vm.address, f.VM_BASE, vm.base - 4 * PAGE)
    with pytest.raises(DamageError):
        vm.finish()
    assert space.reserved == 20 * PAGE


@pytest.mark.parametrize("word", [-1, -(1 << 63), 1 << 40, (1 << 63) - 1])
def test_mapped_bytes_that_cannot_be_are_told_before_anything_is_mapped(space, vm, word):
    vm.map(vm.base, vm.base + PAGE)
    write(space, vm.address, f.VM_MAPPED, word)
    for change, base in ((vm.map, vm.base + PAGE), (vm.unmap, vm.base)):
        with pytest.raises(DamageError, match="word 6 is"):
            change(base, base + PAGE)
    assert space.mapped == PAGE
    with pytest.raises(AssertionError):
        vm.check()


@pytest.mark.parametrize("field", [i for i in range(8) if i not in (f.SPARSE_MAPPED, f.SPARSE_PAGES)])
def test_a_sparse_array_that_lies_is_told_when_a_handle_is_made(space, array, field):
    for word in WORDS:
        write(space, array.address, field, word)
        with pytest.raises((DamageError, AccessError)):
            SparseArray(space, array.address)
        with pytest.raises(AssertionError):
            array.check()


def test_a_bit_table_that_is_elsewhere_is_told(space, array):
    for word in WORDS:
        write(space, array.address, f.SPARSE_MAPPED, word)
        with pytest.raises((DamageError, AccessError)):
            SparseArray(space, array.address).mapped.next_set(0, 2000)
        with pytest.raises(AssertionError, match="the one written"):
            array.check()


@pytest.mark.parametrize("lo, hi", [(-1, 1), (0, 129), (64, 64), (65, 64), (128, 129), (1 << 61, 1 << 62)])
def test_bits_that_a_table_has_not_are_refused(space, lo, hi):
    table = BitTable(space, space.stack.push(bits.table_size(128)), 128)
    for change in (table.set_range, table.reset_range):
        with pytest.raises(DamageError, match="expected some of 128"):
            change(lo, hi)
    assert table.next_set(0, 128) == 128
    assert table.next_reset(5, 5) == 5


@pytest.mark.parametrize("i", [-1, 128, 1 << 61])
def test_a_bit_that_a_table_has_not_is_refused(space, i):
    with pytest.raises(DamageError):
        BitTable(space, space.stack.push(16), 128).get(i)


@pytest.mark.parametrize("field", [f.BOOT_BASE, f.BOOT_ALLOC, f.BOOT_LIMIT])
@pytest.mark.parametrize("word", [-1, -(1 << 63)])
def test_a_boot_block_out_of_order_is_told(space, field, word):
    boot = BootBlock(space, space.stack.push(f.BOOT_SIZE))
    boot.init(space.base, space.base + PAGE)
    write(space, boot.address, field, word)
    with pytest.raises(DamageError, match="boot block"):
        boot.alloc(8, 8)
    with pytest.raises(AssertionError):
        boot.check()


def test_wild_addresses_have_no_pages(space):
    wild = (0, -8, -(1 << 63), space.nil, space.limit, 1 << 61, (1 << 63) - PAGE)
    for base in wild:
        for limit in wild:
            assert space.mapped_pages(base, limit) == 0
            stray = space.first_unmapped(base, limit)
            assert stray == limit or base <= stray < limit
    with pytest.raises(ProtocolError, match="no reservation holds"):
        space.reservation_block(space.base)


def test_a_pop_of_what_was_not_pushed_changes_nothing(space):
    top = space.stack.pointer
    with pytest.raises(AssertionError):
        space.stack.pop(8)
    assert space.stack.pointer == top
