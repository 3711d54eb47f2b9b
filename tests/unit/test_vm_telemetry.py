"""Telemetry: what is watched is told, in order, and can be read and written."""

import json
import os

import pytest

from vm import events as ev
from vm.log import kinds_mask, record
from vm.results import ParamError
from vm.telemetry import stream


def names(log):
    return [event.name for event in log]


def test_nothing_is_watched_until_recorded():
    assert stream.mask == 0
    stream.tell(ev.VM_FINISH, 8)
    with record() as log:
        assert stream.mask == ev.DEFAULT_KINDS == ev.MPS_KINDS & ~ev.REF & ~ev.OBJECT
        stream.tell(ev.VM_FINISH, 16)
    assert stream.mask == 0
    stream.tell(ev.VM_FINISH, 24)
    assert [event.params for event in log] == [{"vm": 16}] and len(log) == 1


def test_only_the_kinds_asked_for_are_told():
    with record(["Seg"]) as segs, record(ev.STEP) as steps:
        assert stream.mask == ev.SEG | ev.STEP
        stream.tell(ev.VM_MAP, 8, 4096, 8192)
        stream.tell(ev.VM_COPY, 8, 16)
        stream.tell(ev.VM_FINISH, 8)
    assert (names(segs), names(steps)) == (["VMMap"], ["VMCopy"])


def test_recording_ends_even_by_an_exception():
    with pytest.raises(RuntimeError), record():
        raise RuntimeError("stop")
    assert stream.mask == 0


def test_an_unknown_kind_is_refused_before_anything_is_watched():
    with pytest.raises(ParamError, match="no kind of event is named 'Segs'"), record(["Segs"]):
        pass
    assert stream.mask == 0
    assert kinds_mask(["Arena", "Pool"]) == ev.ARENA | ev.POOL
    assert kinds_mask("Arena") == ev.ARENA
    with pytest.raises(ParamError, match="named 'Aren'"):
        kinds_mask("Aren")
    assert kinds_mask([]) == 0 and kinds_mask(7) == 7


def test_labels_give_addresses_names():
    with record() as log:
        stream.label(0x1000, "first")
        stream.label(0x2000, "other")
        stream.label(0x1000, "second")
        stream.tell(ev.VM_INIT, 0x1000, 0x2000, 0x3000)
    assert log.labels == {0x1000: "second", 0x2000: "other"}
    assert names(log) == ["Intern", "LabelPointer"] * 3 + ["VMInit"]
    line = log.text().splitlines()[-1]
    assert "vm=0x1000[second] base=0x2000[other] limit=0x3000" in line


def test_labels_are_told_to_nobody_who_does_not_watch():
    with record(["Arena"]) as log:
        stream.label(0x1000, "unseen")
    assert len(log) == 0


def test_text_is_a_line_an_event_and_writes_each_sort_of_parameter():
    with record(ev.ALL_KINDS) as log:
        stream.enter("bootstrap", 0x10, 99)
        stream.tell(ev.ARENA_SET_SPARE, 0x10, 0.75)
        stream.tell(ev.POOL_INIT_MFS, 0x20, 4096, 0, 40)
        stream.tell(ev.ARENA_CREATE_VM, 0x10, 1, 2, 3, "VMArena", 4, 5)
        stream.leave("bootstrap", -3)
    text = log.text()
    assert text.count("\n") == len(log) == 5
    lines = [line.split(maxsplit=1)[1] for line in text.splitlines()]
    assert lines[0].split() == ["StepEnter", 'step="bootstrap"', "subject=0x10", "size=99"]
    assert lines[1].split() == ["ArenaSetSpare", "arena=0x10", "spare=0.75"]
    assert lines[2].endswith("extendBy=4096 extendSelf=false unitSize=40")
    assert "arenaClass=VMArena" in lines[3]
    assert lines[4].endswith("res=MEMORY")


def test_times_do_not_go_backwards():
    with record() as log:
        for _ in range(50):
            stream.tell(ev.VM_FINISH, 8)
    times = [event.time for event in log]
    assert times == sorted(times) and times[0] >= 0


def test_json_has_the_same_events(tmp_path):
    with record() as log:
        stream.label(0x1000, 'a "name"')
        stream.tell(ev.VM_INIT, 0x1000, 0x2000, 0x3000)
    path = tmp_path / "log.json"
    assert log.to_json(path) is None
    read = json.loads(path.read_text())
    assert read == json.loads(log.to_json()) == [event._asdict() for event in log]
    assert read[-1]["params"] == {"vm": 0x1000, "base": 0x2000, "limit": 0x3000}
    assert [p.name for p in tmp_path.iterdir()] == ["log.json"]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_json_has_the_mode_of_any_new_file(tmp_path, umask):
    with record() as log:
        stream.tell(ev.VM_FINISH, 8)
    before = os.umask(umask)
    try:
        log.to_json(tmp_path / "log.json")
    finally:
        os.umask(before)
    assert (tmp_path / "log.json").stat().st_mode & 0o777 == 0o666 & ~umask


def test_json_that_cannot_be_written_leaves_nothing(tmp_path):
    with record() as log:
        stream.tell(ev.VM_FINISH, 8)
    (tmp_path / "log.json").mkdir()
    with pytest.raises(OSError):
        log.to_json(tmp_path / "log.json")
    with pytest.raises(OSError):
        log.to_json(tmp_path / "nowhere" / "log.json")
    assert [p.name for p in tmp_path.iterdir()] == ["log.json"]


def test_every_type_of_event_is_whole():
    assert len(ev.BY_NAME) == len(ev.TYPES)
    for code, kind in ev.TYPES.items():
        assert kind.code == code and kind.kind in ev.KINDS.values()
        assert kind.params and all(sort in "PAWUSDBC" for _, sort in kind.params)
        assert (kind.kind == ev.STEP) == (code >= 0x100 and code != ev.POOL_RESIZE)
