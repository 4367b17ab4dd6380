"""What a sender has to know of the workflows of the jobs that it has claimed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from workflows.model.states import FINAL_WORKFLOW
from workflows.rules.holds import Hold
from workflows.store import documents, holds
from workflows.store.mongo import Row, collection, translate_errors
from workflows.store.templates.references import template_name


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one workflow."""

    ended: bool = False
    """Nothing of it may start any more."""
    batch: str = ""
    begun_at: datetime | None = None
    """Since when it runs, since its last retry; None until a job of it has started."""
    template: str = ""
    """``name@version``; empty if it was made from none."""


_FIELDS = dict.fromkeys(
    ("state", "cancel_requested_at", "batch", "template", "started_at", "taken_up_at"), 1
)


def standings(workflows: Collection[str]) -> Mapping[str, Standing]:
    """Those that are stored."""
    if not workflows:
        return {}
    with translate_errors():
        rows = collection(documents.Workflow).find({"_id": {"$in": list(workflows)}}, _FIELDS)
        return {row["_id"]: _read(row) for row in rows}


def standings_and_holds(
    workflows: Collection[str],
) -> tuple[Mapping[str, Standing], list[Hold]]:
    """The same, and every hold that lasts, in one question."""
    found: dict[str, Standing] = {}
    present: list[Hold] = []
    question: list[Row] = [
        {"$match": {"_id": {"$in": list(workflows)}}},
        {"$project": _FIELDS},
        holds.stage(),
    ]
    with translate_errors():
        for row in collection(documents.Workflow).aggregate(question):
            if "scope" in row:
                present.append(holds.from_row(row))
            else:
                found[row["_id"]] = _read(row)
    return found, present


def _read(row: Row) -> Standing:
    ended = row.get("cancel_requested_at") is not None or row["state"] in FINAL_WORKFLOW
    return Standing(
        ended, row.get("batch") or "", begun_at(row), template_name(row.get("template"))
    )


def begun_at(row: Row) -> datetime | None:
    """When it began to run: its start, or the retry after it."""
    started, taken_up = row.get("started_at"), row.get("taken_up_at")
    return max(started, taken_up) if started and taken_up else started
