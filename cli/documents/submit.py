"""Commands that submit workflows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import click
from rich.console import Group, RenderableType
from rich.text import Text

from cli.documents.bundle import bundle, text_of
from cli.documents.json_file import read_json
from cli.documents.reuse import reuse_option, reuse_query, with_query
from cli.show import views
from cli.show.screen import Screen, command
from cli.status import follow

Json = Any


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option("--watch", "-w", is_flag=True, help="Watch it until it has ended.")
@click.option(
    "--key", help="An idempotency key: repeating the same key and file starts nothing twice."
)
@reuse_option
@command
def submit(
    screen: Screen, file: BinaryIO, watch: bool, key: str | None, reuse: bool | None
) -> None:
    """Submit the workflow in FILE (JSON; - for standard input).

    Prints its id. A lost answer is retried by itself; the workflow is never started twice.
    """
    path = with_query("/workflows/submit", reuse_query(reuse))
    found = screen.api.post(path, read_json(file), key or uuid4().hex)
    _show_submitted(screen, found, watch=watch)


@click.command("submit-cwl")
@click.argument("document", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("inputs", required=False, type=click.Path(exists=True, path_type=Path))
@click.option("--name", help="The workflow's name.")
@click.option("--label", multiple=True, metavar="KEY:VALUE", help="A label; may be repeated.")
@click.option(
    "--max-parallel-steps", type=click.IntRange(min=1), help="How many steps may run at a time."
)
@click.option(
    "--on-failure",
    type=click.Choice(["continue", "cancel"]),
    help="What happens to the other steps when one fails.",
)
@reuse_option
@click.option("--watch", "-w", is_flag=True, help="Watch it until it has ended.")
@command
def submit_cwl(  # noqa: PLR0913, PLR0917 - one for each option
    screen: Screen,
    /,
    document: Path,
    inputs: Path | None,
    watch: bool,
    reuse: bool | None,
    label: tuple[str, ...],
    **settings: str | int | None,
) -> None:
    """Submit the CWL workflow in DOCUMENT with the input object in INPUTS (JSON or YAML).

    Files beside the document that it refers to are sent along.
    """
    body: dict[str, Json] = {"workflow": document.name, "files": bundle(document)}
    body |= {key: value for key, value in settings.items() if value is not None}
    if label:
        body["labels"] = dict(_read_label(text) for text in label)
    if inputs:
        body["inputs"] = text_of(inputs)
    path = with_query("/workflows/submit-cwl", reuse_query(reuse))
    found = screen.api.post(path, json.dumps(body).encode(), uuid4().hex)
    _show_submitted(screen, found, watch=watch)


def _read_label(text: str) -> tuple[str, str]:
    key, colon, value = text.partition(":")
    if not colon:
        raise click.BadParameter(f"{text!r} is not KEY:VALUE.", param_hint="--label")
    return key, value


@click.command()
@click.argument("file", type=click.File("rb"))
@command
def validate(screen: Screen, file: BinaryIO) -> None:
    """Check the workflow in FILE (JSON; - for standard input) and store nothing."""
    screen.show(screen.api.post("/workflows/validate", read_json(file)), _validation_view)


def _show_submitted(screen: Screen, found: Json, *, watch: bool) -> None:
    workflow_id = str(found["workflow_id"])
    screen.show(found, lambda answer: Text(answer["workflow_id"]))
    for warning in found.get("warnings", ()):
        screen.say(f"Mind: {warning['message']}")
    if watch:
        follow(screen, workflow_id)
    else:
        screen.say(f"{found['message']}. Watch it: bvbrc-workflows watch {workflow_id}")


def _validation_view(found: Json) -> RenderableType:
    parts: list[RenderableType] = [Text(found["message"])]
    for name, title, style in (("auto_fixes", "put right", "cyan"), ("warnings", "mind", "yellow")):
        if found[name]:
            parts += [Text(f"{title}:", style="bold"), views.problem_list(found[name], style)]
    return Group(*parts)
