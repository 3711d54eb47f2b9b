"""Result codes, exceptions and the checks of arguments."""

import numpy
import pytest

from vm import results as r
from vm.fields import signature


@pytest.mark.parametrize(
    ("code", "error", "also"),
    [
        (r.FAIL, r.ProtocolError, ValueError),
        (r.RESOURCE, r.ResourceError, MemoryError),
        (r.MEMORY, r.MappingError, MemoryError),
        (r.LIMIT, r.LimitError, MemoryError),
        (r.COMMIT_LIMIT, r.CommitLimitError, MemoryError),
        (r.PARAM, r.ParamError, ValueError),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_code_becomes_its_exception(code, error, also, sign):
    failed = r.failure(sign * code, "it failed")
    assert type(failed) is error and isinstance(failed, (also, r.RangelandError))
    assert isinstance(failed, also) and isinstance(failed, r.RangelandError)
    assert str(failed) == f"it failed ({r.NAMES[code]})"


def test_every_code_has_its_name():
    for code, name in enumerate(r.NAMES):
        assert getattr(r, name) == code


@pytest.mark.parametrize("value", [5, numpy.int64(5), numpy.uint8(5)])
def test_integers_of_any_make_are_taken(value):
    taken = r.integer("size", value, least=5, most=5)
    assert taken == 5 and type(taken) is int


@pytest.mark.parametrize("value", [True, 5.0, "5", None, b"5", numpy.float64(5)])
def test_what_is_no_integer_is_refused_by_name(value):
    with pytest.raises(r.ParamTypeError, match="^size is .*: expected an int, found ") as caught:
        r.integer("size", value)
    assert isinstance(caught.value, (TypeError)) and isinstance(caught.value, ValueError)


def test_bounds_are_told():
    with pytest.raises(r.ParamError, match="size is 4: expected at least 5"):
        r.integer("size", 4, least=5)
    with pytest.raises(r.ParamError, match="size is 6: expected at most 5"):
        r.integer("size", 6, most=5)


@pytest.mark.parametrize("value", [0, 1, 0.5, 1.0])
def test_fractions(value):
    assert r.fraction("spare", value) == value and type(r.fraction("spare", value)) is float


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf")])
def test_what_is_no_fraction_is_refused(value):
    with pytest.raises(r.ParamError, match="spare is .*: expected a number from 0 to 1"):
        r.fraction("spare", value)


@pytest.mark.parametrize("value", [True, "0.5", None])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(r.ParamTypeError):
        r.fraction("spare", value)


def test_powers_of_two():
    assert [r.power_of_two("align", n) for n in (1, 2, 4096, 1 << 40)] == [1, 2, 4096, 1 << 40]
    for bad in (0, 3, 4097, -2):
        with pytest.raises(r.ParamError, match="align is"):
            r.power_of_two("align", bad)
    with pytest.raises(r.ParamError, match="at least 8"):
        r.power_of_two("align", 4, least=8)


def test_signatures_can_be_read_in_a_dump():
    assert signature("CBS").to_bytes(8, "little") == b"CBS\0\0\0\0\0"
