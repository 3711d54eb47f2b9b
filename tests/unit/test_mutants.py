"""Mutants: what mistakes are made, how they are named, kept and asked about
(design/mutants.md)."""

import json

import pytest
from mutants import survey
from mutants.copy import ROOT, Copy, sources
from mutants.equivalents import PLACE, equivalents
from mutants.grammar import mutants
from mutants.mutant import Mutant
from mutants.results import Results
from mutants.stages import Stages

pytestmark = pytest.mark.once

SOURCE = '''"""Some text, 1 < 2."""


class Thing:
    """More."""

    def grow(self, size, most=8):
        """Even more."""
        if size >= most and not self.full:
            raise ParamError(f"size is {size + 1}")
        self.top -= size << 3
        self.put(size, most)
        while size:
            size = min(size, -self.top) - 1
            break
        return self.top

    def sure(self):
        return r.OK

    def unsure(self):
        if self.top:
            return r.OK
        return r.FAIL

    def check(self):
        assert self.top < 9, "a message"
'''


def changes(source=SOURCE):
    """(function, kind, old, new) of all that is made of a source."""
    found = mutants("land/thing.py", source)
    for mutant in found:
        assert mutant.made(source) != source and mutant.can_be_read(source)
    return [(m.function, m.kind, m.old, m.new) for m in found]


def test_what_mistakes_are_made():
    made = {(kind, new) for _, kind, _, new in changes()}
    assert made >= {
        ("constant", "def grow(self, size, most=9):"),
        ("constant", "def grow(self, size, most=7):"),
        ("negated", "if not (size >= most and not self.full):"),
        ("comparison", "if size > most and not self.full:"),
        ("logic", "if size >= most or not self.full:"),
        ("dropped", "pass"),
        ("arithmetic", "self.top += size << 3"),
        ("arithmetic", "self.top -= size >> 3"),
        ("swapped", "self.put(most, size)"),
        ("swapped", "size = max(size, -self.top) - 1"),
        ("arithmetic", "size = min(size, self.top) - 1"),
        ("negated", "while not (size):"),
        ("returned", "return 0"),
        ("returned", "return r.FAIL"),
    }


def test_none_are_made_in_what_tells_or_judges_and_in_what_is_always_ok():
    made = changes()
    assert not [m for m in made if m[0] in ("Thing.check", "Thing.sure")]
    assert not [m for m in made if "text" in m[3] or "size + 2" in m[3] or "message" in m[3]]
    assert [m for m in made if m[0] == "Thing.unsure" and m[1] == "returned"]


GUARDED = '''
class Thing:
    def damage(self, field, expected):
        found = self.words[field + 1]
        raise DamageError(f"{field} is {found}: expected {expected}")

    def first(self, at, field):
        n = self.place(at)
        if at & 7 or not self.base <= at < self.limit:
            return self.damage(field, "an address")
        if at > 9:
            self.count += 1
            return self.damage(field, "less")
        return n

    def place(self, at):
        return at >> 3

    def take(self, at):
        self.words[at] = 0
        return r.OK

    def sound(self):
        total = self.words[4] - 1
        for field in range(2, 5):
            if self.words[field] > total:
                self.damage(field, "no more")
        return r.OK

    def find(self, at, size):
        self.sound()
        where = size + 8
        if self.take(at) != r.OK:
            return self.damage(4, "a range")
        self.first(at, where)
        if size < 64:
            return self.first(at, size + 16)
        return self.damage(3, "a size")
'''


def test_none_are_made_in_what_only_tells_damage():
    made = changes(GUARDED)
    assert {function for function, *_ in made} == {"Thing.first", "Thing.place", "Thing.take", "Thing.find"}
    old = {(function, old) for function, _, old, _ in made}
    assert ("Thing.first", "if at > 9:") in old and ("Thing.first", "self.count += 1") in old
    assert ("Thing.first", "return n") in old and ("Thing.place", "return at >> 3") in old
    # What takes something away is no guard, and what is returned is asked for.
    assert ("Thing.find", "if self.take(at) != r.OK:") in old
    assert ("Thing.find", "return self.first(at, size + 16)") in old
    lines = {line for _, line in old}
    assert not {line for line in lines if "damage" in line or "& 7" in line or "where =" in line}
    assert "if size < 64:" not in lines


def test_none_are_made_that_make_the_same_number_or_that_nobody_reads():
    source = "def f(a):\n    return w[a + f.LEFT]\n\ndef g(a):\n    a.b = f(a)\n    g(2)\n    return a.b\n"
    made = changes(source + "\ndef h(a):\n    return power_of_two('a', a, least=8)\n\ndef k(a):\n    return -r.UNIMPL\n")
    news = {new for *_, new in made}
    assert "return w[a - f.LEFT]" not in news and "return w[a - f.RIGHT]" not in news
    assert not {new for function, _, _, new in made if function in ("g", "k") and "return" in new}
    assert {new for new in news if "least" in new} == {
        "return power_of_two('a', a, least=4)", "return power_of_two('a', a, least=16)",
    }  # fmt: skip


def test_equal_lines_have_names_of_their_own():
    twice = "def f(a):\n    a.b = 1\n    a.b = 1\n"
    keys = [m.key for m in mutants("vm/x.py", twice)]
    assert len(set(keys)) == len(keys) and any(key.endswith("(#2)") for key in keys)


def test_all_sources_have_mistakes_with_names_of_their_own():
    found = survey.all_mutants()
    assert len(found) > 5000 and len({m.key for m in found}) == len(found)
    assert {m.room for m in found} == {"vm", "land", "pools", "arena"}
    assert {m.file for m in found} <= set(sources())


def test_a_sample_is_the_same_for_a_seed_and_no_longer_than_what_there_is():
    found = survey.all_mutants(["vm/stack.py"])
    one = survey.drawn(found, 5, 1)
    assert one == survey.drawn(found, 5, 1) != survey.drawn(found, 5, 2)
    assert len(one) == 5 and len(survey.drawn(found, 10_000, 1)) <= len(found)


def test_each_equivalent_has_a_place_and_a_reason():
    known = {m.key for m in survey.all_mutants()}
    lost = [key for key in equivalents(PLACE) if key not in known]
    assert not lost


@pytest.mark.parametrize("text, told", [
    ("", "expected a reason"),
    ('reason = "because"\n[[mutant]]\nfile = "a"\nold = "b"\nnew = "c"\nreason = "again"\n', "twice"),
])  # fmt: skip
def test_equivalents_without_a_reason_and_twice_are_refused(text, told, tmp_path):
    place = tmp_path / "equivalent.toml"
    place.write_text(f'[[mutant]]\nfile = "a"\nold = "b"\nnew = "c"\n{text}')
    with pytest.raises(ValueError, match=told):
        equivalents(place)


def first():
    return survey.all_mutants(["pools/fit.py"])[0]


def test_what_is_known_is_kept_but_for_lines_that_were_cut_off_and_other_sources(tmp_path):
    place, mutant = tmp_path / "results.jsonl", first()
    Results(place).add(mutant, {"kit": "it is seen"}, 1.25)
    with open(place, "a") as file:
        file.write('{"key": "half')
    results = Results(place)
    assert results.of(mutant)["kit"] == "it is seen"
    results.add(mutant, {"kit": None, "suite": "a test"}, 1)
    assert Results(place).of(mutant)["suite"] == "a test"
    entry = json.loads(place.read_text().split("\n")[0]) | {"digest": "of other text"}
    place.write_text(json.dumps(entry) + "\n")
    assert Results(place).of(mutant) is None


def test_the_summary_counts_those_that_are_not_equivalent(tmp_path):
    found = survey.all_mutants(["vm/stack.py"])[:4]
    results = Results(tmp_path / "results.jsonl")
    told = ({"kit": "seen"}, {"kit": None, "recordings": "differs"}, {"kit": None, "suite": None})
    for mutant, noticed in zip(found, told):
        results.add(mutant, noticed, 1)
    results.known[found[3].key] = {"key": found[3].key}
    told = survey.summary(found, results, {found[3].key: "why"}, ["kit", "recordings", "suite"])
    assert (told["asked"], told["equivalent"], told["real"]) == (4, 1, 3)
    assert told["by"] == {"kit": 1, "recordings": 1, "suite": 0}
    assert told["nobody"] == [found[2].key]
    assert not survey.is_enough(told, survey.STAGES)
    assert "33.3%" in "\n".join(survey.lines(told))


@pytest.mark.parametrize("given", (
    ["--sample", "0"], ["--jobs", "0"], ["--budget", "0"], ["--only", "no/such"], ["--stages", "none"],
))  # fmt: skip
def test_options_that_make_no_sense_are_refused(given, capsys):
    with pytest.raises(SystemExit) as ended:
        survey.parsed(given)
    assert ended.value.code == 2 and "error:" in capsys.readouterr().err


def test_a_copy_is_as_the_root_again_after_a_mistake(tmp_path):
    copy, mutant = Copy(tmp_path), first()
    copy.mutate(mutant)
    place = tmp_path / mutant.file
    text = (ROOT / mutant.file).read_text()
    assert place.read_text() == mutant.made(text) != text
    copy.restore(mutant)
    assert place.read_text() == text


def test_the_kit_notices_a_mistake_and_nothing_where_there_is_none(tmp_path):
    copy = Copy(tmp_path)
    wrong = next(m for m in survey.all_mutants(["pools/worstfit.py"]) if m.kind == "returned")
    stages = Stages(copy, 0, 2.0)
    assert stages.ask("kit", wrong) is None
    noticed = survey.ask(stages, wrong, ["kit"])
    assert noticed["kit"], wrong
    assert stages.ask("kit", Mutant("pools/worstfit.py", "", "", 1, "", "", 0, 0, 0, "")) is None
