"""ModelTrial: a pool class of ours beside the model of what it promises.

After each operation the model has done the same, with the same answers of the
arena: where the block lies, what was asked of the arena and given back to it, and
all that the pool tells of itself are compared.
Source: design/invariants.md#.sol.models
"""

from rangeland.invariants.allocator import AllocatorTrial
from rangeland.invariants.finding import Broken
from rangeland.invariants.models.source import Source
from rangeland.invariants.raw import audit
from rangeland.invariants.rounding import rounding_of
from rangeland.invariants.trial import described
from vm import events as ev
from vm.telemetry import stream

# Of more free ranges not all are compared after each operation, but now and then.
FEW = 24
EVERY = 6
# Of so many checks one looks at the words of the arena, too.
LOOKS = 4


class ModelTrial(AllocatorTrial):
    """A trial of a pool class of ours, of drawn keywords: `begin` has, after the
    options of the arena, a value for each of DEFAULTS.

    The steps are those of an AllocatorTrial, and: resize; wrong, which is refused.
    """

    also = ("placement", "give-back")
    DEFAULTS = {}
    # The kinds of wrong uses.
    WRONG = ("twice", "again", "other", "inside", "foreign", "beside", "resize", "align", "size")
    # Those of the block that was freed last.
    GONE = ("twice", "again")
    # Keywords that follow from those.
    more = {}

    def __init__(self, factory, sizes=None):
        super().__init__(factory, sizes)
        self.model = None
        self.pending = None
        self.told = []
        self._listener = self._listen
        self.done = self.looked = 0
        self.freed_last = None

    def make_model(self):
        """The model of the pool that was made."""
        raise NotImplementedError

    def choose(self, rng):
        """The next step at random; now and then the pool has its own defaults."""
        step = super().choose(rng)
        return step[:4] if step[0] == "begin" and rng.random() < 0.1 else step

    def do_begin(self, *options):
        """Make the pool with these keywords, or its own defaults."""
        if self.pool is not None:
            return False
        given = dict(zip(self.DEFAULTS, options[3:]))
        self.keywords = {k: v for k, v in given.items() if v != self.DEFAULTS[k]} | self.more
        self.policy = self.DEFAULTS | given
        return super().do_begin(*options[:3])

    def _see_what_it_offers(self, options):
        super()._see_what_it_offers(options)
        self.model = self.make_model()

    # What the pool does, and the model after it

    def _listen(self, code, params):
        """What the pool asks of the arena, and what comes of it."""
        if code == ev.ARENA_ALLOC:
            _, _, base, size, pool = params
            self._note("alloc", size, base, pool)
        elif code == ev.ARENA_ALLOC_FAIL:
            _, size, pool, _ = params
            self.reason = True
            self._note("alloc", size, None, pool)
        elif code == ev.ARENA_FREE:
            _, base, size, pool = params
            self._note("free", size, base, pool)

    def _note(self, verb, size, base, pool):
        if pool == self.own().address:
            self.told.append((verb, size, base))
        elif base is None:
            self.others_refused = True

    def _watched(self, verb, arguments, function):
        """What `function` answers; what it asked of the arena is kept until the
        model has done the same."""
        self.follow()
        self.told, self.reason, self.others_refused = [], False, False
        before = self._faults()
        stream.attach(self._listener, ev.ARENA)
        try:
            answer = function()
        finally:
            stream.detach(self._listener)
        if self._faults() != before:
            self.reason = self.others_refused = True
        self.pending = verb, arguments, answer
        return answer

    def _faults(self):
        plan = self.arena.space.faults
        return plan and sum(plan.refused.values())

    def _call(self, function, *arguments):
        verb = {self.calls.alloc: "alloc", self.calls.aligned: "aligned"}.get(function)
        ask = super()._call
        if verb is None:
            return ask(function, *arguments)
        return self._watched(verb, arguments, lambda: ask(function, *arguments))

    def _free(self, address, size):
        free = super()._free
        self._watched("free", (address, size), lambda: free(address, size))

    def _pair(self, size):
        answer = self._call(self.calls.alloc, size) if self.allows(size) else None
        if answer is not None:
            self._free(self._address(answer, "block"), size)
        return answer is not None

    def follow(self):
        """The model does what the pool did last. Raises: Broken."""
        if self.pending is None:
            return
        (verb, arguments, answer), self.pending = self.pending, None
        self.model.source = source = Source(self.told)
        self.follow_by(verb, arguments, answer)
        source.expect_no_more()
        self.done += 1
        self.expect_accounts()

    def follow_by(self, verb, arguments, answer):
        """As `follow`, of one operation."""
        if verb == "free":
            return self.model.free(*arguments)
        if verb == "resize":
            expected = self.model.resize(*arguments)
            if answer != expected:
                raise Broken("placement", f"resize gives {answer}: expected {expected}")
            return None
        align, size = arguments if verb == "aligned" else (None, *arguments)
        return self.expect_place(answer, self.model.alloc(size, align))

    def expect_place(self, answer, expected):
        """Raises: Broken if a block lies elsewhere, or is refused without a reason."""
        name = "block" if answer is None else hex(answer)
        if answer is None and expected is not None:
            raise Broken("placement", f"refused, though {expected:#x} is free")
        if answer is None and not self.reason and not self._may_refuse():
            raise Broken("placement", "refused, though the arena refused nothing")
        if answer is not None and answer != expected:
            told = "nothing, for none fits" if expected is None else f"{expected:#x}"
            raise Broken("placement", f"a block lies at {name}: expected {told}")

    def _may_refuse(self):
        """True if the pool may refuse though the arena does not."""
        return False

    def expect_accounts(self):
        """Raises: Broken unless all that the pool tells of itself is so."""
        model = self.model
        told = {"total_size": model.total, "free_size": model.free_size, "slack_size": model.slack}
        if self.done % EVERY == 0 or model.has_few(FEW):
            told |= {"largest_free": model.largest(), "whole_free_size": model.whole()}
            self._expect_ranges(model.ranges())
        for name, expected in told.items():
            found = getattr(self.pool, name)
            if found != expected:
                raise Broken(
                    "accounts",
                    f"{name} is {found}: expected {expected}",
                    f"assert pool.{name} == {expected}",
                )

    def _expect_ranges(self, expected):
        found = self._ranges()
        if found != expected:
            one = next((x for x in found if x not in expected), None)
            other = next((x for x in expected if x not in found), None)
            raise Broken(
                "accounts",
                f"{len(found)} free ranges, e.g. {one}: expected {len(expected)}, e.g. {other}",
                f"assert list(pool.free_ranges()) == {expected}" if len(expected) < 9 else None,
            )

    def _ranges(self):
        return list(self.own().free_ranges())

    def expect_predicted(self, address, name):
        """Raises: Broken if a block lies elsewhere than the model says."""
        super().expect_predicted(address, name)
        self.follow()

    def _refused(self, request, mark):
        super()._refused(request, mark)
        self.follow()

    def freed_block(self, block):
        """Raises: Broken if it gave back other memory than the model says."""
        self.follow()
        self.freed_last = block

    # Steps

    def do_resize(self, number, size):
        """The block of that number has another size where it lies, or stays as it is."""
        if number not in self.blocks or not self.allows(size):
            return False
        block, name = self.blocks[number], self.script.names[number]
        self._expect_kept(block, name)
        self.script.begin(f"pool.resize({name}, {block.size}, {size})")
        mark = self.accounts.mark()
        sizes = block.address, block.size, size
        answer = self._watched("resize", sizes, lambda: self._ask_to_resize(*sizes))
        if answer is False:
            self.accounts.expect_unwound(mark, "resize")
        elif answer is True:
            self._resized(block, size, name)
        else:
            raise Broken("nonsense", f"resize gives {answer!r}: expected True or False")
        return True

    def _ask_to_resize(self, *sizes):
        try:
            return self.own().resize(*sizes)
        except Exception as error:
            raise Broken("raises", described(error)) from error

    def _resized(self, block, size, name):
        if size < block.size:
            # What the client wrote lies free now, perhaps where a word told of a free.
            self.freed_last = None
        self.blocks.remove(block.number)
        self.accounts.gave(block.size)
        self._expect_place(block.address, size, self.align, name)
        self._expect_kept(block, name, min(block.size, size), "prefix")
        self._settle(block.number, block.address, size, name)
        self.follow()

    def do_wrong(self, kind, number):
        """What is no block, or no size, is refused, and nothing has changed. The number
        is that of a block that lives, or, if it goes again, of one that does not."""
        if number not in self.blocks and kind not in self.GONE:
            return False
        block = self.blocks[number] if number in self.blocks else None
        wrong = getattr(self, f"_wrong_{kind}")(block)
        if wrong is None:
            return False
        self.follow()
        verb, *arguments = wrong
        before = self._state()
        self.script.begin("try:", f"    pool.{verb}({', '.join(map(str, arguments))})",
                          "except ValueError:", "    pass", "else:",
                          "    raise AssertionError('it was not refused')")  # fmt: skip
        try:
            getattr(self.own(), verb)(*arguments)
        except ValueError:
            pass
        except Exception as error:
            raise Broken("raises", f"{verb}{tuple(arguments)}: {described(error)}") from error
        else:
            raise Broken("wrong-use", f"{verb}{tuple(arguments)} is not refused")
        if self._state() != before:
            raise Broken("wrong-use", f"{verb}{tuple(arguments)} is refused, and something changed")
        return True

    def _state(self):
        pool = self.own()
        return pool.total_size, pool.free_size, pool.slack_size, self._ranges()

    def _is_free(self, address):
        return any(base <= address < limit for base, limit in self.model.ranges())

    def _wrong_twice(self, block):
        """A block that is freed already."""
        last = self.freed_last
        if last is None or not self._is_free(last.address):
            return None
        return "free", last.address, last.size

    def _wrong_again(self, block):
        """A resize of a block that is freed already."""
        freed = self._wrong_twice(block)
        return freed and ("resize", *freed[1:], freed[2])

    def _wrong_other(self, block):
        """A size that the block has not."""
        size, takes = block.size, rounding_of(self.own())
        sizes = [x for x in self.other_sizes(size) if x > 0 and takes(x) != takes(size)]
        if self.arena.space.checked:
            sizes = [size + 1, size - 1 or 2]
        return ("free", block.address, sizes[self.done % len(sizes)]) if sizes else None

    def other_sizes(self, size):
        """Sizes, above 0 or not, of which the class promises to tell that a block of
        `size` bytes has others."""
        return ()

    def _wrong_inside(self, block):
        """An address that is not aligned."""
        return "free", block.address + 4, block.size

    def _wrong_foreign(self, block):
        """An address that is the arena's own."""
        return "free", self.arena.address, block.size

    def _wrong_beside(self, block):
        """An address that nobody has."""
        return "free", self.arena.space.limit + 4096, block.size

    def _wrong_resize(self, block):
        """A resize where no block is."""
        return "resize", self.arena.address, block.size, block.size

    def _wrong_align(self, block):
        """What is no alignment."""
        return "alloc", block.size, 24

    def _wrong_size(self, block):
        """What is no size."""
        return "alloc", 0

    def check(self):
        """As it is for all, and what the model says."""
        if self.model is not None:
            self.follow()
        super().check()
        if self.model is not None:
            self._expect_ranges(self.model.ranges())
            self.looked += 1
            if self.looked % LOOKS == 0:
                audit(self.arena.space, self.arena.address)
