"""Commands that show the progress of workflows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

import click
from rich.live import Live
from rich.text import Text

from bvbrc_workflows_client import streams
from bvbrc_workflows_client.session import of_workflow
from cli.completion import WorkflowId
from cli.filters import SORTS, as_query, filter_options
from cli.show import forecasts, progress, tree, views
from cli.show.failures import of_state
from cli.show.screen import Screen, command, json_line, strip_controls

Json = Any
FRAMES_A_SECOND: Final = 4
INTERRUPTED: Final = 130


@click.command()
@click.argument("workflow", type=WorkflowId())
@click.option("--steps", multiple=True, metavar="STATE", help="Only steps in this state.")
@command
def status(screen: Screen, workflow: str, steps: tuple[str, ...]) -> None:
    """Show the state of a workflow and of its steps."""
    query = {"steps": list(steps)} if steps else {}
    screen.show(screen.api.get(of_workflow(workflow, "/status"), **query), views.status)


@click.command("list")
@filter_options
@click.option("--sort", type=click.Choice(SORTS), help="The order; without it, newest first.")
@click.option("--counts", is_flag=True, help="Also count them by state.")
@click.option("--limit", "-n", default=50, show_default=True, help="At most so many.")
@command
def list_workflows(screen: Screen, /, limit: int, **wanted: Any) -> None:
    """List your workflows, the newest first."""
    query = as_query(wanted)
    found: list[Json] = []
    counts: Json = {}
    token: str | None = ""
    while token is not None and len(found) < limit:
        page = screen.api.get(
            "/workflows", **query, page_size=min(limit - len(found), 500), page_token=token
        )
        found, token = [*found, *page["workflows"]], page["next_page_token"]
        counts = {"counts": page["counts"]} if "counts" in page else {}
    screen.show({"workflows": found, "next_page_token": token, **counts}, views.page)
    if token:
        screen.say("There are more workflows: raise --limit to see them.")


@click.command()
@click.argument("workflow", type=WorkflowId())
@click.option("--follow", "-f", is_flag=True, help="Follow the log until the workflow has ended.")
@click.option("--tail", type=click.IntRange(min=0), help="Only the last N lines.")
@command
def log(screen: Screen, workflow: str, follow: bool, tail: int | None) -> None:
    """Print the log of a workflow; with --json its events."""
    if screen.json:
        for event in _events(screen, workflow, follow=follow):
            click.echo(json_line(event))
    elif follow:
        with _interruptible(screen, workflow):
            for line in streams.log(screen.api, workflow, tail):
                click.echo(strip_controls(line))
    else:
        query = {} if tail is None else {"tail": tail}
        click.echo(
            strip_controls(screen.api.text(of_workflow(workflow, "/log"), **query)), nl=False
        )


@click.command()
@click.argument("workflow", type=WorkflowId())
@command
def explain(screen: Screen, workflow: str) -> None:
    """Explain why each unfinished step does not run, and what would unblock it."""
    screen.show(screen.api.get(of_workflow(workflow, "/explain")), views.explanation)


@click.command()
@click.argument("workflow", type=WorkflowId())
@command
def forecast(screen: Screen, workflow: str) -> None:
    """Show when a workflow is likely to end, and what decides about it."""
    screen.show(screen.api.get(of_workflow(workflow, "/forecast")), forecasts.of_workflow)


@click.command()
@click.argument("workflow", type=WorkflowId())
@click.argument("step")
@command
def reuse(screen: Screen, workflow: str, step: str) -> None:
    """Explain whether STEP took the results of an earlier job, and why not."""
    path = f"/steps/{quote(step, safe='')}/reuse"
    screen.show(screen.api.get(of_workflow(workflow, path)), views.reuse)


@click.command()
@click.argument("workflow", type=WorkflowId())
@command
def watch(screen: Screen, workflow: str) -> None:
    """Watch a workflow until it has ended.

    The exit code is 0 if it succeeded, 10 if it failed, 11 if it was cancelled. If the output is no
    terminal, the log is printed; with --json the events.
    """
    follow(screen, workflow)


def follow(screen: Screen, workflow: str) -> None:
    """Watches a workflow until its end, which determines the exit code."""
    begun = screen.api.get(of_workflow(workflow, "/status"))
    for name, describe in (("paused", views.paused), ("parked", views.parked)):
        if begun.get(name):
            screen.say(describe(strip_controls(begun)).plain)
    with _interruptible(screen, workflow):
        if screen.json:
            for event in streams.events(screen.api, workflow):
                click.echo(json_line(event))
        elif screen.out.is_terminal:
            _live(screen, workflow)
        else:
            for line in streams.log(screen.api, workflow, None):
                click.echo(strip_controls(line))
    found = screen.api.get(of_workflow(workflow, "/status"))
    if found["error_message"]:
        screen.say(found["error_message"])
    click.get_current_context().exit(of_state(str(found["status"])))


def _live(screen: Screen, workflow: str) -> None:
    seen = progress.start_progress(strip_controls(screen.api.get(of_workflow(workflow))))

    def frame() -> Any:
        return tree.render_tree(seen, datetime.now(UTC), screen.out.height)

    with Live(get_renderable=frame, console=screen.out, refresh_per_second=FRAMES_A_SECOND):
        for event in streams.events(screen.api, workflow):
            if event["step_name"] and event["step_name"] not in seen.steps:
                seen = seen.knowing(strip_controls(screen.api.get(of_workflow(workflow))))
            seen = seen.after(strip_controls(event))


def _events(screen: Screen, workflow: str, *, follow: bool) -> Iterator[Json]:
    if follow:
        yield from streams.events(screen.api, workflow)
        return
    after: int | None = 0
    while after is not None:
        page = screen.api.get(of_workflow(workflow, "/events"), after=after)
        yield from page["events"]
        after = page["next_after"]


@contextmanager
def _interruptible(screen: Screen, workflow: str) -> Iterator[None]:
    """Ctrl-C ends the watching, and the workflow goes on."""
    try:
        yield
    except KeyboardInterrupt:
        screen.err.print(
            Text(f"The workflow goes on. Watch it again: bvbrc-workflows watch {workflow}")
        )
        click.get_current_context().exit(INTERRUPTED)
