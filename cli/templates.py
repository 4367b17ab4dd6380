"""Commands for templates: workflows with typed inputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, BinaryIO, Final
from uuid import uuid4

import click
from rich.console import Group, RenderableType
from rich.text import Text

from cli.api import of_template
from cli.batch import follow as follow_batch
from cli.batch import say_findings
from cli.documents.reuse import reuse_option, reuse_query, with_query
from cli.show import views
from cli.show.screen import Screen, command, json_line, strip_controls
from cli.status import follow

Json = Any
_EXPORTED: Final = (
    *("name", "version", "title", "description", "labels"),
    *("workflow", "cwl", "files", "entry", "inputs"),
)
_PAGE: Final = 500


@click.group()
def templates() -> None:
    """Use and store workflows with typed inputs."""


@templates.command("list")
@click.argument("words", nargs=-1)
@click.option("--deprecated", is_flag=True, help="Deprecated ones, too.")
@command
def list_templates(screen: Screen, words: tuple[str, ...], deprecated: bool) -> None:
    """List the templates that you may use, or those with all of WORDS in their texts."""
    found: list[Json] = []
    token: str | None = ""
    query = {"query": " ".join(words), "page_size": _PAGE}
    query |= {"deprecated": "true"} if deprecated else {}
    while token is not None:
        page = screen.api.get("/templates", page_token=token, **query)
        found, token = [*found, *page["templates"]], page["next_page_token"]
    screen.show({"templates": found}, _list_view)


@templates.command()
@click.argument("template")
@command
def show(screen: Screen, template: str) -> None:
    """Show the inputs and the steps of TEMPLATE (NAME, or NAME@VERSION)."""
    screen.show(screen.api.get(of_template(template)), _template_view)


@templates.command()
@click.argument("template")
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="A file.")
@command
def export(screen: Screen, template: str, output: Path | None) -> None:
    """Print TEMPLATE (NAME, or NAME@VERSION) as JSON that can be imported."""
    found = screen.api.get(of_template(template))
    kept = {name: found[name] for name in _EXPORTED if name in found}
    text = json.dumps(kept, indent=1, ensure_ascii=not output)
    if output:
        output.write_text(f"{text}\n", encoding="utf-8")
    else:
        click.echo(json_line(kept) if screen.json else text)


@templates.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--name", help="Store it under this name, as its next version.")
@click.option("--share", multiple=True, metavar="USER", help="Who may use it; may be repeated.")
@click.option("--dry-run", is_flag=True, help="Check it and store nothing.")
@command
def import_template(
    screen: Screen,
    /,
    file: BinaryIO,
    name: str | None,
    share: tuple[str, ...],
    dry_run: bool,
) -> None:
    """Store the template in FILE (JSON; - for standard input), and print its name and version.

    A version never changes: the same file again stores nothing.
    """
    body = file.read()
    if name or share:
        body = _change(body, name, share)
    query = "?dry_run=true" if dry_run else ""
    found = screen.api.post(f"/templates{query}", body)
    say_findings(screen, found)
    if dry_run:
        screen.show(found, lambda answer: Text(answer["message"]))
        return
    screen.show(found, lambda answer: Text(f"{answer['name']}@{answer['version']}"))


def _change(body: bytes, name: str | None, share: tuple[str, ...]) -> bytes:
    try:
        found = json.loads(body)
    except ValueError as error:
        raise click.UsageError(f"The file is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise click.UsageError("The file holds no JSON object.")
    if name:
        found = {key: value for key, value in found.items() if key != "version"} | {"name": name}
    if share:
        found["shared_with"] = list(share)
    return json.dumps(found).encode()


@templates.command()
@click.argument("template")
@click.argument("samples", required=False, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--input", "-i", "values", multiple=True, metavar="NAME=VALUE",
    help="The value of an input, as text or JSON; the same name again makes a list.",
)  # fmt: skip
@click.option("--inputs", "file", type=click.File("rb"), help="A file with a JSON object of them.")
@click.option("--folder", "-f", help="Where results go, such as /user@bvbrc/home/results.")
@click.option("--name", help="The name of the workflow or batch.")
@reuse_option
@click.option("--map", "columns", multiple=True, metavar="INPUT=COLUMN", help="Of SAMPLES.")
@click.option("--dry-run", is_flag=True, help="Check it and store nothing.")
@click.option("--watch", "-w", is_flag=True, help="Watch it until it has ended.")
@click.option("--key", help="An idempotency key: repeating it starts nothing twice.")
@command
def submit(  # noqa: PLR0913, PLR0917 - one for each option
    screen: Screen,
    /,
    template: str,
    samples: Path | None,
    values: tuple[str, ...],
    file: BinaryIO | None,
    folder: str | None,
    name: str | None,
    columns: tuple[str, ...],
    reuse: bool | None,
    dry_run: bool,
    watch: bool,
    key: str | None,
) -> None:
    """Submit a workflow from TEMPLATE (NAME, or NAME@VERSION).

    With SAMPLES (CSV or TSV): one for each row, whose columns give inputs. Prints the id.
    """
    inputs = (json.loads(file.read()) if file else {}) | _read_values(values)
    path = _path_of(screen, template)
    query = reuse_query(reuse) | ({"dry_run": "true"} if dry_run else {})
    sent: dict[str, Json] = {"inputs": inputs, "workspace_output_folder": folder}
    if samples:
        sent |= {"name": name, "map": dict(map(_read_pair, columns))}
        texts = {field: _as_text(each) for field, each in sent.items() if each}
        files = {"samples": (samples.name, samples.read_bytes())}
        found = screen.api.post_form(f"{path}/batches", files, texts, key or uuid4().hex, **query)
    else:
        sent |= {"workflow_name": name}
        body = json.dumps({field: each for field, each in sent.items() if each}).encode()
        found = screen.api.post(with_query(f"{path}/submit", query), body, key or uuid4().hex)
    _show_submitted(screen, found, watch=watch)


def _path_of(screen: Screen, template: str) -> str:
    """The path of one version, so that a repetition means the same one."""
    if "@" in template:
        return of_template(template)
    return of_template(f"{template}@{screen.api.get(of_template(template))['version']}")


def _show_submitted(screen: Screen, found: Json, *, watch: bool) -> None:
    found = {"warnings": [], "auto_fixes": [], "skipped": [], **found}
    say_findings(screen, found)
    batch, workflow = found.get("batch_id"), found.get("workflow_id")
    if not batch and not workflow:
        screen.show(found, _dry_run_view)
        click.get_current_context().exit(0 if found["valid"] else 1)
    screen.show(found, lambda _: Text(str(batch or workflow)))
    if watch and batch:
        follow_batch(screen, batch)
    elif watch:
        follow(screen, str(workflow))


@templates.command()
@click.argument("template")
@click.option("--reason", default="no longer advised", help="Why, or what to use instead.")
@click.option("--undo", is_flag=True, help="It is no longer deprecated.")
@command
def deprecate(screen: Screen, template: str, reason: str, undo: bool) -> None:
    """Advise against TEMPLATE: NAME for all its versions, NAME@VERSION for one."""
    found = screen.api.patch(of_template(template), {"deprecated": None if undo else reason})
    screen.show(found, _template_view)


def _read_values(values: tuple[str, ...]) -> dict[str, Json]:
    """``NAME=VALUE`` as inputs; several of one name are a list."""
    found: dict[str, Json] = {}
    for text in values:
        name, value = _read_pair(text)
        read = _read_value(value)
        if name not in found:
            found[name] = read
        elif isinstance(found[name], list):
            found[name] = [*found[name], read]
        else:
            found[name] = [found[name], read]
    return found


def _read_pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE.")
    return name, value


def _read_value(text: str) -> Json:
    """Lists and objects are JSON; everything else is text, which the engine gives its type."""
    if text[:1] not in ("[", "{"):
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no JSON: {error}") from error


def _as_text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _list_view(found: Json) -> RenderableType:
    table = views.make_table("template", "latest", "title", "owner")
    for each in found["templates"]:
        mark = " (deprecated)" if each["deprecated"] else ""
        owner = each["owner"] or "built in"
        table.add_row(each["name"], str(each["latest"]), f"{each['title']}{mark}", owner)
    return table


def _template_view(found: Json) -> RenderableType:
    name = f"{found['name']}@{found['version']}"
    parts: list[RenderableType] = [Text.assemble((name, "bold"), f"  {found['title']}")]
    if found["deprecated"]:
        parts.append(Text(f"deprecated: {found['deprecated']}", style="yellow"))
    parts.append(Text(found["description"]))
    steps = [f"{each['step_name']} ({each['app']})" for each in found["steps"]]
    parts += [Text(f"steps: {', '.join(steps)}")] if steps else []
    table = views.make_table("input", "type", "default", "about")
    required = found["inputs"]["required"]
    for each, schema in found["inputs"]["properties"].items():
        mark = " *" if each in required else ""
        default = json.dumps(schema["default"]) if "default" in schema else ""
        about = ". ".join(
            text.rstrip(".") for text in (schema.get("title"), schema.get("description")) if text
        )
        table.add_row(f"{each}{mark}", _type(schema), default, about)
    return Group(*parts, table, Text("* required", style="dim"))


def _type(schema: Json) -> str:
    if schema.get("enum"):
        return " | ".join(map(str, schema["enum"]))
    word = schema.get("type", "any")
    return f"list of {_type(schema['items'])}" if "items" in schema else str(word)


def _dry_run_view(found: Json) -> RenderableType:
    if not found["valid"]:
        return views.refusal("", strip_controls(found["problems"]))
    count = found.get("count")
    return Text(f"{count} samples can run" if count is not None else found["message"])
