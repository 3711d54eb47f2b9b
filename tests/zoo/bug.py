"""Bug: one realistic mistake in our own code, as a change of one place in it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bug:
    """The mistake called `name`: in `file`, `old` reads `new`.

    `old` stands there once, and `what` says in a line what goes wrong.
    """

    name: str
    file: str
    old: str
    new: str
    what: str

    @property
    def room(self):
        """The folder that the mistake is in."""
        return self.file.partition("/")[0]

    def made(self, text):
        """The text of the file with the mistake made.

        Raises: ValueError unless its place is found once.
        """
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: found its place {text.count(self.old)} times, not once")
        return text.replace(self.old, self.new)
