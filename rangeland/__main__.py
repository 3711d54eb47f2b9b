"""`python -m rangeland` is the command `rangeland`."""

from rangeland.cli.main import main

main()
