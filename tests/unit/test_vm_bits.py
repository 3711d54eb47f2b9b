"""Bit tables against a list of bools."""

from hypothesis import given
from hypothesis import strategies as st

from vm import bits
from vm import fields as f
from vm.bittable import BitTable
from vm.descriptor import VM
from vm.space import AddressSpace

LENGTH = 200
SPACE = AddressSpace(size=1 << 20, base=1 << 44, checked=True)
VM_ = VM(SPACE, SPACE.stack.push(f.VM_SIZE))
VM_.init(f.PAGE, f.PAGE)
VM_.map(VM_.base, VM_.limit)

RANGES = st.tuples(st.integers(0, LENGTH), st.integers(0, LENGTH)).map(sorted)
STEPS = st.lists(st.tuples(st.booleans(), RANGES), max_size=12)


def brute(model, lo, hi, value):
    """The first index of `value` in model[lo:hi], or hi."""
    return next((i for i in range(lo, hi) if model[i] == value), hi)


def fresh():
    SPACE.view(VM_.base, f.PAGE)[:] = b"\xaa" * f.PAGE
    table = BitTable(SPACE, VM_.base + 64, LENGTH)
    table.reset_range(0, LENGTH)
    return table


@given(STEPS, RANGES)
def test_a_bit_table_does_what_a_list_of_bools_does(steps, asked):
    table, model = fresh(), [False] * LENGTH
    for value, (lo, hi) in steps:
        if lo < hi:
            (table.set_range if value else table.reset_range)(lo, hi)
            model[lo:hi] = [value] * (hi - lo)
    assert [table.get(i) for i in range(LENGTH)] == model
    lo, hi = asked
    assert table.next_set(lo, hi) == brute(model, lo, hi, True)
    assert table.next_reset(lo, hi) == brute(model, lo, hi, False)
    around = bytes(SPACE.view(VM_.base, 64)), bytes(SPACE.view(VM_.base + 64 + 32, 64))
    assert around == (b"\xaa" * 64, b"\xaa" * 64), "nothing beside the table was written"


@given(st.integers(0, LENGTH - 1), st.integers(0, LENGTH))
def test_one_bit_is_found_wherever_it_is(bit, start):
    table = fresh()
    table.set_range(bit, bit + 1)
    assert table.next_set(start, LENGTH) == (bit if start <= bit else LENGTH)
    table.set_range(0, LENGTH)
    table.reset_range(bit, bit + 1)
    assert table.next_reset(start, LENGTH) == (bit if start <= bit else LENGTH)


def test_the_size_of_a_table_is_whole_words():
    assert [bits.table_size(n) for n in (0, 1, 64, 65, 128, 129)] == [0, 8, 8, 16, 16, 24]
