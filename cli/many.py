"""Commands that act on all workflows that a filter finds."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any, Final

import click
from rich.console import Group, RenderableType
from rich.text import Text

from cli.filters import Command, as_query, filter_options
from cli.holds import describe_under_way
from cli.show import views
from cli.show.failures import Exit
from cli.show.screen import Screen, command

Json = Any
_PATH: Final = "/workflows/actions"
_NOT_DONE: Final = frozenset({"unchanged", "refused"})
_FIRST: Final = 10


def action_options(action: Command) -> Command:
    """The options of every action: which workflows, and how carefully."""
    options = (
        filter_options,
        click.option("--all", "everything", is_flag=True, help="All your workflows."),
        click.option("--dry-run", is_flag=True, help="Show which ones, and do nothing."),
        click.option("--yes", "-y", is_flag=True, help="Do not ask."),
    )
    for option in reversed(options):
        action = option(action)
    return action


@click.group()
def many() -> None:
    """Cancel, retry, pause, resume or delete all workflows that a filter finds."""


@many.command()
@action_options
@command
def cancel(screen: Screen, /, **given: Any) -> None:
    """Cancel all of them that have not ended."""
    _act(screen, "cancel", **given)


@many.command()
@action_options
@command
def retry(screen: Screen, /, **given: Any) -> None:
    """Retry all of them that failed or were cancelled."""
    _act(screen, "retry", **given)


@many.command()
@action_options
@command
def delete(screen: Screen, /, **given: Any) -> None:
    """Delete all of them that have ended, and plans, for good."""
    _act(screen, "delete", **given)


@many.command()
@action_options
@command
def pause(screen: Screen, /, **given: Any) -> None:
    """Pause all of them that are under way."""
    _act(screen, "pause", **given)


@many.command()
@action_options
@command
def resume(screen: Screen, /, **given: Any) -> None:
    """Resume all of them that are paused."""
    _act(screen, "resume", **given)


def _act(
    screen: Screen, action: str, *, everything: bool, dry_run: bool, yes: bool, **wanted: Any
) -> None:
    """Looks first, asks, and then acts on just as many as were seen."""
    chosen = as_query(wanted)
    if not chosen and not everything:
        raise click.UsageError("Say which workflows: see --help. All of them: --all.")
    body = {"action": action, "filter": chosen}
    if dry_run:
        screen.show(_run(screen, {**body, "dry_run": True}), _view)
        return
    first = screen.api.post(_PATH, _encode({**body, "dry_run": True}))
    if first["matched"] and not yes:
        _confirm(screen, action, first)
    found = _run(screen, {**body, "expected_count": first["matched"]})
    screen.show(found, _view)
    if any(each["outcome"] in _NOT_DONE for each in found["outcomes"]):
        click.get_current_context().exit(Exit.CONFLICT)


def _confirm(screen: Screen, action: str, first: Json) -> None:
    if screen.json or not sys.stdin.isatty():
        raise click.UsageError(f"{first['matched']} workflows match. Say --yes to {action} them.")
    for each in first["outcomes"][:_FIRST]:
        click.echo(each["workflow_id"], err=True)
    if first["matched"] > _FIRST:
        click.echo(f"and {first['matched'] - _FIRST} more", err=True)
    click.confirm(f"{action.capitalize()} {first['matched']} workflows?", abort=True, err=True)


def _run(screen: Screen, body: Json) -> Json:
    """All calls of one action, as one answer."""
    found = screen.api.post(_PATH, _encode(body))
    while found["next_page_token"]:
        page = {**body, "page_token": found["next_page_token"]}
        further = screen.api.post(_PATH, _encode(page))
        found = {
            **further,
            "outcomes": [*found["outcomes"], *further["outcomes"]],
            "under_way": found["under_way"] + further["under_way"],
        }
    return found


def _encode(body: Json) -> bytes:
    return json.dumps(body).encode()


def _view(found: Json) -> RenderableType:
    counts = Counter(each["outcome"].replace("_", " ") for each in found["outcomes"])
    told = ", ".join(f"{number} {outcome}" for outcome, number in sorted(counts.items()))
    table = views.make_table("workflow", "outcome", "why")
    for each in found["outcomes"]:
        table.add_row(each["workflow_id"], each["outcome"].replace("_", " "), each["message"])
    head = Text((told or "No workflow matches.") + describe_under_way(found))
    return Group(head, table) if found["outcomes"] else head
