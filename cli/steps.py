"""Commands that show what the steps of a workflow did, and when."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from bvbrc_workflows_client.session import of_workflow
from cli.completion import WorkflowId
from cli.show import attempts
from cli.show import timeline as times
from cli.show.failures import Exit, Failed
from cli.show.screen import Screen, command


@click.command()
@click.argument("workflow", type=WorkflowId())
@click.argument("name", metavar="STEP")
@command
def step(screen: Screen, workflow: str, name: str) -> None:
    """Show every attempt of STEP: its job, what was sent, and why it failed."""
    found = attempts.step_of(screen.api.get(of_workflow(workflow)), name)
    if found is None:
        raise Failed(Exit.NOT_FOUND, f"Workflow '{workflow}' has no step '{name}'.")
    screen.show(found, attempts.show_step)


@click.command()
@click.argument("workflow", type=WorkflowId())
@command
def timeline(screen: Screen, workflow: str) -> None:
    """Show when each step waited and ran, and the critical path.

    That is the chain of steps that decided how long it all took.
    """
    document = screen.api.get(of_workflow(workflow))
    screen.show(times.timeline(document, datetime.now(UTC)), times.show_timeline)
