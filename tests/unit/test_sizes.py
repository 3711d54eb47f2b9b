"""Sizes as people write them."""

import pytest

from rangeland.sizes import EXPECTED, parse_real, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("64K", 65536),
        ("64k", 65536),
        ("3m", 3 << 20),
        ("1G", 1 << 30),
        ("2T", 2 << 40),
        ("9" * 20 + "T", int("9" * 20) << 40),
    ],
)
def test_digits_and_a_letter(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    ["", "K", "-1", "+1", "1.5M", "64KK", "64KB", "64 K", " 64", "64\n", "1_000", "1P"]
    + ["9" * 21, "\u0663", "\uff16\uff14K", "64\u212a"],
)
def test_anything_else_is_no_size(text):
    with pytest.raises(ValueError) as refused:
        parse_size(text)
    assert str(refused.value) == EXPECTED == "a size such as 4096, 64K, 256M, 1G or 1T"


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("2", 2), ("0.75", 0.75), (".5", 0.5), ("1.", 1), ("1e-3", 0.001)]
)
def test_a_number(text, number):
    assert parse_real(text) == number


@pytest.mark.parametrize(
    "text",
    ["", ".", "-1", "+1", "1_0", "nan", "inf", "infinity", " 1", "1\n", "1e", "0x1", "1e999", "\u0663"],
)
def test_anything_else_is_no_number(text):
    with pytest.raises(ValueError, match="^a number such as 2, 0.5 or 1e-3$"):
        parse_real(text)
