"""Sparse arrays against a model: exactly the pages with an element in use are mapped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vm import bits, sparse
from vm import fields as f
from vm import results as r
from vm.descriptor import VM
from vm.faults import FaultPlan
from vm.space import AddressSpace

PAGE = f.PAGE


def new_array(element, length):
    """A sparse array in a VM of its own, its tables on the machine's stack."""
    space = AddressSpace(size=1 << 22, base=1 << 44, checked=True)
    vm = VM(space, space.stack.push(f.VM_SIZE))
    vm.init(element * length, PAGE)
    pages = (element * length + PAGE - 1) // PAGE
    address = space.stack.push(f.SPARSE_SIZE)
    in_use = space.stack.push(bits.table_size(length))
    mapped = space.stack.push(bits.table_size(pages))
    return sparse.init(space, address, vm.base, element, length, in_use, mapped, vm.address)


def touched(element, indexes):
    """The pages on which the elements `indexes` lie, the naive way."""
    return {byte // PAGE for i in indexes for byte in (i * element, (i + 1) * element - 1)}


@pytest.mark.parametrize("element", [8, 24, 96, 1000, 4096])
@given(data=st.data())
def test_a_sparse_array_maps_what_a_set_of_pages_says(element, data):
    length = 4 * PAGE // element + 3
    array, used = new_array(element, length), set()
    cuts = st.tuples(st.integers(0, length - 1), st.integers(1, length))
    for start, size in data.draw(st.lists(cuts, max_size=12)):
        lo, hi = start, min(length, start + size)
        state = lo in used
        while hi > lo and any((i in used) != state for i in range(lo, hi)):
            hi -= 1
        assert (array.unmap if state else array.map)(lo, hi) == r.OK
        used = used - set(range(lo, hi)) if state else used | set(range(lo, hi))
        pages = {p for p in range(array.pages.length) if array.pages.get(p)}
        assert pages == touched(element, used)
        assert array.vm.mapped == len(pages) * PAGE
        assert {i for i in range(length) if array.mapped.get(i)} == used
        array.check()


def test_an_element_that_comes_back_on_a_fresh_page_reads_as_zeros():
    array = new_array(96, 200)
    array.map(0, 200)
    array.space.view(array.base, 96 * 200)[:] = b"\xff" * 96 * 200
    array.unmap(0, 100)
    array.map(0, 100)
    assert bytes(array.space.view(array.base, PAGE)) == bytes(PAGE)
    assert bytes(array.space.view(array.base + 150 * 96, 96)) == b"\xff" * 96


def test_a_refused_mapping_changes_nothing():
    array = new_array(96, 200)
    array.map(0, 10)
    array.space.faults = FaultPlan().fail("mapping", nth=1)
    assert array.map(10, 100) == r.MEMORY
    assert array.mapped.next_set(10, 200) == 200 and array.vm.mapped == PAGE
    array.check()
    assert array.map(10, 100) == r.OK
    array.check()


def test_check_sees_a_page_that_is_mapped_for_nothing():
    array = new_array(96, 200)
    array.map(0, 10)
    array.mapped.reset_range(0, 10)
    with pytest.raises(AssertionError, match="a page is mapped if"):
        array.check()


def test_the_descriptor_has_64_bytes_and_a_handle_reads_them():
    array = new_array(96, 200)
    again = sparse.SparseArray(array.space, array.address)
    fields = ("base", "element", "length")
    assert [getattr(again, n) for n in fields] == [getattr(array, n) for n in fields]
    assert bytes(array.space.view(array.address, 4)) == b"SPRS" and f.SPARSE_SIZE == 64
