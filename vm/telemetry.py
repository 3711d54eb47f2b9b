"""The stream of events of this process, and who listens to it.

As in the MPS there is one stream, masked by kind, so that an event nobody
watches costs one test of a word. Listeners are `Log`s, made by `record`.
Source: design/telemetry.md
"""

import warnings

from vm import events as ev
from vm.interrupts import interrupts
from vm.results import integer


class Telemetry:
    """One stream of events; `mask` is the union of the kinds listened to."""

    def __init__(self):
        self.mask = 0
        self._listeners = []
        self._strings = 0

    def attach(self, listener, kinds):
        """Give `listener(code, params)` every further event of `kinds`.

        A listener that raises is told of no further event, and a warning
        says so: what it listens to must not stop half done. An interrupt, or
        another exception that is no Exception, is raised when the operation
        has ended. A listener may read words and accounts, and use other
        address spaces; another operation in the same space is refused
        (design/telemetry.md#.sol.listener).
        Raises: ParamError if `kinds` is no mask of kinds.
        """
        kinds = integer("kinds", kinds, least=0, most=ev.ALL_KINDS)
        self._listen([*self._listeners, (listener, kinds)])

    def detach(self, listener):
        """Give `listener` no further event."""
        self._listen([(who, kinds) for who, kinds in self._listeners if who is not listener])

    def _listen(self, listeners):
        mask = 0
        for _, kinds in listeners:
            mask |= kinds
        self._listeners, self.mask = listeners, mask

    def tell(self, code, *params):
        """Emit event `code` with `params`, if its kind is watched."""
        kind = ev.TYPES[code].kind
        if self.mask & kind:
            for listener, kinds in self._listeners:
                if kinds & kind:
                    self._give(listener, code, params)

    def _give(self, listener, code, params):
        try:
            listener(code, params)
        except Exception as error:
            self.detach(listener)
            self._warn(f"listener {listener!r} is detached: it raised {error!r}")
        except BaseException as error:
            interrupts.hold(error)

    def _warn(self, message):
        try:
            warnings.warn(message, stacklevel=5)
        except BaseException as error:
            # A filter makes errors of warnings, or somebody interrupts.
            interrupts.hold(error)

    def note(self, code, a, b, c, d, e):
        """Emit event `code`, from code that runs without Python objects.

        Of the five parameters those count that the type of event has.
        """
        count = len(ev.TYPES[code].params)
        self.tell(code, *(a, b, c, d, e)[:count])
        return 0

    def label(self, address, string):
        """Give the structure at `address` a name: Intern, LabelPointer."""
        if self.mask & ev.USER:
            self._strings += 1
            self.tell(ev.INTERN, self._strings, string)
            self.tell(ev.LABEL_POINTER, address, self._strings)

    def enter(self, step, subject=0, size=0):
        """What follows, until `leave`, is done for the sake of `step`."""
        if self.mask & ev.STEP:
            self.tell(ev.STEP_ENTER, step, subject, size)

    def leave(self, step, res=0):
        """`step`, begun by `enter`, has ended with result code `res`."""
        if self.mask & ev.STEP:
            self.tell(ev.STEP_LEAVE, step, res)


stream = Telemetry()
