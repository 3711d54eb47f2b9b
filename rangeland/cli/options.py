"""Options that several commands have."""

import click

newest_option = click.option(
    "--newest",
    is_flag=True,
    help="Where a recording does not say which of several blocks was freed, take the newest, "
    "not the oldest.",
)

strict_option = click.option(
    "--strict", is_flag=True, help="Refuse what is otherwise counted and skipped."
)

partial_option = click.option(
    "--partial",
    is_flag=True,
    help="Read what there is of a cut or damaged file, and tell what is missing.",
)
