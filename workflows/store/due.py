"""Finds all due work in one query, for the sweep.

Each part of it reads an index of its own, so the cost follows what is due and not what is stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from mongoengine import Document

from workflows.store import documents
from workflows.store.jobs import duplicates, failures, kills, lookups, output_search, waiting
from workflows.store.mongo import DUE, Row, ago, collection, has_come, translate_errors
from workflows.store.processes import service_status
from workflows.store.reuse import lookups as lookups_for_reuse
from workflows.store.reuse import results
from workflows.store.users import renewals
from workflows.store.webhooks import claims
from workflows.store.workflows import result_checks

MOST: Final = 2_000
"""The most workflows of one sweep; the others stay due."""


class Work(StrEnum):
    """Kinds of due work, besides advancing workflows."""

    SEND = "send"
    LOOK_UP = "look up"
    KILL = "kill"
    FIND = "find"
    """Find the outputs of ended jobs, and the results of ended workflows."""
    ASK_WHY = "ask why"
    """Ask why jobs failed."""
    REUSE = "reuse"
    """Look for earlier results that steps may take."""
    NOTE = "note"
    """Note what jobs have left, for later steps."""
    REPLAN = "replan"
    """Plan further steps of workflows."""
    RENEW = "renew"
    """Renew tokens."""
    NOTIFY = "notify"
    """Deliver messages to webhooks."""
    ASK = "ask"
    """Ask AppService whether it accepts submissions."""


@dataclass(frozen=True, slots=True)
class Due:
    workflows: tuple[str, ...]
    """Workflows with unprocessed changes, or whose next check is due."""
    works: frozenset[Work]
    batches: tuple[str, ...] = ()
    """Batches with rows to be made or restarted, or that may have ended."""


_WORKFLOWS, _BATCHES, _UNWELL, _ASKED = "workflows", "batches", "unwell", "asked"


def due(overdue: timedelta, moment: timedelta) -> Due:
    """The due work. ``overdue``: the minimum age, since the code that stores a change acts on it at
    once. ``moment``: how long AppService's reported state is believed.
    """
    (document, pipeline), *rest = _parts(ago(overdue), ago(moment))
    others = [
        {"$unionWith": {"coll": collection(other).name, "pipeline": pipeline}}
        for other, pipeline in rest
    ]
    with translate_errors():
        rows = list(collection(document).aggregate([*pipeline, *others]))
    found = {row["for"] for row in rows}
    works = {Work(each) for each in found - {_WORKFLOWS, _BATCHES, _UNWELL, _ASKED}}
    if found & {Work.SEND, _UNWELL} and _ASKED not in found:
        works.add(Work.ASK)
    workflows = dict.fromkeys(row["_id"] for row in rows if row["for"] == _WORKFLOWS)
    batches = tuple(row["_id"] for row in rows if row["for"] == _BATCHES)
    return Due(tuple(workflows), frozenset(works), batches)


def _parts(overdue: Row, moment: Row) -> list[tuple[type[Document], list[Row]]]:
    """Collections and what to ask each: rows with an ``_id``, and what they are ``for``."""
    by_workflow, longest_first = {"$group": {"_id": "$workflow"}}, {"$sort": {"next_check": 1}}
    checks, changes = has_come("next_check", overdue), has_come("changed_at", overdue)
    replans: Row = {"paused": {"$ne": True}, **has_come("replan_due", overdue)}
    service: Row = {"_id": service_status.APPSERVICE}
    return [
        (documents.Job, _rows(_WORKFLOWS, changes, by_workflow, most=MOST)),
        (documents.Workflow, _rows(_WORKFLOWS, checks, longest_first, most=MOST)),
        (documents.Workflow, _rows(Work.REPLAN, replans)),
        (documents.Batch, _rows(_BATCHES, checks, longest_first, most=MOST)),
        (documents.Job, _rows(Work.SEND, {**waiting.IN_OUTBOX, "$expr": DUE})),
        (documents.Job, _rows(Work.LOOK_UP, lookups.DUE)),
        (documents.Job, _rows(Work.KILL, kills.DUE)),
        (documents.Job, _rows(Work.KILL, duplicates.DUE)),
        (documents.Job, _rows(Work.FIND, output_search.DUE)),
        (documents.Workflow, _rows(Work.FIND, result_checks.DUE)),
        (documents.Job, _rows(Work.ASK_WHY, failures.DUE)),
        (documents.Credential, _rows(Work.RENEW, renewals.DUE)),
        (documents.Delivery, _rows(Work.NOTIFY, claims.IS_DUE)),
        (documents.Job, _rows(Work.REUSE, lookups_for_reuse.DUE)),
        (documents.Job, _rows(Work.REUSE, lookups_for_reuse.OVERDUE)),
        (documents.Job, _rows(Work.NOTE, results.DUE)),
        (documents.Service, _rows(_UNWELL, {**service, "state": {"$ne": service_status.UP}})),
        (documents.Service, _rows(_ASKED, {**service, "$expr": {"$gt": ["$checked_at", moment]}})),
    ]


def _rows(wanted: str, match: Row, *stages: Row, most: int = 1) -> list[Row]:
    named = {"$project": {"for": {"$literal": wanted}}}
    return [{"$match": match}, *stages, {"$limit": most}, named]
