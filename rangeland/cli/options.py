"""Options that several commands have."""

import click

newest_option = click.option(
    "--newest",
    is_flag=True,
    help="Where a recording does not say which of several blocks was freed, take the newest, "
    "not the oldest.",
)
