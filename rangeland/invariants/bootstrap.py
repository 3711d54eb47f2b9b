"""BootstrapTrial: creations of arenas that may be refused at any point.

Source: design/stress.md#.sol.bootstrap
"""

from arena.arena import Arena
from rangeland.invariants.finding import Broken
from rangeland.invariants.raw import audit, layout
from rangeland.invariants.spaces import SpaceTrial
from rangeland.invariants.trial import described, own_check
from rangeland.invariants.whole import expect_gone
from vm import events as ev
from vm.results import AllocationError, ParamError
from vm.telemetry import stream

PAGE = 4096
SIZES = (1, 1, 1 << 18, 1 << 19, 1 << 19, 1 << 20, 1 << 20, 1 << 22, 1 << 27)
GRAINS = (4096, 4096, 16384, 65536, 1 << 20)
MOST_ARENAS = 3
FAULTS = ("reservation", "mapping", "node")
# What an arena refused for each kind of fault is expected to raise; that it
# says RESOURCE, too, is right where the space itself is full.
RAISED = {"reservation": "RESOURCE", "mapping": "MEMORY", "node": "MEMORY"}
VM_BYTES = 56


class BootstrapTrial(SpaceTrial):
    """One run of creations of arenas in one space.

    Steps: begin; reserve, release (addresses that nobody maps); refuse,
    relent; create, destroy. At a refusal the exception must be the right one,
    and nothing be left; an arena that comes into being is judged whole.
    """

    cost = 5
    # Small enough that an arena may find no addresses.
    space_size = 1 << 27

    def __init__(self):
        super().__init__()
        self.number = 0
        self.held, self.arenas = {}, {}
        self.copies = 0

    def choose(self, rng):
        """The next step at random."""
        if self.space is None:
            return ("begin", rng.random() < 0.5)
        self.number += 1
        name = rng.choice(("create", "create", "create", "refuse", "destroy", "reserve", "release"))
        if name == "create" and len(self.arenas) == MOST_ARENAS:
            name = "destroy"
        if name == "reserve":
            return name, self.number, rng.choice((1, 2, 16, 4096, 16384))
        if name == "refuse":
            if self.plan is not None:
                return ("relent",)
            return name, rng.choice(FAULTS), rng.randint(1, 14), rng.choice((1, 1, 2, 1000))
        if name == "create":
            limit = rng.choice((None, None, rng.randrange(60), 1 << 20))
            size, grain = rng.choice(SIZES), rng.choice(GRAINS)
            return name, self.number, size, grain, rng.random() < 0.7, limit
        known = {"destroy": self.arenas, "release": self.held}[name]
        return name, rng.choice(list(known) or [0])

    def do(self, step):
        """Do and judge one step; whatever it is, there is a space."""
        if self.space is None and step[0] != "begin":
            self.do_begin(True)
        self.trouble = None
        done = super().do(step)
        if self.trouble:
            raise self.trouble
        return done

    def listen(self, code, params):
        """An event of a creation: a VM descriptor is copied as it is (V7),
        and what is mapped reads as zeros."""
        if code == ev.VM_COPY:
            source, target = params
            self.copies += 1
            if self.space.view(source, VM_BYTES) != self.space.view(target, VM_BYTES):
                told = f"the VM descriptor at {source:#x} is another at {target:#x}"
                self.trouble = self.trouble or Broken("vm-copy", told)
        super().listen(code, params)

    # Steps

    def do_begin(self, checked):
        """The space."""
        if self.space is not None:
            return False
        self.script.add(*self._make_space(checked))
        return True

    def do_reserve(self, number, pages):
        """Addresses that somebody else set aside."""
        if number in self.held or pages < 1:
            return False
        self.script.begin(f"held{number} = space.reserve({pages * PAGE})")
        base = self.space.reserve(pages * PAGE)
        if base < 0:
            self.script.undo()
            return False
        self.held[number] = base
        return True

    def do_release(self, number):
        """Give such addresses back."""
        if number not in self.held:
            return False
        self.script.begin(f"space.release(held{number})")
        self.space.release(self.held.pop(number))
        return True

    def do_create(self, number, size, grain_size, zoned, limit):
        """An arena, with a commit limit of so many grains, or none."""
        if number in self.arenas:
            return False
        limit = None if limit is None else limit * grain_size
        options = f"{size}, grain_size={grain_size}, zoned={zoned}, commit_limit={limit}"
        self.script.begin(f"arena{number} = rl.Arena({options}, space=space)")
        before = self._marks()
        refused = dict(self.plan.refused) if self.plan else {}
        self.copies = 0
        stream.attach(self._listener, ev.ALL_KINDS)
        try:
            arena = Arena(
                size, grain_size=grain_size, zoned=zoned, commit_limit=limit, space=self.space
            )
        except ParamError:
            self.script.undo()
            return False
        except AllocationError as error:
            self._expect_reason(error, refused, limit, size, grain_size)
            self.script.refused()
            self._expect_unwound(before, error)
            return True
        finally:
            stream.detach(self._listener)
        self.arenas[number] = arena
        self._judge_new(arena, number, limit)
        return True

    def do_destroy(self, number):
        """Destroy an arena: what it had is given back, and no more."""
        if number not in self.arenas:
            return False
        arena = self.arenas.pop(number)
        expected = self.space.reserved - arena.reserved, self.space.mapped - arena.committed
        self.script.begin(f"arena{number}.destroy()")
        arena.destroy()
        left = self.space.reserved, self.space.mapped
        if left != expected:
            proof = f"assert (space.reserved, space.mapped) == {expected}"
            raise Broken("teardown", f"{left} bytes are reserved and mapped, not {expected}", proof)
        return True

    # Judgements

    def _marks(self):
        space = self.space
        held = [(r.block, r.limit, r.base) for r in space.reservations.values()]
        return space.reserved, space.mapped, space.stack.pointer, held

    def _expect_reason(self, error, refused, limit, size, grain_size):
        """There is a reason for the refusal, and it is the one given."""
        reasons = {
            RAISED[kind] for kind, count in refused.items() if self.plan.refused[kind] > count
        }
        if limit is not None:
            reasons.add("COMMIT_LIMIT")
        if self._may_be_full(max(size, 64 * grain_size) + 3 * grain_size):
            reasons.add("RESOURCE")
        if error.result not in reasons:
            expected = " or ".join(sorted(reasons)) or "no refusal"
            raise Broken("raises", f"{described(error)}: expected {expected}") from error

    def _may_be_full(self, wanted):
        """True if no gap of the space holds so many bytes."""
        edges = [self.space.base]
        for held in self.space.reservations.values():
            edges += [held.block, held.limit]
        edges.append(self.space.limit)
        return max(top - base for base, top in zip(edges[::2], edges[1::2])) < wanted

    def _expect_unwound(self, before, error):
        after = self._marks()
        if after != before:
            raise Broken(
                "boot-unwound",
                f"after {described(error)}: reserved, mapped, stack are {after[:3]}, "
                f"not {before[:3]}",
                f"assert (space.reserved, space.mapped) == {before[:2]}",
            )
        own_check(self.space, "space")

    def _judge_new(self, arena, number, limit):
        own_check(arena, f"arena{number}")
        found = audit(self.space, arena.address)
        summary = found.summary
        told = (arena.reserved, arena.committed, arena.spare_committed)
        if told != (summary["reserved"], summary["committed"], 0) or found.extra:
            raise Broken("committed-accounts", f"a fresh arena tells {told}")
        if limit is not None and arena.committed > limit:
            raise Broken("commit-limit", f"{arena.committed} bytes, with a limit of {limit}")
        stacked = self.space.stack.limit - self.space.stack.pointer
        if stacked:
            raise Broken("vm-copy", f"{stacked} bytes are left on the stack")
        if self.copies < 2:
            told = f"{self.copies} VM descriptors were copied into the memory that they describe"
            raise Broken("vm-copy", f"{told}: expected 2")
        vm = arena.address + layout.ARENA["vm"]
        if self.space.word(vm + layout.VM["base"]) != arena.address:
            raise Broken("vm-copy", "the arena has no VM descriptor of its own")

    def check(self):
        """Every arena, by its own check and by its bytes; the machine's sums."""
        if self.space is None:
            return
        own_check(self.space, "space")
        mapped = 0
        for number, arena in self.arenas.items():
            own_check(arena, f"arena{number}")
            mapped += audit(self.space, arena.address).summary["mapped"]
        if mapped != self.space.mapped:
            proof = f"assert space.mapped == {mapped}"
            raise Broken("vm-accounts", f"{self.space.mapped} bytes mapped, not {mapped}", proof)

    def end(self):
        """Destroy everything, and judge that nothing is left."""
        if self.space is None:
            return
        self.do_relent()
        for number in list(self.arenas):
            self.do_destroy(number)
        for number in list(self.held):
            self.do_release(number)
        expect_gone(self.space)

    def abandon(self):
        """Let go of everything."""
        self.space, self.arenas = None, {}
