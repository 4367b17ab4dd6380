"""Work that does not go on by itself, or only after many failures: by id, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from mongoengine import Document

from workflows.model.states import ACTIVE_WORKFLOW, JobState
from workflows.store import documents
from workflows.store.mongo import Row, collection, translate_errors
from workflows.store.overview.queues import MILLISECONDS

_SEVERAL: Final = 3
"""Kills that were asked for in vain."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """One workflow or job."""

    workflow: str
    owner: str
    job: str
    """The key of the job; empty where it is about the workflow."""
    since: datetime | None
    why: str


@dataclass(frozen=True, slots=True)
class _Question:
    """What is looked for, sorted by the field that says since when."""

    document: type[Document]
    field: str
    match: Row
    why: Callable[[Row], str]


def stuck(now: datetime, overdue: timedelta, limit: int) -> list[Stuck]:
    """At most ``limit`` of each kind, those first that have waited longest. ``overdue``: how long
    due work may wait before it is listed; ``now`` is MongoDB's.
    """
    before = now - overdue
    with translate_errors():
        return [each for question in _questions(before) for each in _ask(question, limit)]


def _ask(question: _Question, limit: int) -> Sequence[Stuck]:
    fields = ("owner", "workflow", "failures", "replan_reason", "kill_asks", "reason", "tries")
    rows = collection(question.document).find(
        question.match,
        dict.fromkeys((*fields, question.field), 1),
        sort=[(question.field, 1)],
        limit=limit,
        max_time_ms=MILLISECONDS,
    )
    return [_read(question, row) for row in rows]


def _read(question: _Question, row: Row) -> Stuck:
    is_job = question.document is documents.Job
    workflow, job = (row["workflow"], row["_id"]) if is_job else (row["_id"], "")
    return Stuck(workflow, row["owner"], job, row.get(question.field), question.why(row))


def _questions(before: datetime) -> list[_Question]:
    """Each reads an index: of its due date, or of states."""
    long_due: Row = {"$type": "date", "$lte": before}
    return [*_questions_of_workflows(before, long_due), *_questions_of_jobs(before, long_due)]


def _questions_of_workflows(before: datetime, long_due: Row) -> list[_Question]:
    workflow = documents.Workflow
    going, not_paused = {"$in": sorted(ACTIVE_WORKFLOW)}, {"paused": {"$ne": True}}
    return [
        _Question(workflow, "next_check", {**not_paused, "next_check": long_due}, _overdue),
        _Question(
            workflow,
            "next_check",
            {"next_check": {"$type": "date", "$gt": before}, "failures": {"$gt": 0}},
            _overdue,
        ),
        _Question(
            workflow,
            "replan_due",
            {"replan_due": {"$type": "date"}, "replan_failures": {"$gt": 0}},
            lambda row: f"its further steps cannot be planned: {row.get('replan_reason')}",
        ),
        _Question(
            workflow,
            "created_at",
            {"state": going, "paused": True},
            lambda _: "it is paused until a user resumes it",
        ),
    ]


def _questions_of_jobs(before: datetime, long_due: Row) -> list[_Question]:
    job = documents.Job
    return [
        _Question(
            job,
            "sent_at",
            {"state": JobState.SENDING, "in_doubt": True, "sent_at": {"$lte": before}},
            lambda row: f"the answer to its submission is lost: {row.get('reason') or 'no reason'}",
        ),
        _Question(
            job,
            "missing_since",
            {"state": JobState.ACTIVE, "missing_since": {"$type": "date"}},
            lambda _: "AppService does not know its job any more",
        ),
        _Question(
            job,
            "kill_due",
            {"kill_due": {"$type": "date"}, "kill_asks": {"$gte": _SEVERAL}},
            lambda row: f"its kill was asked for {row['kill_asks']} times in vain",
        ),
        _Question(
            job,
            "results_due",
            {"results_due": long_due},
            lambda _: "its outputs are looked for in the Workspace",
        ),
        _Question(
            job,
            "evidence_due",
            {"evidence_due": long_due},
            lambda _: "BV-BRC is asked why it failed",
        ),
    ]


def _overdue(row: Row) -> str:
    if failures := row.get("failures"):
        return f"advancing it failed {failures} times on a defect of the engine: see the log"
    return "it is due to be advanced, and no worker has done it"
