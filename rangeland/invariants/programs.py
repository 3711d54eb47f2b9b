"""Programs: what a trial did, as the text of a Python program.

Source: design/invariants.md#.sol.program
"""

from string import ascii_lowercase

from rangeland.invariants.blocks import PERIOD

PATTERN = [
    "",
    "def pattern(stamp, size, start=0):",
    f"    return bytes((stamp + start + i) % {PERIOD} for i in range(size))",
]


def letter(n):
    """The nth name: a, b, ... z, a1, b1, ..."""
    turn, place = divmod(n, len(ascii_lowercase))
    return ascii_lowercase[place] + (str(turn) if turn else "")


def visit_text(align, modulus, enters):
    """The lines of a program that visits the ranges of a land, deletes some,
    and, if it `enters`, sees that the land may not be used meanwhile."""
    tried = [
        "    try:",
        "        land.delete(b, x)",
        "    except ValueError:",
        "        pass",
        "    else:",
        "        raise AssertionError('the land was used by its own visitor')",
    ]
    return [
        "seen = []",
        "def visit(b, x):",
        "    seen.append((b, x))",
        *(tried if enters else []),
        f"    return (b - base) // {align} % {modulus} == 0",
        "land.iterate_and_delete(visit)",
    ]


class Script:
    """The lines of a trial as they come; nothing unless it is `telling`."""

    def __init__(self):
        self.telling = False
        self.names = {}
        self.lines = []
        self.fills = {}
        self.imported = set()
        self.last = 0

    def name(self, number):
        """The name of the block of that number: a new one for a new block."""
        if number not in self.names:
            self.names[number] = letter(len(self.names))
        return self.names[number]

    def add(self, *lines):
        """Lines that come before any step."""
        if self.telling:
            self.lines += lines

    def imports(self, line):
        """The steps from now on need this import."""
        if line not in self.imported:
            self.imported.add(line)
            self.add(line)

    def begin(self, *lines):
        """The lines of the step that is done now."""
        if self.telling:
            self.last = len(self.lines)
            self.lines += lines

    def refused(self, error="MemoryError"):
        """The step of now raised an `error` that is allowed."""
        if self.telling:
            tried = self.lines[self.last :]
            self.lines[self.last :] = [
                "try:", *(f"    {line}" for line in tried), f"except {error}:", "    pass"
            ]  # fmt: skip

    def unnamed(self, name):
        """What the step of now gave is not called `name` after all."""
        if self.telling:
            lines = (line.replace(f"{name} = ", "", 1) for line in self.lines[self.last :])
            self.lines[self.last :] = list(lines)

    def undo(self):
        """The step of now was skipped."""
        if self.telling:
            del self.lines[self.last :]

    def fill(self, text, name, block):
        """The step of now made a block, which has been written."""
        if self.telling and text is not None:
            data = f"pattern({block.stamp}, {block.size})"
            self.fills[len(self.lines)] = text.format(at=name, size=block.size, data=data)

    def text(self, broken, filled=False):
        """The program, which ends as `broken` says; with what was written in
        the blocks, if it matters."""
        lines = list(self.lines)
        if filled:
            for at in sorted(self.fills, reverse=True):
                lines.insert(at, self.fills[at])
            first = lines.index("")
            lines[first:first] = PATTERN
        if broken is None:
            lines.append("# nothing breaks")
        elif broken.proof is not None:
            lines += [f"# {broken}", broken.proof]
        elif lines:
            lines[-1] += f"  # {broken}"
        else:
            # It broke before there was anything to tell.
            lines.append(f"# {broken}")
        return "\n".join(lines).strip() + "\n"
