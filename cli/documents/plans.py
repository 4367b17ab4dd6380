"""Commands that store a workflow without starting it, start it, and give a document back."""

from __future__ import annotations

import json
from typing import Any, BinaryIO, TextIO

import click
from rich.console import Group, RenderableType
from rich.text import Text

from bvbrc_workflows_client.session import of_workflow
from cli.completion import WorkflowId
from cli.documents.json_file import read_json
from cli.show import views
from cli.show.screen import Screen, command
from cli.status import follow

Json = Any
_DOCUMENT = (
    "workflow_name",
    "version",
    "base_context",
    "steps",
    "workflow_outputs",
    "labels",
    "max_parallel_steps",
    "on_failure",
    "reuse",
    "priority",
)
_STEP = ("step_name", "app", "params", "outputs", "depends_on", "retry", "reuse")


@click.command()
@click.argument("file", type=click.File("rb"))
@command
def plan(screen: Screen, file: BinaryIO) -> None:
    """Store the workflow in FILE (JSON; - for standard input) without starting it.

    Prints its id. What is wrong with it is said, and kept with it; `start` starts it.
    """
    found = screen.api.post("/workflows/plan", read_json(file))
    screen.show(found, _plan_view)
    if not found["problems"]:
        screen.say(f"{found['message']}. Start it: bvbrc-workflows start {found['workflow_id']}")


@click.command()
@click.argument("workflow", type=WorkflowId())
@click.option("--watch", "-w", is_flag=True, help="Watch it until it has ended.")
@command
def start(screen: Screen, workflow: str, watch: bool) -> None:
    """Start a planned workflow."""
    found = screen.api.post(of_workflow(workflow, "/submit"))
    screen.show(found, lambda answer: Text(answer["workflow_id"]))
    if watch:
        follow(screen, workflow)


@click.command()
@click.argument("workflow", type=WorkflowId())
@click.option("--output", "-o", type=click.File("w", encoding="utf-8", lazy=True), default="-")
@command
def document(screen: Screen, workflow: str, output: TextIO) -> None:
    """Print the document of a workflow, to edit it and to submit it again."""
    found = screen.api.get(of_workflow(workflow))
    again = {name: found[name] for name in _DOCUMENT if found.get(name) is not None}
    again["steps"] = [
        {name: step[name] for name in _STEP if step.get(name) is not None}
        for step in found["steps"]
    ]
    output.write(json.dumps(again, indent=2) + "\n")


def _plan_view(found: Json) -> RenderableType:
    problems = [views.problem_list(found["problems"], "red")] if found["problems"] else []
    return Group(Text(found["workflow_id"]), *problems)
