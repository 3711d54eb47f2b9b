"""Tells a process that hangs from one that is slow (design/contenders.md#.sol.hang)."""

import os

# The state of a process that waits for an event that need not come.
SLEEPS = "S"
_TICKS = os.sysconf("SC_CLK_TCK")
# Places in what follows the name in a process's stat.
_STATE, _MINOR, _MAJOR, _USER, _SYSTEM = 0, 7, 9, 11, 12


class Watch:
    """What the main thread of process `pid` came to since it last got on.

    `limit` is how long it may run or sleep without getting on. Units: seconds.
    """

    def __init__(self, pid, limit):
        self.limit = limit
        self._file = f"/proc/{pid}/task/{pid}/stat"
        self.begin()

    def begin(self):
        """It has something new to do."""
        self.idle = 0.0
        self._before = None

    def is_stuck(self, count, elapsed):
        """True if it did not get on for `limit`: `count`, which it counts, and its page
        faults are what they were. `elapsed` is the time since the last call.

        The time in which it waits for a processor or a disk, or is stopped, does not count.
        """
        try:
            with open(self._file) as file:
                words = file.read().rpartition(")")[2].split()
        except OSError:
            # It has ended, which is told elsewhere.
            return False
        mark = count, words[_MINOR], words[_MAJOR]
        ran = (int(words[_USER]) + int(words[_SYSTEM])) / _TICKS
        before, self._before = self._before, (mark, ran)
        if before is None or before[0] != mark:
            self.idle = 0.0
        else:
            self.idle += elapsed if words[_STATE] == SLEEPS else ran - before[1]
        return self.idle >= self.limit
