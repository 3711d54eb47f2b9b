"""The table of addresses, beside a dict."""

import tracemalloc

import numpy as np
import pytest

from rangeland.traces.addresses import LEAST, MOST_BLOCK, Addresses
from rangeland.traces.fields import ALLOC, FREE, NULL, REALLOC

TOP = (1 << 64) - 1


def addresses_of(kind, rng, count):
    """`count` addresses as programs, or an adversary, have them."""
    if kind == "near":
        return [0x5205040 + 16 * rng.randrange(count) for _ in range(count)]
    if kind == "pages":
        return [rng.randrange(count) << 12 for _ in range(count)]
    if kind == "edge":
        return [rng.choice((0, 1, TOP, TOP - 1, 1 << 63, (1 << 63) - 1)) for _ in range(count)]
    return [rng.randrange(1 << 64) for _ in range(count)]


@pytest.mark.parametrize("kind", ["near", "pages", "edge", "any"])
def test_it_is_as_a_dict(kind, rng):
    table, model = Addresses(), {}
    for step, address in enumerate(addresses_of(kind, rng, 3000)):
        deed = rng.choice("sssgpdi")
        if deed == "s":
            table[address] = model[address] = rng.choice((step, 0, MOST_BLOCK))
        elif deed == "p":
            assert table.pop(address) == model.pop(address, None)
        elif deed == "g":
            assert table.get(address) == model.get(address)
        elif deed == "i":
            assert (address in table) == (address in model)
        elif address in model:
            del table[address], model[address]
        else:
            with pytest.raises(KeyError):
                del table[address]
        assert (len(table), bool(table)) == (len(model), bool(model))
        if step % 100 == 0:
            table.check()
    assert table.blocks() == sorted(model.values())
    for address, block in model.items():
        assert table.get(address) == block
    table.clear()
    table.check()
    assert (len(table), table.blocks()) == (0, [])



@pytest.mark.parametrize("scattered", [0, 1 << 30, (1 << 31) - 1])
def test_addresses_that_all_have_one_home(scattered):
    alike = pow(0x61C88647, -1, 1 << 32) * scattered & 0xFFFFFFFF
    alike = [(high << 32) + (high ^ alike) for high in range(2 * LEAST)]
    table = Addresses()
    for block, address in enumerate(alike):
        table[address] = block
        table.check()
    for block, address in enumerate(alike):
        assert table.pop(address) == block
        table.check()


def naive(model, calls, made):
    """The blocks of the calls that a dict can do, one after the other."""
    ids = []
    for kind, old, address in calls:
        if kind == ALLOC and address not in model:
            model[address] = made
            ids.append(made)
            made += 1
        elif kind == FREE and old in model:
            ids.append(model.pop(old))
        elif kind == REALLOC and old in model and (old == address or address not in model):
            model[address] = block = model.pop(old)
            ids.append(block)
        elif kind == NULL:
            ids.append(0)
        else:
            break
    return ids


def test_many_calls_at_once(rng):
    table, model, made, stops = Addresses(), {}, 0, set()
    for _ in range(300):
        calls = []
        for _ in range(rng.randrange(40)):
            kind = rng.choice((ALLOC, ALLOC, FREE, REALLOC, NULL) + (-1,) * (rng.random() < 0.02))
            calls.append((kind, rng.randrange(1, 40), rng.randrange(1, 40)))
        ids = naive(model, calls, made)
        columns = [np.array([call[i] for call in calls], t) for i, t in enumerate(("i1", "i8", "i8"))]
        out = np.zeros(len(calls), np.uint32)
        limit = table.follow(*map(memoryview, (*columns, out)), 0, len(calls), made)
        assert out[:limit].tolist() == ids
        assert limit == len(calls) or calls[limit][0] in (ALLOC, FREE, REALLOC, -1)
        stops.add(calls[limit][0] if limit < len(calls) else None)
        made += sum(kind == ALLOC for kind, _, _ in calls[:limit])
        table.check()
        assert table.blocks() == sorted(model.values())
    assert stops == {None, ALLOC, FREE, REALLOC, -1}


@pytest.mark.parametrize("count", [20_000, 23_456])
def test_a_block_takes_at_most_17_bytes_also_while_the_table_grows(count):
    made = np.arange(1, count + 1) * 16
    columns = map(memoryview, (np.full(count, ALLOC, np.int8), made, made, np.zeros(count, np.uint32)))
    table = Addresses()
    tracemalloc.start()
    try:
        table.follow(*columns, 0, count, 0)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most <= 17 * count + 4096
