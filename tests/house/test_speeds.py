"""One source, two speeds: the twins agree, and every .pxd was applied."""

from importlib import import_module
from pathlib import Path

import pytest
from support.house import constants, functions, hot, members, module_name, sources

import vm
from rangeland import speed as speeds
from vm.speed import TWINS, hot_modules

TWIN_FILES = [p for p in sources(".pxd") if constants(p)]


@pytest.mark.parametrize("pxd", TWIN_FILES, ids=str)
def test_the_constants_of_twins_are_equal(pxd):
    module = import_module(module_name(pxd))
    for name, value in constants(pxd).items():
        assert getattr(module, name) == value, name


def test_there_are_twins_with_constants():
    found = {p.stem for p in TWIN_FILES}
    assert {"fields", "events", "results"} <= found <= TWINS


def test_what_is_installed_is_what_the_clone_has():
    installed = hot_modules(Path(vm.__file__).parents[1])
    assert installed == sorted(module_name(p) for p in hot())


@pytest.mark.parametrize("pxd", hot(), ids=str)
def test_the_file_of_a_hot_module_is_of_the_speed(pxd, speed):
    file = import_module(module_name(pxd)).__file__
    assert file.endswith(".so" if speed == "compiled" else ".py")


@pytest.mark.parametrize("pxd", hot(), ids=str)
def test_the_pxd_was_applied(pxd, speed):
    # A module compiled without its .pxd exports no C functions, its classes
    # are ordinary, and every method of theirs can be seen.
    module = import_module(module_name(pxd))
    exported = set(getattr(module, "__pyx_capi__", ()))
    assert exported == (set(functions(pxd)) if speed == "compiled" else set())
    for name, hidden in members(pxd).items():
        cls = getattr(module, name)
        assert is_extension_type(cls) == (speed == "compiled"), name
        visible = [n for n in hidden if n in dir(cls)]
        assert speed == "interpreted" or not visible, name
    assert functions(pxd) or members(pxd), f"{pxd} declares nothing that would show it"


def is_extension_type(cls):
    """True if Python cannot set an attribute of the class itself."""
    try:
        cls.probe = None
    except TypeError:
        return True
    del cls.probe
    return False


def test_the_name_of_the_speed_is_what_was_asked_for(speed):
    assert speeds.name() == speed


def test_forcing_interpreted_speed_is_seen_at_import(python):
    probe = "from rangeland import speed; import vm.bits; print(speed.name(), vm.bits.__file__)"
    result = python("-c", probe, env={"RANGELAND_INTERPRETED": "1"})
    assert result.stdout.startswith("interpreted ") and result.stdout.strip().endswith("bits.py")


def test_forcing_both_speeds_is_an_error(python):
    both = {"RANGELAND_INTERPRETED": "1", "RANGELAND_REQUIRE_COMPILED": "1"}
    result = python("-c", "import vm", env=both)
    assert result.returncode != 0
    assert "exclude each other" in result.stderr


def test_a_half_build_is_refused(monkeypatch, speed):
    odd = import_module("vm.bits")
    other = "bits.so" if speed == "interpreted" else "bits.py"
    monkeypatch.setattr(odd, "__file__", other)
    with pytest.raises(ImportError, match="half compiled"):
        speeds.name()
