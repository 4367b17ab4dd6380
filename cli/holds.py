"""Commands that pause and resume workflows, and that set and lift holds."""

from __future__ import annotations

import json
from typing import Any, Final

import click
from rich.table import Table
from rich.text import Text

from bvbrc_workflows_client.session import of_workflow
from cli.completion import WorkflowId
from cli.show.screen import Screen, command, strip_controls

Json = Any
SCOPES: Final = ("global", "user", "app", "batch", "template", "workflow")


@click.command()
@click.argument("workflow", type=WorkflowId())
@command
def pause(screen: Screen, workflow: str) -> None:
    """Pause a workflow: no further step starts; jobs at BV-BRC go on there."""
    screen.show(screen.api.post(of_workflow(workflow, "/pause")), _paused)


@click.command()
@click.argument("workflow", type=WorkflowId())
@command
def resume(screen: Screen, workflow: str) -> None:
    """Resume a paused workflow."""
    screen.show(screen.api.post(of_workflow(workflow, "/resume")), _message)


def _message(answer: Json) -> Text:
    return Text(f"{answer['message']}: {answer['workflow_id']}")


def _paused(answer: Json) -> Text:
    return Text(f"{answer['message']}: {answer['workflow_id']}{describe_under_way(answer)}")


def describe_under_way(answer: Json) -> str:
    """Nothing where no job may start any more."""
    jobs = answer["under_way"]
    return f" ({jobs} being sent before, which may still start)" if jobs else ""


@click.group()
def hold() -> None:
    """Keep work from starting, until a time or until it is lifted."""


@hold.command("list")
@command
def list_holds(screen: Screen) -> None:
    """List the holds that concern you; for admins, all."""
    screen.show(screen.api.get("/holds"), _table)


@hold.command("set")
@click.argument("reason")
@click.option("--scope", type=click.Choice(SCOPES), default="user", show_default=True)
@click.option("--target", help="What it concerns, its id or name; without it, yourself.")
@click.option("--drain", is_flag=True, help="Workflows that run go on to their end.")
@click.option("--until", metavar="TIME", help="When it ends by itself, as 2026-12-01T06:00Z.")
@command
def set_hold(  # noqa: PLR0913, PLR0917 - one for each option
    screen: Screen, /, reason: str, scope: str, target: str | None, drain: bool, until: str | None
) -> None:
    """Keep work from starting, for REASON: your own, or, for admins, any.

    For a maintenance: hold set "maintenance" --scope global --until 2026-12-01T06:00Z
    """
    wanted: Json = {"scope": scope, "mode": "drain" if drain else "hold", "reason": reason}
    wanted |= {"target": target} if target else {}
    wanted |= {"until": until} if until else {}
    found = screen.api.post("/holds", json.dumps(wanted).encode())
    screen.show(found, _set_view)


@hold.command()
@click.argument("hold_id")
@command
def lift(screen: Screen, hold_id: str) -> None:
    """Lift a hold: what it kept starts now."""
    screen.api.delete(f"/holds/{hold_id}")
    screen.show({"lifted": hold_id}, lambda answer: Text(f"Lifted {answer['lifted']}"))


def _set_view(answer: Json) -> Text:
    text = f"{answer['hold_id']}: {answer['message']}{describe_under_way(answer)}"
    return Text(strip_controls(text))


def _table(answer: Json) -> Table | Text:
    if not answer["holds"]:
        return Text("No hold keeps your work from starting.")
    table = Table("Hold", "What", "Set by", box=None)
    for each in answer["holds"]:
        text = Text(strip_controls(each["message"] + describe_under_way(each)))
        table.add_row(each["hold_id"], text, Text(strip_controls(each["by"])))
    return table
