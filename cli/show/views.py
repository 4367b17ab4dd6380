"""Renders answers of the API as tables and lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.show.progress import time
from cli.show.table import FittingTable
from cli.show.tree import state

Json = Any


def moment(stamp: str | None) -> str:
    """In the local time zone, which it names, to the second; empty for None."""
    return time(stamp).astimezone().isoformat(" ", "seconds") if stamp else ""


def refusal(detail: str, problems: Sequence[Mapping[str, str]]) -> RenderableType:
    """A refusal; each problem with its path, message and suggestion."""
    if not problems:
        return Text.assemble(("error: ", "bold red"), detail)
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    head = Text.assemble(("error: ", "bold red"), f"it cannot run, it has {count}")
    return Group(head, problem_list(problems, "red"))


def problem_list(problems: Sequence[Mapping[str, str]], style: str) -> RenderableType:
    """Problems, warnings or fixes, one below the other."""
    lines: list[RenderableType] = []
    for each in problems:
        lines.append(Text(each["path"] or "the whole", style=f"bold {style}"))
        lines.append(Padding(Text(each["message"]), (0, 0, 0, 4)))
        if each.get("suggestion"):
            lines.append(Padding(Text(f"→ {each['suggestion']}", style="cyan"), (0, 0, 0, 4)))
    return Padding(Group(*lines), (0, 0, 0, 2))


def status(found: Json) -> RenderableType:
    table = make_table("step", "state", "app", "job")
    for step in found["steps"]:
        job = "reused" if step.get("reused_from") else step["step_id"]
        table.add_row(step["step_name"], state(step["status"]), step["app"], job)
    head = Text.assemble(
        (found["workflow_name"], "bold"), "  ", state(found["status"]), "  ",
        (found["workflow_id"], "dim"),
    )  # fmt: skip
    failures = [Padding(_failure(step), (0, 0, 0, 2)) for step in found["steps"]
                if step.get("error_message")]  # fmt: skip
    if found.get("error_message") and not failures:  # no step is at fault
        failures = [Padding(Text(found["error_message"], style="red"), (0, 0, 0, 2))]
    waits = [paused(found)] if found.get("paused") else []
    waits += [parked(found)] if found.get("parked") else []
    return Group(head, *waits, table, *failures)


def paused(found: Json) -> Text:
    """That no step of a workflow starts, and what to do."""
    workflow = found["workflow_id"]
    return Text(
        f"It is paused: no further step starts.\nWhy: bvbrc-workflows explain {workflow}\n"
        f"Go on: bvbrc-workflows resume {workflow}",
        style="yellow",
    )


def parked(found: Json) -> Text:
    """That a workflow waits for a token, and what to do."""
    since = f" since {moment(found['parked_since'])}" if found["parked_since"] else ""
    return Text(
        f"It waits{since} for a fresh token: bvbrc-workflows token {found['workflow_id']}",
        style="yellow",
    )


def _failure(step: Json) -> Text:
    return Text.assemble((f"{step['step_name']}: ", "bold red"), step["error_message"])


def page(found: Json) -> RenderableType:
    """A page of the list; with an owner column where there are several."""
    owners = {each.get("owner", "") for each in found["workflows"]}
    further = ["owner"] if len(owners) > 1 else []
    table = make_table("workflow", *further, "name", "state", "steps", "created", "ended")
    for each in found["workflows"]:
        waits = " (paused)" if each.get("paused") else ""
        waits += " (waits for a token)" if each.get("parked") else ""
        table.add_row(
            each["workflow_id"],
            *(Text(each[name]) for name in further),
            Text(each["workflow_name"]),
            state(each["status"]).append(waits),
            str(each["step_count"]),
            moment(each["created_at"]),
            moment(each["completed_at"]),
        )
    listed = table if found["workflows"] else Text("No workflow matches.")
    counts = ", ".join(f"{number} {word}" for word, number in found.get("counts", {}).items())
    return Group(Text(counts), listed) if counts else listed


def explanation(found: Json) -> RenderableType:
    table = make_table("step", "state", "why", "since", "what would unblock it")
    for step in found["steps"]:
        until = f" (until {moment(step['until'])})" if step["until"] else ""
        table.add_row(
            step["step_name"],
            state(step["status"]),
            f"{step['message']}{until}",
            moment(step["since"]),
            step["unblocked_by"],
        )
    return Group(Text(found["message"]), *([table] if found["steps"] else []))


def reuse(found: Json) -> RenderableType:
    lines: list[RenderableType] = [Text(found["message"])]
    if source := found["reused_from"]:
        lines.append(Text(f"its files stay beside {source['path']}", style="dim"))
    if (miss := found["miss"]) and miss["part"]:
        lines += [Text(f"before: {miss['before']}"), Text(f"now:    {miss['now']}")]
    return Group(*lines)


def receipts(found: Json) -> RenderableType:
    table = make_table("step", "job", "outcome")
    for step in found["steps"]:
        table.add_row(step["step_name"], step["job_id"], step["outcome"].replace("_", " "))
    return Group(Text(found["message"]), table)


def expiry(expires_at: datetime | None) -> str:
    """When a token ends, and whether that is past."""
    if expires_at is None:
        return "does not say when it expires"
    word = "expires" if expires_at > datetime.now(UTC) else "expired"
    return f"{word} {expires_at.astimezone().isoformat(' ', 'minutes')}"


def make_table(*columns: str) -> Table:
    return FittingTable(*columns)


def deliveries_table(found: Json) -> RenderableType:
    """Messages to one webhook or e-mail address."""
    table = make_table("delivery", "event", "workflow", "state", "attempts", "last", "stored")
    for each in found["deliveries"]:
        table.add_row(
            each["delivery_id"],
            each["event"],
            each["workflow_id"] or "",
            each["state"],
            str(each["attempts"]),
            each["last_error"] or str(each["last_status"] or ""),
            moment(each["created_at"]),
        )
    return table
