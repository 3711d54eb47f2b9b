"""Sizes as people write them."""

import pytest

from rangeland.sizes import EXPECTED, parse_size


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
