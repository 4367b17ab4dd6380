"""Commands that print what the jobs of steps wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
from rich.console import Group, RenderableType
from rich.text import Text

from bvbrc_workflows_client.session import of_workflow
from cli.completion import WorkflowId
from cli.show.screen import Screen, command, json_line, strip_controls

_ATTEMPT = click.option(
    "--attempt", type=click.IntRange(min=1), help="Of this attempt; otherwise of the present one."
)


@click.command()
@click.argument("workflow", type=WorkflowId())
@click.argument("step")
@_ATTEMPT
@command
def stdout(screen: Screen, workflow: str, step: str, attempt: int | None) -> None:
    """Print the standard output of a step's job."""
    _print(screen, workflow, step, "stdout", attempt)


@click.command()
@click.argument("workflow", type=WorkflowId())
@click.argument("step")
@_ATTEMPT
@command
def stderr(screen: Screen, workflow: str, step: str, attempt: int | None) -> None:
    """Print the standard error of a step's job."""
    _print(screen, workflow, step, "stderr", attempt)


@click.command()
@click.argument("workflow", type=WorkflowId())
@command
def outputs(screen: Screen, workflow: str) -> None:
    """Show the results of a workflow, with the addresses of BV-BRC's pages."""
    screen.show(screen.api.get(of_workflow(workflow, "/outputs")), _results)


@click.command()
@click.argument("workflow", type=WorkflowId())
@click.argument("path")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write; without it, the result's name in this folder.",
)
@command
def download(screen: Screen, workflow: str, path: str, output: Path | None) -> None:
    """Download a result: PATH is one that `outputs` shows."""
    target = output or Path(path.rstrip("/").rpartition("/")[2])
    unfinished = target.with_name(f"{target.name}.part")
    try:
        with unfinished.open("wb") as file:
            size = screen.api.save(of_workflow(workflow, "/outputs/file"), file, {"path": path})
        unfinished.replace(target)
    except OSError as error:
        raise click.BadParameter(f"{target}: {error.strerror}", param_hint="--output") from error
    finally:
        unfinished.unlink(missing_ok=True)
    found = {"file": str(target), "bytes": size}
    screen.show(found, lambda answer: Text(f"{answer['file']}: {answer['bytes']} bytes"))


def _results(found: Any) -> RenderableType:
    """One line for each value, and its address below it."""
    lines: list[RenderableType] = []
    for each in found["workflow_outputs"]:
        name = f"{each['step_name']}: {each['output']}  " if "step_name" in each else ""
        value = each["value"]
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        lines.append(Text.assemble((name, "bold"), shown, _measure(each), overflow="fold"))
        for url in [each["url"]] if "url" in each else each.get("urls", ()):
            lines.append(Text(f"  {url}", style="cyan", overflow="fold"))
    return Group(*lines) if lines else Text("The workflow names no outputs.")


def _measure(found: Any) -> str:
    then = found.get("at_end")
    if found.get("exists"):
        return f"  ({found['size']} bytes)"
    if then and then["exists"]:
        gone = "no longer in the Workspace, " if "exists" in found else ""
        return f"  ({gone}{then['size']} bytes when it ended)"
    if then:
        return "  (not in the Workspace when it ended)"
    return "  (not in the Workspace)" if "exists" in found else ""


def _print(screen: Screen, workflow: str, step: str, name: str, attempt: int | None) -> None:
    """The text alone, so that it can be piped; with --json it is ``text`` in an object."""
    query: dict[str, Any] = {} if attempt is None else {"attempt": attempt}
    path = of_workflow(workflow, f"/steps/{quote(step, safe='')}/{name}")
    text = screen.api.text(path, **query)
    if screen.json:
        click.echo(json_line({"step_name": step, "attempt": attempt, name: text}))
    else:
        lines = text.replace("\r\n", "\n")
        shown = "\t".join(map(strip_controls, lines.split("\t")))
        click.echo(shown, nl=not shown.endswith("\n"))
