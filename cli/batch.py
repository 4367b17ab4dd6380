"""Commands for batches: one workflow over a table of samples."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any, BinaryIO, Final
from uuid import uuid4

import click
import yaml
from rich.console import Group, RenderableType
from rich.text import Text

from bvbrc_workflows_client import streams
from bvbrc_workflows_client.session import of_batch
from cli.documents.bundle import bundle, text_of
from cli.documents.crate import save_crate
from cli.documents.reuse import reuse_option, reuse_query
from cli.show import forecasts, views
from cli.show.failures import of_state
from cli.show.screen import Screen, command, json_line, strip_controls
from cli.show.tree import state

Json = Any
INTERRUPTED: Final = 130
_RETRIED: Final = ("failed", "cancelled")
_CWL: Final = re.compile(rb"""^\s*["']?(?:cwlVersion|\$graph)["']?\s*:""", re.MULTILINE)
_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def batch() -> None:
    """Run one workflow over a table of samples."""


@batch.command()
@click.argument("workflow", type=click.File("rb"))
@click.argument("samples", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="The batch's name; without it, the workflow's.")
@click.option("--inputs", type=_FILE, help="Of CWL: values for all samples, JSON or YAML.")
@click.option("--folder", "-f", help="Of CWL: where results go, a folder for each sample.")
@click.option("--map", "columns", multiple=True, metavar="INPUT=COLUMN", help="Of CWL.")
@click.option(
    "--max-active", type=click.IntRange(min=1), help="How many samples may run at a time."
)
@click.option("--gather", type=_FILE, help="A workflow (JSON) of steps over all samples.")
@reuse_option
@click.option("--skip-invalid", is_flag=True, help="Leave rows with problems out.")
@click.option("--dry-run", is_flag=True, help="Check every row and store nothing.")
@click.option("--watch", "-w", is_flag=True, help="Watch it until it has ended.")
@click.option("--key", help="An idempotency key: repeating it starts nothing twice.")
@command
def submit(  # noqa: PLR0913, PLR0917 - one for each option
    screen: Screen,
    /,
    workflow: BinaryIO,
    samples: Path,
    name: str | None,
    inputs: Path | None,
    folder: str | None,
    columns: tuple[str, ...],
    max_active: int | None,
    gather: Path | None,
    reuse: bool | None,
    skip_invalid: bool,
    dry_run: bool,
    watch: bool,
    key: str | None,
) -> None:
    """Submit WORKFLOW (JSON or CWL) for each row of SAMPLES (CSV or TSV).

    In JSON, ${sample.COLUMN} stands for a cell; the inputs of CWL are given by the columns of their
    names. In the workflow of --gather, ${batch.outputs.NAME} is the list of an output over all
    samples that have succeeded. Prints the batch's id. A lost answer is retried by itself; no
    sample is ever started twice.
    """
    texts: dict[str, Json] = {"name": name, "max_active": max_active}
    texts |= {"workspace_output_folder": folder, **_read_inputs(inputs, columns)}
    texts |= {"skip_invalid": "true" if skip_invalid else None}
    texts = {field: value for field, value in texts.items() if value is not None}
    files = {**_read_workflow(workflow), "samples": (samples.name, samples.read_bytes())}
    files |= {"gather": (gather.name, gather.read_bytes())} if gather else {}
    query = reuse_query(reuse) | ({"dry_run": "true"} if dry_run else {})
    found = screen.api.post_form("/batches", files, texts, key or uuid4().hex, **query)
    if dry_run:
        screen.show(found, _dry_run_view)
        click.get_current_context().exit(0 if found["valid"] else 1)
    say_findings(screen, found)
    screen.show(found, lambda answer: Text(answer["batch_id"]))
    if watch:
        return follow(screen, found["batch_id"])
    return screen.say(f"{found['count']} samples. Watch it: {_PROGRAM} watch {found['batch_id']}")


def _read_inputs(inputs: Path | None, columns: tuple[str, ...]) -> dict[str, Json]:
    """What CWL takes for all samples, and which columns give its inputs, as fields of a form."""
    found: dict[str, Json] = {"inputs": _as_json(text_of(inputs))} if inputs else {}
    return found | ({"map": json.dumps(dict(map(_read_pair, columns)))} if columns else {})


@batch.command()
@click.argument("batch_id")
@click.argument("samples", type=_FILE)
@click.option("--skip-invalid", is_flag=True, help="Leave rows with problems out.")
@click.option("--watch", "-w", is_flag=True, help="Watch the batch until it has ended.")
@click.option("--key", help="An idempotency key: repeating it adds nothing twice.")
@command
def add(  # noqa: PLR0913, PLR0917 - one for each option
    screen: Screen,
    /,
    batch_id: str,
    samples: Path,
    skip_invalid: bool,
    watch: bool,
    key: str | None,
) -> None:
    """Add the rows of SAMPLES (CSV or TSV) to a batch.

    They are checked as its first rows were. A batch that has ended goes on with them.
    """
    files = {"samples": (samples.name, samples.read_bytes())}
    texts = {"skip_invalid": "true"} if skip_invalid else {}
    path = of_batch(batch_id, "/samples")
    found = screen.api.post_form(path, files, texts, key or uuid4().hex)
    say_findings(screen, found)
    screen.show(found, lambda answer: Text(f"Samples added: {answer['added']}"))
    if watch:
        follow(screen, batch_id)


@batch.command()
@click.argument("batch_id")
@command
def token(screen: Screen, batch_id: str) -> None:
    """Hand your present token to a batch: steps go on that wait since an earlier one expired."""
    screen.api.put(of_batch(batch_id, "/token"))
    screen.show({"batch_id": batch_id}, lambda _: Text(f"Your token is handed to {batch_id}"))


def _read_workflow(file: BinaryIO) -> dict[str, tuple[str, bytes]]:
    """The parts of a form that hold it: CWL comes with the files beside it that it names."""
    text = file.read()
    if not _CWL.search(text):
        return {"workflow": ("workflow.json", text)}
    path = Path(file.name)
    if not path.is_file():  # from standard input
        return {"cwl": ("workflow.cwl", text)}
    files = json.dumps(bundle(path)).encode()
    return {"cwl": (path.name, path.name.encode()), "files": ("files.json", files)}


def _as_json(text: str) -> str:
    return json.dumps(yaml.safe_load(text))


def _read_pair(text: str) -> tuple[str, str]:
    name, equals, column = text.partition("=")
    if not equals:
        raise click.BadParameter(f"{text!r} is not INPUT=COLUMN.", param_hint="--map")
    return name, column


_PROGRAM: Final = "bvbrc-workflows batch"


def say_findings(screen: Screen, found: Json) -> None:
    """Prints what was put right, what may be wrong, and what was left out."""
    titles = {"warnings": "mind", "auto_fixes": "put right", "skipped": "left out"}
    for name, title in titles.items():
        if found.get(name) and not screen.json:
            screen.err.print(Text(f"{title}:", style="bold"))
            screen.err.print(views.problem_list(strip_controls(found[name]), "yellow"))


@batch.command()
@click.argument("batch_id")
@command
def status(screen: Screen, batch_id: str) -> None:
    """Show how far a batch is, and why samples failed."""
    screen.show(screen.api.get(of_batch(batch_id)), batch_view)


@batch.command()
@click.argument("batch_id")
@command
def forecast(screen: Screen, batch_id: str) -> None:
    """Show when a batch is likely to end."""
    screen.show(screen.api.get(of_batch(batch_id, "/forecast")), forecasts.of_batch)


@batch.command("list")
@command
def list_batches(screen: Screen) -> None:
    """List your batches, the newest first."""
    screen.show(screen.api.get("/batches"), _list_view)


@batch.command()
@click.argument("batch_id")
@click.option("--status", multiple=True, help="Any of these states.")
@command
def rows(screen: Screen, batch_id: str, status: tuple[str, ...]) -> None:
    """List the samples of a batch with their workflows, in the order of the table."""
    found: list[Json] = []
    token: str | None = ""
    while token is not None:
        page = screen.api.get(
            of_batch(batch_id, "/workflows"), status=list(status), page_token=token, page_size=5_000
        )
        found, token = [*found, *page["workflows"]], page["next_page_token"]
    screen.show({"batch_id": batch_id, "workflows": found}, _rows_view)


@batch.command()
@click.argument("batch_id")
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="A file.")
@command
def results(screen: Screen, batch_id: str, output: Path | None) -> None:
    """Print the table of results as CSV; with --json as JSON."""
    path = of_batch(batch_id, "/results")
    if screen.json:
        headers = {"Accept": "application/json"}
        click.echo(json_line(json.loads("".join(screen.api.lines(path, headers)))))
        return
    text = screen.api.text(path)
    if output:
        output.write_text(text, encoding="utf-8", newline="")
    else:
        click.echo(text, nl=False)


@batch.command()
@click.argument("batch_id")
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write; without it BATCH_ID.crate.zip.",
)
@command
def crate(screen: Screen, batch_id: str, output: Path | None) -> None:
    """Save what happened in a batch as a Workflow Run RO-Crate, a zip file.

    Data files are named in it by their addresses in the Workspace, not carried.
    """
    save_crate(screen, of_batch(batch_id, "/ro-crate"), output or Path(f"{batch_id}.crate.zip"))


@batch.command()
@click.argument("batch_id")
@command
def watch(screen: Screen, batch_id: str) -> None:
    """Watch a batch until it has ended.

    The exit code is 0 if it succeeded, 10 if a sample failed, 11 if it was cancelled.
    """
    follow(screen, batch_id)


@batch.command()
@click.argument("batch_id")
@click.option("--status", multiple=True, type=click.Choice(_RETRIED), help="Rows in this state.")
@click.option("--sample", multiple=True, help="This sample; may be repeated.")
@command
def retry(screen: Screen, batch_id: str, status: tuple[str, ...], sample: tuple[str, ...]) -> None:
    """Retry the samples that failed or were cancelled; steps that succeeded keep their results."""
    body = ({"status": list(status)} if status else {}) | (
        {"samples": list(sample)} if sample else {}
    )
    found = screen.api.post(of_batch(batch_id, "/retry"), json.dumps(body).encode())
    screen.show(found, lambda answer: Text(f"{answer['retried']} samples start again"))


@batch.command()
@click.argument("batch_id")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@command
def cancel(screen: Screen, batch_id: str, yes: bool) -> None:
    """Cancel a batch: no further sample begins, and what runs is killed."""
    if not yes and sys.stdin.isatty() and not screen.json:
        counts = screen.api.get(of_batch(batch_id))["counts"]
        click.echo(", ".join(f"{number} {name}" for name, number in counts.items()), err=True)
        click.confirm("Cancel all that has not ended?", abort=True, err=True)
    screen.show(screen.api.post(of_batch(batch_id, "/cancel")), batch_view)


@batch.command()
@click.argument("batch_id")
@command
def pause(screen: Screen, batch_id: str) -> None:
    """Pause a batch: no further sample begins; what runs goes on."""
    screen.show(screen.api.post(of_batch(batch_id, "/pause")), batch_view)


@batch.command()
@click.argument("batch_id")
@click.option("--max-active", type=click.IntRange(min=1), help="How many samples at a time.")
@command
def resume(screen: Screen, batch_id: str, max_active: int | None) -> None:
    """Resume a paused batch."""
    if max_active:
        screen.api.patch(of_batch(batch_id), {"max_active": max_active})
    screen.show(screen.api.post(of_batch(batch_id, "/resume")), batch_view)


def follow(screen: Screen, batch_id: str) -> None:
    """Watches a batch until its end, which determines the exit code."""
    found: Json = {"status": "running"}
    try:
        for found in streams.batch_states(screen.api, batch_id):
            if screen.json:
                click.echo(json_line(found))
            else:
                screen.out.print(_line(strip_controls(found)))
    except KeyboardInterrupt:
        screen.err.print(Text(f"The batch goes on. Watch it again: {_PROGRAM} watch {batch_id}"))
        click.get_current_context().exit(INTERRUPTED)
    if not screen.json:
        screen.out.print(batch_view(strip_controls(found)))
    click.get_current_context().exit(of_state(found["status"]))


def _line(found: Json) -> Text:
    counts = [f"{number} {name}" for name, number in found["counts"].items()]
    return Text(f"{', '.join(counts)} of {found['count']}")


def batch_view(found: Json) -> RenderableType:
    """A batch with its counts and the reasons of failures."""
    head = Text.assemble(f"{found['name']} ({found['batch_id']}) ", state(found["status"]))
    parts: list[RenderableType] = [head, _line(found)]
    if found.get("gather"):
        parts.append(_gather_line(found["gather"]))
    if found["message"]:
        parts.append(Text(found["message"], style="yellow"))
    for name, number in found.get("receipts", {}).items():
        parts.append(Text(f"  {number} {name}"))
    if found["failures"]:
        table = views.make_table("failed", "app", "reason", "samples")
        for each in found["failures"]:
            samples = ", ".join(each["samples"])
            table.add_row(str(each["count"]), each["app"], each["reason"], samples)
        parts.append(table)
    return Group(*parts)


def _gather_line(found: Json) -> Text:
    """The steps over all samples."""
    line = Text.assemble("over all samples: ", state(found["status"]))
    for each in (found["workflow_id"], found["message"]):
        if each:
            line.append(f" {each}")
    return line


def _list_view(found: Json) -> RenderableType:
    table = views.make_table("batch", "name", "state", "samples", "created")
    for each in found["batches"]:
        table.add_row(
            each["batch_id"],
            each["name"],
            state(each["status"]),
            str(_line(each)),
            views.moment(each["created_at"]),
        )
    return table


def _rows_view(found: Json) -> RenderableType:
    table = views.make_table("row", "sample", "state", "workflow", "error")
    for each in found["workflows"]:
        table.add_row(
            str(each["row"]),
            each["sample"],
            state(each["status"]),
            each["workflow_id"] or "",
            each["error_message"] or "",
        )
    return table


def _dry_run_view(found: Json) -> RenderableType:
    if not found["valid"]:
        return views.refusal("", found["problems"])
    head = Text(f"{found['name']}: {found['count']} samples can run")
    parts: list[RenderableType] = [head]
    for name in ("skipped", "auto_fixes", "warnings"):
        if found[name]:
            parts += [Text(f"{name}:", style="bold"), views.problem_list(found[name], "yellow")]
    return Group(*parts)
