"""Shortens a workflow's whole document to what a model needs to know. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from agents.results import Progress, Step

FINAL: Final = frozenset({"succeeded", "failed", "cancelled"})
MOST_STEPS: Final = 100
"""Steps that are shown: a workflow may have 10,000, and a model pays for each."""
_ORDER: Final = ("failed", "running", "queued", "ready", "pending", "upstream_failed", "cancelled")
"""The most interesting states first."""


def summarize(document: Mapping[str, Any], *, is_full: bool) -> Progress:
    """The progress of ``GET /workflows/{id}``'s answer."""
    steps = sorted(document["steps"], key=_rank)
    shown = steps[:MOST_STEPS]
    attempts = document["execution_metadata"]["attempts"] if is_full else []
    return Progress(
        workflow_id=document["workflow_id"],
        workflow_name=document["workflow_name"],
        status=document["status"],
        finished=document["status"] in FINAL,
        paused=document["paused"],
        step_counts=dict(Counter(step["status"] for step in steps)),
        steps=[_step(step, attempts, is_full=is_full) for step in shown],
        steps_omitted=len(steps) - len(shown),
        outputs={
            step["step_name"]: step["outputs"]
            for step in shown
            if step["status"] == "succeeded" and step["outputs"]
        },
        workflow_outputs=document["workflow_outputs"],
        error_message=document["error_message"],
    )


def _rank(step: Mapping[str, Any]) -> int:
    status = step["status"]
    return _ORDER.index(status) if status in _ORDER else len(_ORDER)


def _step(step: Mapping[str, Any], attempts: list[dict[str, Any]], *, is_full: bool) -> Step:
    found = Step(
        step_name=step["step_name"],
        app=step["app"],
        status=step["status"],
        job_id=step["step_id"],
        error_message=step["error_message"],
    )
    if not is_full:
        return found
    own = [each for each in attempts if each["step_name"] == step["step_name"]]
    more = {"params": own[-1]["params"] if own else step["params"], "attempts": own}
    return Step.model_validate(found.model_dump() | more)
