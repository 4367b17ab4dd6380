"""The command that saves a workflow's provenance; a batch's is saved in the same way."""

from __future__ import annotations

from pathlib import Path

import click
from rich.text import Text

from bvbrc_workflows_client.session import of_workflow
from cli.completion import WorkflowId
from cli.show.failures import Exit, Failed
from cli.show.screen import Screen, command


@click.command()
@click.argument("workflow", type=WorkflowId())
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write; without it WORKFLOW.crate.zip.",
)
@command
def crate(screen: Screen, workflow: str, output: Path | None) -> None:
    """Save what happened in a workflow as a Workflow Run RO-Crate, a zip file.

    Data files are named in it by their addresses in the Workspace, not carried.
    """
    save_crate(screen, of_workflow(workflow, "/ro-crate"), output or Path(f"{workflow}.crate.zip"))


def save_crate(screen: Screen, path: str, file: Path) -> None:
    """Saves what the API has under a path."""
    content = screen.api.content(path, "application/zip")
    try:
        file.write_bytes(content)
    except OSError as error:
        raise Failed(Exit.USAGE, f"{file}: {error.strerror}") from error
    saved = {"file": str(file), "bytes": len(content)}
    screen.show(saved, lambda answer: Text(f"Saved {answer['file']} ({answer['bytes']} bytes)"))
