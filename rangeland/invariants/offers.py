"""Offers: what a subject tells of itself, by attributes.

Source: design/invariants.md#.if.subject
"""

from rangeland.invariants.finding import CannotTry
from rangeland.invariants.trial import described


def offered(subject, name, default=None):
    """The attribute `name` of `subject`, or `default` if it has none.

    Raises: CannotTry if it raises anything but AttributeError.
    """
    try:
        return getattr(subject, name, default)
    except (Exception, SystemExit) as error:
        raise CannotTry(f"the {name} of {subject!r} raised {described(error)}") from error
