"""A step with every attempt: its job, what came of it, and the end of what it wrote."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from cli.show.tree import state
from cli.show.views import moment

Json = Any


def step_of(document: Json, name: str) -> Json | None:
    """The step, each attempt with what was sent; None if there is no such step."""
    step = next((each for each in document["steps"] if each["step_name"] == name), None)
    if step is None:
        return None
    runs = {
        each["attempt"]: each
        for each in document["execution_metadata"]["attempts"]
        if each["step_name"] == name
    }
    shared = ("params", "submitted_at")
    attempts = [
        each | {key: runs.get(each["attempt"], {}).get(key) for key in shared}
        for each in step.get("attempts") or ()
    ]
    return step | {"attempts": attempts}


def show_step(found: Json) -> RenderableType:
    head = Text.assemble(
        (found["step_name"], "bold"), "  ", state(found["status"]), "  ", (found["app"], "dim")
    )
    return Group(head, *(part for each in found["attempts"] for part in _attempt(each)))


def _attempt(each: Json) -> list[RenderableType]:
    words = [f"Attempt {each['attempt']}: {each['status']}"]
    if each["job_id"]:
        words.append(f"job {each['job_id']}")
    if each.get("exit_code") is not None:
        words.append(f"exit code {each['exit_code']}")
    if each.get("cluster_status"):
        words.append(f"cluster says {each['cluster_status']}")
    lines: list[RenderableType] = [Text(", ".join(words), style="bold")]
    if each["reason"]:
        lines.append(_indented(each["reason"]))
    named = ("submitted", "submitted_at"), ("started", "started_at"), ("ended", "finished_at")
    times = [f"{title} {moment(each[key])}" for title, key in named if each[key]]
    lines += [_indented(", ".join(times), "dim")] if times else []
    lines.append(_indented(f"sent {json.dumps(each['params'], ensure_ascii=False)}", "dim"))
    if each.get("stderr_tail"):
        lines += [_indented("the end of stderr:", "dim"), _indented(each["stderr_tail"].rstrip())]
    return lines


def _indented(text: str, style: str = "") -> RenderableType:
    return Padding(Text(text, style=style), (0, 0, 0, 2))
