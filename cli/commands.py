"""Commands that change workflows, and the command about the token."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any, BinaryIO

import click
from rich.text import Text

from bvbrc_workflows_client.errors import Invalid
from bvbrc_workflows_client.session import of_workflow
from cli.completion import WorkflowId
from cli.show import views
from cli.show.failures import Exit, Failed
from cli.show.progress import OVER
from cli.show.screen import Screen, command, strip_controls

Json = Any


@click.command()
@click.argument("workflow", type=WorkflowId())
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@command
def cancel(screen: Screen, workflow: str, yes: bool) -> None:
    """Cancel a workflow: its jobs are killed, and no further step starts."""
    if not yes and sys.stdin.isatty() and not screen.json:
        _confirm(screen.api.get(of_workflow(workflow, "/status")))
    try:
        found = screen.api.post(of_workflow(workflow, "/cancel"))
    except Invalid as refusal:  # 400, as clients of today expect it: it has ended
        raise Failed(Exit.CONFLICT, refusal.detail, refusal.errors) from refusal
    screen.show(found, views.receipts)


@click.command()
@click.argument("workflow", type=WorkflowId())
@click.option(
    "--param",
    "changed",
    nargs=3,
    multiple=True,
    metavar="STEP NAME VALUE",
    help="Another value of a step's parameter: JSON, or else a text; null removes it.",
)
@click.option("--params", type=click.File("rb"), help="The same as a JSON file: step to values.")
@click.option(
    "--from", "start_from", multiple=True, metavar="STEP", help="Start again from this step, too."
)
@command
def retry(
    screen: Screen,
    /,
    workflow: str,
    changed: tuple[tuple[str, str, str], ...],
    params: BinaryIO | None,
    start_from: tuple[str, ...],
) -> None:
    """Retry a failed or cancelled workflow; steps that succeeded keep their results.

    With --param steps run again with other parameters. With --from steps that succeeded run again,
    too, and all that depends on them.
    """
    body: dict[str, Json] = {"from": list(start_from)} if start_from else {}
    if values := _changed_params(params, changed):
        body["params"] = values
    found = screen.api.post(of_workflow(workflow, "/retry"), json.dumps(body).encode())
    screen.show(found, lambda answer: Text(f"{answer['message']}: {answer['workflow_id']}"))


@click.command()
@click.argument("workflow", type=WorkflowId())
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@command
def delete(screen: Screen, workflow: str, yes: bool) -> None:
    """Delete an ended workflow with its jobs, history and log. Files in the Workspace stay."""
    path = of_workflow(workflow)
    if not yes and sys.stdin.isatty() and not screen.json:
        name = screen.api.get(of_workflow(workflow, "/status"))["workflow_name"]
        click.confirm(f"Delete {strip_controls(name)} ({workflow}) for good?", abort=True, err=True)
    screen.api.delete(path)
    screen.show({"deleted": workflow}, lambda answer: Text(f"Deleted {answer['deleted']}"))


@click.command()
@click.argument("workflow", type=WorkflowId())
@click.argument("number", type=click.IntRange(-10, 10))
@command
def priority(screen: Screen, workflow: str, number: int) -> None:
    """Let WORKFLOW go before your others (up to 10) or behind them (down to -10)."""
    found = screen.api.patch(of_workflow(workflow), {"priority": number})
    screen.show(found, lambda answer: Text(f"{answer['message']}: {answer['priority']}"))


@click.command()
@click.argument("workflow", type=WorkflowId(), required=False)
@click.option("--forget", is_flag=True, help="Delete your token that the engine keeps.")
@click.option(
    "--renew/--no-renew",
    default=None,
    help="Whether the engine renews the token that it keeps, while you have work under way.",
)
@command
def token(screen: Screen, workflow: str | None, forget: bool, renew: bool | None) -> None:
    """Hand your present token to WORKFLOW; without WORKFLOW, show its user.

    With a fresh token, steps go on that wait since an earlier one expired. With --forget the engine
    keeps none: workflows under way wait until you hand in a token again.
    """
    if workflow and (forget or renew is not None):
        raise click.UsageError(
            "--forget and --renew apply to all your workflows: leave WORKFLOW out."
        )
    found = screen.token
    if found is None:
        raise Failed(Exit.NOT_ALLOWED, "This needs a token.")
    if forget:
        screen.api.delete("/credentials")
        screen.show({"forgotten": found.user}, _forgotten)
        return
    if renew is not None:
        kept = screen.api.put_object("/credentials", {"renew": renew})
        screen.show(kept, _renewal_text)
        return
    if workflow:
        screen.api.put(of_workflow(workflow, "/token"))
    known = {
        "user": found.user,
        "source": found.source,
        "expires_at": found.expires_at.isoformat() if found.expires_at else None,
    }
    screen.show(known, lambda answer: _token_text(answer, views.expiry(found.expires_at)))


def _changed_params(file: BinaryIO | None, changed: tuple[tuple[str, str, str], ...]) -> Json:
    """Step to its changed parameters; single ones come after those of the file."""
    try:
        found = json.load(file) if file else {}
    except ValueError as error:
        raise click.BadParameter(f"no JSON: {error}", param_hint="--params") from error
    if changed and not isinstance(found, dict):
        raise click.BadParameter("not an object", param_hint="--params")
    for step, name, value in changed:
        found.setdefault(step, {})[name] = _read_value(value)
    return found


def _read_value(text: str) -> Json:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _forgotten(answer: Json) -> Text:
    return Text(f"The engine keeps no token of {answer['forgotten']}")


def _renewal_text(kept: Json) -> Text:
    if not kept["renew"]:
        return Text("The engine does not renew your token: steps wait for a fresh one.")
    if kept["renew_tokens"] == "never":
        return Text("Noted, but this engine renews no tokens: its operator says so.")
    return Text("The engine renews your token while you have work under way.")


def _token_text(found: Json, expiry: str) -> Text:
    return Text(f"{found['user']} (from {found['source']}), {expiry}")


def _confirm(found: Json) -> None:
    """Shows what will happen and asks for confirmation."""
    states = Counter(step["status"] for step in found["steps"])
    jobs = states["queued"] + states["running"]
    over = sum(count for state, count in states.items() if state in OVER)
    waiting = len(found["steps"]) - jobs - over
    click.echo(
        f"{strip_controls(found['workflow_name'])}: {jobs} jobs will be killed,"
        f" {waiting} steps will not start, {over} have ended and stay as they are.",
        err=True,
    )
    click.confirm("Cancel it?", abort=True, err=True)
