"""Labels: the names of structures, kept in their descriptors.

Source: design/vm.md#.sol.label
"""

from vm.results import ParamError, ParamTypeError

# What a descriptor has for a label: UTF-8, and zeros up to the end.
LABEL_SIZE = 40


def label_bytes(label):
    """The bytes of a label, a str. Raises: ParamTypeError; ParamError if there
    are too many, or zeros among them."""
    if not isinstance(label, str):
        raise ParamTypeError(f"label is {label!r}: expected a str, found {type(label).__name__}")
    try:
        text = label.encode()
    except UnicodeEncodeError as error:
        raise ParamError(f"label is {label!r}: expected text that UTF-8 can tell") from error
    if len(text) > LABEL_SIZE or 0 in text:
        raise ParamError(
            f"label is {label!r}, {len(text)} bytes: expected at most {LABEL_SIZE}, none of them 0"
        )
    return text


def write_label(space, address, text):
    """Write the label `text`, bytes, at `address`."""
    space.view(address, LABEL_SIZE)[:] = text.ljust(LABEL_SIZE, b"\0")


def read_label(space, address):
    """The label at `address`, whatever bytes lie there: a str."""
    return bytes(space.view(address, LABEL_SIZE)).rstrip(b"\0").decode(errors="replace")
