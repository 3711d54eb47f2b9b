"""A compiled class does not tell how it is made, so its docstring does."""

import inspect

import pytest

import rangeland as rl


@pytest.mark.parametrize("kind", [rl.MVFF, rl.MFS, rl.AddressSpace], ids=lambda kind: kind.__name__)
def test_the_docstring_of_a_compiled_class_has_its_call(kind, speed):
    told = " ".join(kind.__doc__.split())
    # Compiled, nothing but the docstring knows the call.
    call = str(inspect.signature(kind)) if speed == "interpreted" else "("
    assert kind.__name__ + call in told
