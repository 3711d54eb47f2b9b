"""Mutant: one mistake that a machine makes in one place of our own code."""

import ast
from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """In `file` the bytes [start, limit) of the source read `text`.

    `function` is where that is, "" outside of all; `kind` what sort of mistake
    it is; `old` and `new` are the line without and with it, and `nth` tells
    such mistakes of one function from each other whose lines read alike.
    """

    file: str
    function: str
    kind: str
    line: int
    old: str
    new: str
    nth: int
    start: int
    limit: int
    text: str

    @property
    def key(self):
        """What the mistake is called, wherever its lines have moved to."""
        which = f" (#{self.nth + 1})" if self.nth else ""
        return f"{self.file} {self.function}: {self.old} -> {self.new}{which}"

    @property
    def room(self):
        """The folder that the mistake is in."""
        return self.file.partition("/")[0]

    def made(self, text):
        """The text of the file with the mistake made."""
        source = text.encode()
        return (source[: self.start] + self.text.encode() + source[self.limit :]).decode()

    def can_be_read(self, text):
        """True if the file is a program of Python still."""
        try:
            ast.parse(self.made(text))
        except SyntaxError:
            return False
        return True
