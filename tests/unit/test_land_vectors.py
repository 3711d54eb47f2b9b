"""The recorded range sets, line for line (design/land.md#.test.vectors)."""

import gzip
import json
from pathlib import Path

import pytest

from land.failover import Failover
from support.lands import machine, make, mapped
from vm import results as r
from vm.results import AllocationError, ProtocolError

VECTORS = Path(__file__).parents[1] / "vectors"
PAGE = 4096


def read(path):
    with gzip.open(path, "rt") as lines:
        header = json.loads(next(lines))
        return header, [json.loads(line) for line in lines]


class Driver:
    """A land made as a header says; its ranges are offsets."""

    def __init__(self, header):
        land = header["land"]
        self.space = machine()
        self.offset = land["base"] or mapped(self.space, -land["span"] // PAGE * -PAGE)
        self.land = make(
            land["class"].partition("(")[0],
            self.space,
            land["align"],
            land["block_limit"],
            getattr(r, land["block_limit_res"]),
            header["arena"]["zone_shift"],
        )

    def out(self, pair):
        return [pair[0] - self.offset, pair[1] - self.offset]

    def result(self, operation):
        """What a line would say of `operation`, a call without arguments."""
        try:
            found = operation()
        except AllocationError as error:
            return [error.result]
        except ProtocolError:
            return ["FAIL"]
        if found is None:
            return [None]
        if isinstance(found[0], tuple):
            return [self.out(found[0]), self.out(found[1])]
        return [self.out(found)]

    def run(self, line):
        """The line as our land would have written it."""
        kind, *rest = line
        return getattr(self, "run_" + kind)(*rest)

    def run_i(self, base, limit, *_):
        o = self.offset
        return ["i", base, limit, *self.result(lambda: self.land.insert(base + o, limit + o))]

    def run_d(self, base, limit, *_):
        o = self.offset
        result = self.result(lambda: self.land.delete(base + o, limit + o))
        if isinstance(result[0], str) and result[0] != "FAIL":
            result.append(self.out((self.land.found_base, self.land.found_limit)))
        return ["d", base, limit, *result]

    def find(self, kind, name, size, mode):
        method = getattr(self.land, name)
        return [kind, size, mode, *self.result(lambda: method(size, mode.lower()))]

    def run_ff(self, size, mode, *_):
        return self.find("ff", "find_first", size, mode)

    def run_fl(self, size, mode, *_):
        return self.find("fl", "find_last", size, mode)

    def run_fg(self, size, mode, *_):
        return self.find("fg", "find_largest", size, mode)

    def run_fz(self, size, zones, high, *_):
        result = self.result(lambda: self.land.find_in_zones(size, zones, high))
        return ["fz", size, zones, high, *result]

    def run_itdel(self):
        self.land.iterate_and_delete(lambda base, limit: (base - self.offset >> 6) % 3 == 0)
        return ["itdel"]

    def flat(self, land):
        return [edge - self.offset for pair in land for edge in pair]

    def run_it(self, size, *lists):
        self.land.check()
        if isinstance(self.land, Failover):
            both = (self.land.primary, self.land.secondary)
            return ["it", self.land.size, *map(self.flat, both)]
        return ["it", self.land.size, self.flat(self.land)]


FILES = sorted(VECTORS.glob("land-*.jsonl.gz"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.split(".")[0])
def test_recorded_land(path):
    header, lines = read(path)
    driver = Driver(header)
    for number, line in enumerate(lines, 2):
        assert driver.run(line) == line, f"line {number}"
    assert len(lines) > 1000


def test_every_recorded_class_is_here():
    assert len(FILES) == 9
