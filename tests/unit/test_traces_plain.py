"""Pickles of plain values: read as the standard library reads them, and refused if they are not plain."""

import collections
import pickle
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rangeland.traces.formats import plain
from rangeland.traces.formats.plain import MOST_DEPTH, Forgotten, load_plain
from rangeland.traces.formats.plain_bytes import PickleError
from rangeland.traces.formats.plain_memo import GONE

# Nothing here is ever compiled.
pytestmark = pytest.mark.once

LEAVES = st.none() | st.booleans() | st.integers(-(1 << 80), 1 << 80) | st.text() | st.floats(
    allow_nan=False
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner)
    | st.dictionaries(st.text() | st.integers(), inner)
    | st.lists(inner, max_size=4).map(tuple),
    max_leaves=30,
)


@given(VALUES, st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_plain_values_are_read_as_the_library_reads_them(value, protocol):
    assert load_plain([pickle.dumps(value, protocol)]) == value


@given(st.binary(max_size=30), st.integers(0, 255))
def test_bytes_and_many_values_kept(data, count):
    value = [data] * 3 + [{str(n): (n, [n])} for n in range(count + 200)] * 2
    assert load_plain([pickle.dumps(value, 4)]) == value


class Evil:
    """Its pickle would run a command."""

    def __reduce__(self):
        return (eval, ("1 + 1",))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Evil(), "eval"),
        (collections.OrderedDict, "collections.OrderedDict"),
        (collections.Counter("ab"), "collections.Counter"),
        (pickle.PickleError("x"), "PickleError"),
    ],
)
def test_a_class_is_refused_by_its_name(value, name, protocol):
    with pytest.raises(PickleError, match=f"the class .*{name}"):
        load_plain([pickle.dumps({"a": [value]}, protocol)])


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "the end, though the pickle goes on"),
        (b"\x80\x04]", "the end, though the pickle goes on"),
        (b"\x80", "the end, though 1 bytes more are promised"),
        (b".", "more or less than one value at the end"),
        (b"NN.", "more or less than one value at the end"),
        (b"(N.", "more or less than one value at the end"),
        (b"\xff", "no operation of a pickle"),
        (b"NR.", r"a call \(REDUCE\)"),
        (b"Nb.", r"the state of an object \(BUILD\)"),
        (b"Pabc\n.", r"an object kept elsewhere \(PERSID\)"),
        (b"\x82\x01.", r"a class by its code \(EXT1\)"),
        (b"ios\nsystem\n.", "the class os.system"),
        (b"cos\nsystem\n.", "the class os.system"),
        (b"cos", "the end within a line"),
        (b"\x8f.", "a set"),
        (b"\x96" + struct.pack("<Q", 1 << 40) + b".", "a bytearray"),
        (b"\x8d" + struct.pack("<Q", 1 << 40) + b".", "the end, though 1099511627776 bytes more"),
        (b"\x8b" + struct.pack("<i", -1) + b".", "the end, though -1 bytes more"),
        (b"\x8a\xff" + bytes(255) + b".", "a number of 255 bytes"),
        (b"X\x01\x00\x00\x00\xff.", "a string that is not UTF-8"),
        (b"V\\ud\n.", "a string that is badly escaped"),
        (b"I12x\n.", "no number"),
        (b"I" + b"1" * 5000 + b"\n.", "no number"),
        (b"Fx\n.", "no number"),
        (b"gx\n.", "no number"),
        (b"h\x07.", r"a value that was never kept \(7\)"),
        (b"j\x07\x00\x00\x00.", r"a value that was never kept \(7\)"),
        (b"j\x07", "the end, though 4 bytes more"),
        (b"q\x01.", "a value missing on the stack"),
        (b"0.", "a value missing on the stack"),
        (b"N\x86.", "a value missing on the stack"),
        (b"(\x85.", "a value missing on the stack"),
        (b"e.", "the end of a container without its beginning"),
        (b"N(Ne.", "items for a list, but none to put them in"),
        (b"}(Nu.", "a key without a value"),
        (b"N(NNu.", "items for a dict, but none to put them in"),
        (b"}(NNN" b"u.", "a key without a value"),
        (b"}]Ns.", "a key that is a list"),
        (b"}N\x85Ns.", "a key that is a tuple"),
    ],
)
def test_each_damage_is_told(data, found):
    with pytest.raises(PickleError, match=found):
        load_plain([data])


def test_depth_is_bounded_and_deep_values_are_no_keys():
    deep = b"N" + b"\x85" * 100_000
    assert isinstance(load_plain([deep + b"."]), tuple)
    with pytest.raises(PickleError, match="a key that is a tuple"):
        load_plain([b"}" + deep + b"Ns."])
    with pytest.raises(PickleError, match="more than 1000 deep"):
        load_plain([b"(" * (MOST_DEPTH + 1)])


def test_a_great_index_takes_no_memory():
    assert load_plain([b"Nr\xff\xff\xff\xff."]) is None


def test_containers_are_counted(monkeypatch):
    monkeypatch.setattr(plain, "MOST_CONTAINERS", 9)
    with pytest.raises(PickleError, match="more than 9 containers"):
        load_plain([b"]" * 10 + b"."])
    assert load_plain([b"]0" * 9 + b"N."]) is None


@given(st.binary(max_size=60))
def test_whatever_the_bytes_are_it_is_a_value_or_an_error(data):
    try:
        load_plain([b"\x80\x04(" + data])
    except PickleError:
        pass


def test_values_in_the_making_are_bounded(monkeypatch):
    monkeypatch.setattr(plain, "MOST_STACK", 9)
    with pytest.raises(PickleError, match="more than 9 values in the making"):
        load_plain([b"N" * 10_000 + b"."])


def test_different_strings_are_bounded(monkeypatch):
    monkeypatch.setattr(plain, "MOST_TEXT", 9)
    assert load_plain([pickle.dumps(["abcd", "efgh"])]) == ["abcd", "efgh"]
    with pytest.raises(PickleError, match="different strings of more than 9 bytes"):
        load_plain([pickle.dumps(["abcd", "efghijk"])])


def test_numbers_out_of_turn_are_bounded(monkeypatch):
    monkeypatch.setattr(plain, "MOST_FAR", 3)
    far = [b"Nr" + struct.pack("<I", 10_000 * n) for n in range(1, 6)]
    assert load_plain([b"".join(far[:1]) + b"."]) is None
    with pytest.raises(PickleError, match="more than 3 values kept out of their turn"):
        load_plain([b"(" + b"".join(far) + b"t."])


@pytest.mark.parametrize("count", [1023, 1024, 1025, 5000, 100_000])
@pytest.mark.parametrize("size", [1, 100, 70_000])
def test_a_long_string_is_cut_and_what_follows_is_read(count, size):
    data = pickle.dumps(["\u00e4" * count, 7], 4)
    text, seven = load_plain(data[at : at + size] for at in range(0, len(data), size))
    assert (text, seven) == ("\u00e4" * min(count, 512), 7)


@given(VALUES, st.integers(0, pickle.HIGHEST_PROTOCOL), st.integers(1, 50))
def test_pieces_of_any_size_say_the_same(value, protocol, size):
    data = pickle.dumps(value, protocol)
    assert load_plain(data[at : at + size] for at in range(0, len(data), size)) == value


def test_only_the_values_of_keys_asked_for_are_kept():
    value = {"a": {"b": [1], "c": [2]}, "d": (1, 2), 5: "x"}
    assert load_plain([pickle.dumps(value)], {"a", "b", "d"}) == {"a": {"b": [1], "c": None}, "d": (), 5: None}


def test_a_container_that_is_not_remembered_is_gone():
    once = [1]
    assert load_plain([pickle.dumps([once, once])], remember=False) == [once, GONE]
    assert load_plain([pickle.dumps([once, once])]) == [once, once]
    with pytest.raises(Forgotten):
        load_plain([b"]\x940h\x00(Ne."], remember=False)


def test_of_keys_that_do_not_matter_a_hundred_are_told():
    value = {n: n for n in range(200)} | {"a": 1}
    assert load_plain([pickle.dumps(value)], {"a"}) == {n: None for n in range(100)} | {"a": 1}


def test_more_different_strings_than_two_bytes_can_count():
    value = [str(n) for n in range(70_000)]
    assert load_plain([pickle.dumps([value, value[::-1]], 4)]) == [value, value[::-1]]
