"""The command `rangeland`, also as `python -m rangeland`."""

import sys


def main():
    """Run the command, and be interrupted with one line also while it is imported."""
    try:
        from rangeland.cli.main import cli

        cli.main()
    except KeyboardInterrupt:
        sys.stderr.write("rangeland: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
