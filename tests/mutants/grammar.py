"""Grammar: what mistakes can be made in a source, by its syntax tree.

Operators, constants, conditions, arguments, statements, values returned. What
only tells or judges is left alone (design/mutants.md#.sol.kinds).
"""

import ast
from functools import cache

from mutants.copy import ROOT, sources
from mutants.mutant import Mutant
from mutants.telling import FUNCTIONS, Telling, called, is_message, is_nothing

COMPARISONS = {
    ast.Lt: ("<", ("<=", ">=")),
    ast.LtE: ("<=", ("<", ">")),
    ast.Gt: (">", (">=", "<=")),
    ast.GtE: (">=", (">", "<")),
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
    ast.Is: ("is", ("is not",)),
    ast.IsNot: ("is not", ("is",)),
    ast.In: ("in", ("not in",)),
    ast.NotIn: ("not in", ("in",)),
}
ARITHMETIC = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "+"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "//"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
    ast.BitXor: ("^", "|"),
}
SWAPPED = {"min": "max", "max": "min"}
# What a function does that is only declared.
NOTHING = {"r.UNIMPL", "-r.UNIMPL", "NotImplementedError"}
# Where bounds of powers of two are named: what is one beside such a bound is none.
POWERS = {"power_of_two", "pool_align"}


@cache
def _project():
    """{file: (text, syntax tree)} of all sources in which mistakes are made, what
    of them tells, and the fields that are 0."""
    read = {file: (ROOT / file).read_text(encoding="utf-8") for file in sources()}
    trees = {file: ast.parse(text) for file, text in read.items()}
    users = [ast.parse(p.read_text(encoding="utf-8")) for p in (ROOT / "rangeland").rglob("*.py")]
    return read, trees, Telling(trees, users), _zeros()


def _zeros():
    """The names of fields that are 0, wherever they are fields."""
    values = {}
    for place in ROOT.glob("*/fields.py"):
        for node in ast.parse(place.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                for target in node.targets:
                    values.setdefault(target.id, set()).add(node.value.value)
    return {name for name, found in values.items() if found == {0}}


def mutants(file, text):
    """All mistakes that can be made in the source `text` of `file`: a list, in
    the order of their places."""
    read, trees, telling, zeros = _project()
    tree = trees[file] if read.get(file) == text else ast.parse(text)
    if read.get(file) != text:
        telling = Telling({file: tree})
    visitor = _Visitor(file, text, telling, zeros)
    visitor.visit(tree)
    return visitor.found


class _Visitor(ast.NodeVisitor):
    def __init__(self, file, text, telling, zeros):
        self.file, self.source = file, text.encode()
        self.telling, self.zeros = telling, zeros
        self.told = set()
        self.starts = [0]
        for line in self.source.split(b"\n"):
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.within = []
        self.function, self.is_always_ok = None, False
        self.found = []
        self.counts = {}

    # Places

    def _start(self, node):
        return self.starts[node.lineno - 1] + node.col_offset

    def _limit(self, node):
        return self.starts[node.end_lineno - 1] + node.end_col_offset

    def _text(self, node):
        return self.source[self._start(node) : self._limit(node)].decode()

    def _line(self, source, start, limit):
        """The lines of `source` that [start, limit) lies in, as one."""
        begin = source.rfind(b"\n", 0, start) + 1
        end = source.find(b"\n", limit)
        return " ".join(source[begin : end if end >= 0 else len(source)].decode().split())

    def _add(self, kind, start, limit, text):
        if self.source[start:limit].decode() == text:
            return
        made = self.source[:start] + text.encode() + self.source[limit:]
        old = self._line(self.source, start, limit)
        new = self._line(made, start, start + len(text.encode()))
        function = ".".join(self.within)
        nth = self.counts[function, old, new] = self.counts.get((function, old, new), -1) + 1
        line = self.source.count(b"\n", 0, start) + 1
        self.found.append(
            Mutant(self.file, function, kind, line, old, new, nth, start, limit, text)
        )

    def _replace(self, kind, node, text):
        self._add(kind, self._start(node), self._limit(node), text)

    # What is walked

    def visit(self, node):
        """Whatever is not there to be told only."""
        if node not in self.told:
            super().visit(node)

    def visit_FunctionDef(self, node):
        if self.telling.leaves_alone(node) or self._is_declared(node):
            return
        self.within.append(node.name)
        before = self.function, self.told, self.is_always_ok
        self.function, self.told = node, self.told | self.telling.parts(node)[0]
        returned = [n.value for n in ast.walk(node) if isinstance(n, ast.Return)]
        # What is always OK tells nobody anything.
        texts = {value and is_nothing(value) and self._text(value) for value in returned}
        raises = any(isinstance(n, ast.Raise) or n in self.told for n in ast.walk(node))
        self.is_always_ok = texts == {"r.OK"} or texts == {"0"} and raises
        for default in self._defaults(node):
            self.visit(default)
        self._body(node.body)
        self.function, self.told, self.is_always_ok = before
        self.within.pop()

    def _is_declared(self, node):
        """True if there is nothing in the function: others of that name are asked."""
        body = [n for n in node.body if not isinstance(n, ast.Expr) or not isinstance(n.value, ast.Constant)]
        return len(body) == 1 and self._text(body[0]).split(" ", 1)[-1] in NOTHING

    def _defaults(self, node):
        """The defaults of parameters that are not there to be told only."""
        silent = self.telling.parts(node)[1]
        names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
        pairs = [*zip(reversed(names), reversed(node.args.defaults))]
        pairs += [(a.arg, d) for a, d in zip(node.args.kwonlyargs, node.args.kw_defaults) if d]
        return [default for name, default in reversed(pairs) if name not in silent]

    def visit_ClassDef(self, node):
        self.within.append(node.name)
        self._body(node.body)
        self.within.pop()

    def _body(self, body):
        first = body[0]
        told = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
        for statement in body[1:] if told else body:
            self.visit(statement)

    def visit_Module(self, node):
        self._body(node.body)

    def visit_Assert(self, node):
        pass

    def visit_JoinedStr(self, node):
        pass

    def visit_Import(self, node):
        pass

    visit_ImportFrom = visit_Import

    # Statements

    def visit_Raise(self, node):
        if node.exc is not None:
            self._replace("dropped", node, "pass")

    def visit_Expr(self, node):
        if called(node.value) == "verify":
            return
        if isinstance(node.value, ast.Call) and not is_message(node.value):
            self._replace("dropped", node, "pass")
            self.visit(node.value)

    def visit_Assign(self, node):
        if self.within and any(not isinstance(t, (ast.Name, ast.Tuple)) for t in node.targets):
            self._replace("dropped", node, "pass")
        self.generic_visit(node)

    def visit_AugAssign(self, node):
        self._replace("dropped", node, "pass")
        self._operator(node.op, node.target, node.value, "=")
        self.generic_visit(node)

    def visit_Break(self, node):
        self._replace("dropped", node, "pass")

    visit_Continue = visit_Break

    def visit_Return(self, node):
        value = node.value
        if value is None or is_message(value) or self.is_always_ok:
            return
        if self.function and not self.telling.is_read(self.function, value):
            return
        if isinstance(value, ast.Attribute) and self._text(value) == "r.OK":
            self._replace("returned", value, "r.FAIL")
        elif not isinstance(value, (ast.Constant, ast.JoinedStr)):
            self._replace("returned", value, "0")
        self.visit(value)

    def visit_If(self, node):
        self._negated(node.test)
        self.generic_visit(node)

    def visit_While(self, node):
        self._negated(node.test)
        self.generic_visit(node)

    visit_IfExp = visit_If

    def _negated(self, test):
        if test in self.told:
            return
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            self._replace("negated", test, self._text(test.operand))
        elif not isinstance(test, ast.Compare) or len(test.ops) > 1 or type(test.ops[0]) in (
            ast.Lt, ast.LtE, ast.Gt, ast.GtE,
        ):  # fmt: skip
            self._replace("negated", test, f"not ({self._text(test)})")

    # Expressions

    def visit_Compare(self, node):
        operands = [node.left, *node.comparators]
        for left, op, right in zip(operands, node.ops, operands[1:]):
            symbol, others = COMPARISONS[type(op)]
            for other in others:
                self._symbol("comparison", left, right, symbol, other)
        self.generic_visit(node)

    def visit_BinOp(self, node):
        # With a field that is 0 both make the same number.
        if not isinstance(node.op, (ast.Add, ast.Sub)) or not self._is_zero(node.right):
            self._operator(node.op, node.left, node.right)
        self.generic_visit(node)

    def _is_zero(self, node):
        return isinstance(node, ast.Attribute) and node.attr in self.zeros

    def _operator(self, op, left, right, after=""):
        if type(op) in ARITHMETIC:
            symbol, other = ARITHMETIC[type(op)]
            self._symbol("arithmetic", left, right, symbol + after, other + after)

    def _symbol(self, kind, left, right, symbol, other):
        """Between two operands there is another operator."""
        start = self.source.find(symbol.encode(), self._limit(left), self._start(right))
        if start >= 0:
            self._add(kind, start, start + len(symbol), other)

    def visit_BoolOp(self, node):
        symbol, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:]):
            self._symbol("logic", left, right, symbol, other)
        self.generic_visit(node)

    def visit_UnaryOp(self, node):
        if isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
            self._replace("arithmetic", node, self._text(node.operand))
        elif isinstance(node.op, ast.Invert):
            self._replace("arithmetic", node, self._text(node.operand))
        self.generic_visit(node)

    def visit_Constant(self, node):
        value = node.value
        if isinstance(value, bool):
            self._replace("constant", node, repr(not value))
        elif type(value) is int:
            self._replace("constant", node, str(value + 1))
            if value > 0:
                self._replace("constant", node, str(value - 1))
        elif type(value) is float:
            self._replace("constant", node, repr(value / 2 if value else 0.5))

    def visit_Call(self, node):
        if is_message(node):
            return
        if isinstance(node.func, ast.Name) and node.func.id in SWAPPED:
            self._replace("swapped", node.func, SWAPPED[node.func.id])
        elif self._text(node.func) == "mmu.at":
            # The size is what checked mode verifies, and no more (.lim.verified).
            return self._place(node.args[1])
        elif called(node) in POWERS:
            return self._bounds(node)
        else:
            self._arguments(node)
        return self.generic_visit(node)

    def _place(self, node):
        """An address of a word, of which the lower three bits are dropped."""
        value = getattr(getattr(node, "right", None), "value", None)
        if type(value) is int and value % 8 == 0 and isinstance(node.op, (ast.Add, ast.Sub)):
            self._operator(node.op, node.left, node.right)
            other = value - 1 if isinstance(node.op, ast.Add) else value + 1
            self._replace("constant", node.right, str(other))
            return self.visit(node.left)
        return self.visit(node)

    def _bounds(self, node):
        """The bounds of a power of two: others are those that another one is beside."""
        self._arguments(node)
        for child in (*node.args, *(keyword.value for keyword in node.keywords)):
            value = getattr(child, "value", None)
            if type(value) is int and value > 2 and value & (value - 1) == 0:
                self._replace("constant", child, str(value * 2))
                self._replace("constant", child, str(value // 2))
            else:
                self.visit(child)

    def _arguments(self, node):
        """Two that stand side by side change places."""
        args = node.args
        for one, other in zip(args, args[1:]):
            if one in self.told and other in self.told:
                continue
            if isinstance(one, ast.Starred) or isinstance(other, ast.Starred):
                continue
            if _is_no_number(one) or _is_no_number(other):
                continue
            start, limit = self._start(one), self._limit(other)
            between = self.source[self._limit(one) : self._start(other)].decode()
            self._add("swapped", start, limit, f"{self._text(other)}{between}{self._text(one)}")


def _is_no_number(node):
    """True if `node` is what nobody takes for a number: a space, words, a string."""
    name = getattr(node, "attr", getattr(node, "id", ""))
    return name in ("space", "w", "words", "grains", "nodes") or isinstance(
        getattr(node, "value", None), str
    )

