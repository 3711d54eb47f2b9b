"""The command `rangeland`, also as `python -m rangeland`."""

import os
import sys

from rangeland.interrupts import uninterrupted


def main():
    """Run the command, and be interrupted with one line also while it is imported."""
    # Without these, as a daemon may run, there is nobody to tell.
    sys.stdout = sys.stdout or open(os.devnull, "w")
    sys.stderr = sys.stderr or open(os.devnull, "w")
    try:
        with uninterrupted():
            from rangeland.cli.main import cli
        cli.main()
    except KeyboardInterrupt:
        sys.stderr.write("rangeland: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
