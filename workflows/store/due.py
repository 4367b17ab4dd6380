"""What is due, of all that the sweep looks after, in one question.

Each part of it reads an index of its own, so the cost follows what is due and not what is stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from mongoengine import Document

from workflows import models
from workflows.states import JobState
from workflows.store import results, services, surplus, watch
from workflows.store.mongo import DUE, Row, ago, collection, translated

MOST: Final = 2_000
"""Workflows taken up at once; the rest is as due next time."""


@dataclass(frozen=True, slots=True)
class Due:
    workflows: tuple[str, ...] = ()
    """They have news that nobody has taken in, or should be looked at."""
    sends: bool = False
    lookups: bool = False
    kills: bool = False
    finds: bool = False
    """Results of jobs that have ended shall be looked for."""
    replans: bool = False
    """Further steps of workflows shall be planned."""
    unwell: bool = False
    """AppService was not up when that was found out last."""
    asked: bool = False
    """That was a moment ago."""


def due(overdue: timedelta, asked: timedelta) -> Due:
    """``overdue``: whoever stores something acts on it at once; taken up is what is older than
    that. ``asked``: a moment.
    """
    (document, pipeline), *rest = _parts(ago(overdue), ago(asked))
    others = [
        {"$unionWith": {"coll": collection(other).name, "pipeline": pipeline}}
        for other, pipeline in rest
    ]
    with translated():
        rows = list(collection(document).aggregate([*pipeline, *others]))
    found = {row["of"] for row in rows} - {_WORKFLOWS}
    workflows = dict.fromkeys(row["_id"] for row in rows if row["of"] == _WORKFLOWS)
    return Due(tuple(workflows), **dict.fromkeys(found, True))


_WORKFLOWS: Final = "workflows"


def _parts(overdue: Row, asked: Row) -> list[tuple[type[Document], list[Row]]]:
    """Collections and what to ask each for: rows with an ``_id``, ``of`` a field of ``Due``."""
    by_workflow, longest_first = {"$group": {"_id": "$workflow"}}, {"$sort": {"next_check": 1}}
    checks, news = _come("next_check", overdue), _come("news", overdue)
    replans: Row = {"held": {"$ne": True}, **_come("replan_due", overdue)}
    service: Row = {"_id": services.APPSERVICE}
    return [
        (models.Job, _rows(_WORKFLOWS, news, by_workflow, most=MOST)),
        (models.Workflow, _rows(_WORKFLOWS, checks, longest_first, most=MOST)),
        (models.Workflow, _rows("replans", replans)),
        (models.Job, _rows("sends", {"state": JobState.INTENDED, "$expr": DUE})),
        (models.Job, _rows("lookups", {"state": JobState.SENDING, "$expr": DUE})),
        (models.Job, _rows("kills", watch.KILL)),
        (models.Job, _rows("kills", surplus.DUE)),
        (models.Job, _rows("finds", results.DUE)),
        (models.Service, _rows("unwell", {**service, "state": {"$ne": services.UP}})),
        (models.Service, _rows("asked", {**service, "$expr": {"$gt": ["$checked_at", asked]}})),
    ]


def _rows(of: str, match: Row, *stages: Row, most: int = 1) -> list[Row]:
    named = {"$project": {"of": {"$literal": of}}}
    return [{"$match": match}, *stages, {"$limit": most}, named]


def _come(field: str, instant: Row) -> Row:
    """That its time was before the instant; the type is what the partial indexes are asked with."""
    return {field: {"$type": "date"}, "$expr": {"$lte": [f"${field}", instant]}}
