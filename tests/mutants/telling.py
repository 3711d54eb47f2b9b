"""Telling: what of our sources only tells or judges, by their syntax trees.

Damage is told by a DamageError, which nobody sees but who damages memory. So a
statement that raises one, what it is decided by, and what is passed on to be told,
is told about, not done (design/mutants.md#.sol.telling).
"""

import ast
import re
from collections import defaultdict

# Functions that tell people, or judge.
PEOPLE = re.compile(r"_*check(_.*)?$|described?$|told$|text$|__repr__$|__str__$|_near$|_told$")
# What is called for what it tells to who is refused, and to who listens to a telemetry.
MESSAGES = {"failure", "ParamError", "ParamTypeError", "ProtocolError", "ResourceError", "warn",
            "told", "described"}  # fmt: skip
EVENTS = {"enter", "leave", "step", "label", "tell", "note"}
# What is told of words, and of addresses that are none: no more than a judgement.
DAMAGE, STRAY = "DamageError", "AccessError"
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
EFFECTS = (ast.Attribute, ast.Subscript, ast.Starred)
# What the machine and its chunks are asked for words, which changes nothing but what is cached.
READING = {"word", "words_at", "floats_at", "view", "verify", "of", "at", "owner"}
# What changes a list, or what is iterated, and is called for what it gives.
CHANGING = {"next", "popleft", "popitem", "setdefault", "send"}


def called(node):
    """The name of what a call calls, "" if `node` is no call, or of no name."""
    function = node.func if isinstance(node, ast.Call) else None
    return getattr(function, "attr", getattr(function, "id", ""))


def is_message(node):
    """True if `node` is a call that makes a message, or tells a listener."""
    name = called(node)
    if name in EVENTS:
        receiver = getattr(node.func, "value", None)
        return getattr(receiver, "attr", getattr(receiver, "id", "")) == "telemetry"
    return name in MESSAGES or name.endswith("_failure")


def is_nothing(value):
    """True if `value`, of a return, is OK, a constant, or none."""
    if isinstance(value, ast.Attribute):
        return value.attr == "OK"
    return value is None or isinstance(value, ast.Constant)


def targets(node):
    """What is assigned to."""
    return node.targets if isinstance(node, ast.Assign) else [node.target]


def positions(function):
    """The names of the parameters by position, as a caller counts them."""
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


class Telling:
    """What the functions of `trees`, {file: syntax tree}, do for others.

    `tellers` tell damage whenever they end; `judges` tell it or give nothing, and
    `lookers` change nothing otherwise; of `silent` parameters, (function, position), nothing
    is made but a judgement; `of_people` is called by who tells or judges alone; what
    `unused` functions give nobody reads.
    """

    def __init__(self, trees, users=()):
        # The functions of a name: in a file, and in all.
        self.functions, self.files = defaultdict(list), {}
        for file, tree in trees.items():
            for node in ast.walk(tree):
                if isinstance(node, FUNCTIONS):
                    self.files[node] = file
                    self.functions[file, node.name].append(node)
                    self.functions[node.name].append(node)
        self.tellers, self.judges, self.lookers, self.silent = {DAMAGE}, {"verify"}, set(), set()
        self.readers = set(READING)
        self.of_people, self.unused = set(), set()
        while self._grows():
            pass
        self._read_uses([*trees.values(), *users])

    def _name(self, call, file):
        """What `call`, in `file`, calls: (file, name) if a function of its own."""
        name = called(call)
        if isinstance(call, ast.Call) and (file, name) in self.functions:
            receiver = getattr(call.func, "value", None)
            if receiver is None or getattr(receiver, "id", "") in ("self", "cls"):
                return file, name
        return name

    # What follows from what is known: none of it is ever taken back, so this ends.

    def _grows(self):
        before = self._known()
        for name, functions in self.functions.items():
            if any(self._is_teller(f) for f in functions):
                # Those that tell by others of the same name are as many.
                known, self.tellers = self.tellers, self.tellers | {name}
                if not all(self._is_teller(f) for f in functions):
                    self.tellers = known
            if not any(self._has_effects(f) for f in functions):
                self.readers.add(name)
            if all(self._is_looker(f, False) for f in functions):
                self.lookers.add(name)
            if all(self._is_looker(f, True) for f in functions):
                self.judges.add(name)
            told = [self._silent(f) for f in functions]
            self.silent |= {(name, i) for i in set.intersection(*told)}
        return self._known() != before

    def _known(self):
        return sum(map(len, (self.tellers, self.judges, self.lookers, self.silent, self.readers)))

    def _is_teller(self, function):
        file = self.files[function]
        returns = [n for n in ast.walk(function) if isinstance(n, ast.Return)]
        tells = all(self._always_tells(n, file) for n in (*returns, function.body[-1]))
        return tells and not self._has_effects(function)

    def _is_looker(self, function, is_judge):
        file = self.files[function]
        if self._has_effects(function) or not any(self._tells(n, file) for n in ast.walk(function)):
            return False
        returns = [n.value for n in ast.walk(function) if isinstance(n, ast.Return)]
        nothing = all(self._gives_nothing(value, file) for value in returns)
        return nothing or not is_judge

    def _gives_nothing(self, value, file):
        return is_nothing(value) or self._name(value, file) in self.tellers | self.judges

    def _has_effects(self, function):
        """True if it may do something but judge, read and raise DamageError."""
        file = self.files[function]
        for node in ast.walk(function):
            if isinstance(node, (ast.Yield, ast.YieldFrom, ast.With, ast.Try, ast.Delete)):
                return True
            if isinstance(node, (ast.Assign, ast.AugAssign, ast.For)):
                if any(isinstance(n, EFFECTS) for target in targets(node) for n in ast.walk(target)):
                    return True
            if isinstance(node, ast.Raise) and called(node.exc) not in self.tellers | {STRAY}:
                return True
            if isinstance(node, ast.Call) and not self._only_reads(node, file):
                return True
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                name = self._name(node.value, file)
                if name not in self.tellers | self.readers and not is_message(node.value):
                    return True
        return False

    def _only_reads(self, call, file):
        name = self._name(call, file)
        if is_message(call) or name in self.readers or name in self.tellers:
            return True
        return name not in self.functions and name not in CHANGING

    def _silent(self, function):
        told, names = self.parts(function)
        return {i for i, name in enumerate(positions(function)) if name in names}

    # What the grammar asks

    def leaves_alone(self, function):
        """True if no mistakes are made in `function` at all."""
        if PEOPLE.match(function.name) or function.name in self.of_people:
            return True
        return self._is_teller(function) or self._is_looker(function, True)

    def is_read(self, function, value):
        """True if the returned `value` of `function` is read by somebody, or
        something is done to find it."""
        return function.name not in self.unused or not self._reads_all([value], self.files[function])

    # Parts of a function

    def _always_tells(self, node, file):
        """As `_tells`; what is returned is no judgement that may be good."""
        name = self._name(node.value, file) if isinstance(node, ast.Return) else DAMAGE
        is_good = name not in self.tellers
        return self._tells(node, file) and not is_good

    def _tells(self, node, file):
        """True if the statement `node` does nothing but tell damage, or decide about it."""
        if isinstance(node, ast.Raise):
            return called(node.exc) in self.tellers
        if isinstance(node, ast.Expr):
            told = self.tellers | self.judges | self.lookers
            name = self._name(node.value, file)
            return is_message(node.value) or name in told and self._reads_all(node.value.args, file)
        if isinstance(node, ast.Return):
            name = self._name(node.value, file)
            told = self.tellers | self.judges
            return name in told and self._reads_all(node.value.args, file)
        if isinstance(node, (ast.If, ast.For, ast.While)):
            given = node.iter if isinstance(node, ast.For) else node.test
            tells = all(self._tells(n, file) or self._prepares(n, file) for n in node.body)
            tells = tells and self._tells(node.body[-1], file)
            return tells and self._reads_all([given], file) and all(
                self._tells(n, file) for n in node.orelse
            )
        return False

    def _prepares(self, node, file):
        """True if `node` only gives a name to what is told next."""
        if not isinstance(node, ast.Assign) or not self._reads_all([node.value], file):
            return False
        return all(isinstance(target, ast.Name) for target in node.targets)

    def _reads_all(self, nodes, file):
        """True if no call in `nodes` does anything."""
        found = (n for node in nodes for n in ast.walk(node) if isinstance(n, ast.Call))
        return all(self._only_reads(n, file) for n in found)

    def parts(self, function):
        """The nodes of `function` that only tell, and the names of its parameters
        and variables that are for nothing else."""
        file = self.files[function]
        told = {n for n in ast.walk(function) if isinstance(n, ast.stmt) and self._tells(n, file)}
        for node in ast.walk(function):
            for block in ("body", "orelse"):
                if isinstance(getattr(node, block, None), list):
                    told |= self._tests(getattr(node, block), file)
            if isinstance(node, ast.IfExp) and self._name(node.orelse, file) in self.tellers:
                if self._reads_all([node.test], file):
                    told |= {node.test, node.orelse}
            if isinstance(node, ast.Call):
                name = self._name(node, file)
                told |= {a for i, a in enumerate(node.args) if (name, i) in self.silent}
                if name in self.tellers or is_message(node):
                    told.add(node)
        names, before = set(), None
        while names != before:
            before = names
            names = self._names(function, told)
            told |= {
                n for n in ast.walk(function)
                if isinstance(n, (ast.Assign, ast.AugAssign))
                and all(getattr(t, "id", None) in names for t in targets(n))
                and self._reads_all([n.value], file)
            }  # fmt: skip
        return told, names

    def _tests(self, block, file):
        """The conditions in `block` under which it is left before damage is told
        at its end: they decide about that only."""
        rest = list(block)
        while rest and isinstance(rest[-1], ast.stmt) and self._always_tells(rest[-1], file):
            rest.pop()
        if len(rest) == len(block) or not rest:
            return set()
        found, last = set(), rest[-1]
        while isinstance(last, ast.If) and not last.orelse and len(last.body) == 1:
            if self._reads_all([last.test], file):
                found.add(last.test)
            last = last.body[0]
        return found if isinstance(last, ast.Return) else set()

    def _names(self, function, told):
        """The names whose every use is in `told`."""
        within = {n for part in told for n in ast.walk(part)}
        used, read = set(), set()
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                read.add(node.id)
                if node not in within:
                    used.add(node.id)
        return read - used

    # Who uses what

    def _read_uses(self, trees):
        uses, values = defaultdict(list), set()
        self.bare = {node.name for node in self.files if node.col_offset == 0}
        for tree in trees:
            self._visit_uses(tree, "", uses, values, frozenset())
        for name in self.functions:
            if holders := uses.get(name, []):
                if all(PEOPLE.match(holder) for holder in holders):
                    self.of_people.add(name)
                if name not in values:
                    self.unused.add(name)

    def _visit_uses(self, node, holder, uses, values, told):
        for child in ast.iter_child_nodes(node):
            name = child.attr if isinstance(child, ast.Attribute) else getattr(child, "id", "")
            # A method is called by no bare name.
            bare = isinstance(child, ast.Name) and name not in self.bare
            if isinstance(child, (ast.Attribute, ast.Name)) and name in self.functions and not bare:
                uses[name].append(holder)
                if not isinstance(node, ast.Call) or node.func is not child:
                    values.add(name)
            if isinstance(child, ast.Call) and not isinstance(node, ast.Expr):
                values.add(called(child))
            within, parts = "told" if isinstance(child, ast.JoinedStr) else holder, told
            if isinstance(child, FUNCTIONS):
                within = child.name
                if child in self.files:
                    parts = self.parts(child)[0]
                    within = "told" if self.leaves_alone(child) else within
            self._visit_uses(child, "told" if child in told else within, uses, values, parts)
