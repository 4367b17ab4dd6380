"""Options that say which workflows: of ``list``, and of actions on many."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import click

from cli.show.moments import Moment

Command = TypeVar("Command", bound=Callable[..., Any])
STATES: Final = ("planned", "pending", "queued", "running", "succeeded", "failed", "cancelled")
SORTS: Final = ("created_at", "-created_at", "updated_at", "-updated_at", "name", "-name")
_OPTIONS: Final = (
    click.option("--status", multiple=True, type=click.Choice(STATES), help="Any of these."),
    click.option("--parked", is_flag=True, help="It waits for a fresh token."),
    click.option(
        "--has-failed-step", is_flag=True, help="A step has failed, also while others go on."
    ),
    click.option("--app", help="A step uses this app."),
    click.option("--name", help="A part of its name."),
    click.option("--label", multiple=True, metavar="KEY:VALUE", help="All of these labels."),
    click.option(
        "--since", type=Moment(), help="Accepted at or after this time (ISO 8601, or 2d)."
    ),
    click.option("--until", type=Moment(), help="Accepted before this time."),
    click.option("--batch", help="A row of this batch."),
    click.option("--owner", help="For admins: of this user; '*': of all users."),
)


def filter_options(command: Command) -> Command:
    """Adds the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def as_query(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, as the API takes them."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in given.items()
        if value
    }
