"""Commands that change the course of workflows, and tell about the token."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import click
from rich.text import Text

from cli import views
from cli.api import of_workflow
from cli.completing import WorkflowId
from cli.failures import Exit, Failed
from cli.progress import OVER
from cli.screen import Screen, command

Json = Any


@click.command()
@click.argument("workflow", type=WorkflowId())
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@command
def cancel(screen: Screen, workflow: str, yes: bool) -> None:
    """Cancel a workflow: its jobs are killed, and no further step starts."""
    if not yes and sys.stdin.isatty() and not screen.json:
        _confirm(screen.api.get(of_workflow(workflow, "/status")))
    screen.show(screen.api.post(of_workflow(workflow, "/cancel")), views.receipts)


@click.command()
@click.argument("workflow", type=WorkflowId())
@command
def retry(screen: Screen, workflow: str) -> None:
    """Take a failed or cancelled workflow up again; steps that succeeded keep their results."""
    found = screen.api.post(of_workflow(workflow, "/retry"))
    screen.show(found, lambda answer: Text(f"{answer['message']}: {answer['workflow_id']}"))


@click.command()
@click.argument("workflow", type=WorkflowId(), required=False)
@command
def token(screen: Screen, workflow: str | None) -> None:
    """Hand your present token to WORKFLOW; without WORKFLOW, tell whose it is.

    A fresh token lets steps go on that wait since an earlier one expired.
    """
    found = screen.token
    if found is None:
        raise Failed(Exit.NOT_ALLOWED, "There is no token: see --token-file in --help.")
    if workflow:
        screen.api.put(of_workflow(workflow, "/token"))
    known = {
        "user": found.user,
        "source": found.source,
        "expires_at": found.expires_at.isoformat() if found.expires_at else None,
    }
    screen.show(known, lambda answer: _told(answer, views.expiry(found.expires_at)))


def _told(found: Json, expiry: str) -> Text:
    return Text(f"{found['user']} (from {found['source']}), {expiry}")


def _confirm(found: Json) -> None:
    """Says what will happen first."""
    states = Counter(step["status"] for step in found["steps"])
    jobs = states["queued"] + states["running"]
    over = sum(count for state, count in states.items() if state in OVER)
    waiting = len(found["steps"]) - jobs - over
    click.echo(
        f"{found['workflow_name']}: {jobs} jobs will be killed, {waiting} steps will not start,"
        f" {over} have ended and stay as they are.",
        err=True,
    )
    click.confirm("Cancel it?", abort=True, err=True)
