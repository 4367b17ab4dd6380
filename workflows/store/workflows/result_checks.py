"""Ended workflows whose results are to be looked for in the Workspace, and what was found."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pymongo import ReturnDocument

from workflows.store import documents
from workflows.store.mongo import NOW, Row, collection, has_come, later, of_none, translate_errors

DUE: Final[Row] = {
    **has_come("results_due"),
    "finished_at": {"$type": "date"},  # a retry may have taken it up since
}


@dataclass(frozen=True, slots=True)
class Ended:
    """A workflow whose results are to be looked for."""

    id: str
    owner: str
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """What the Workspace had when the workflow ended: paths to bytes, None where nothing was."""

    at: datetime
    sizes: Mapping[str, int | None]


def take(again_in: timedelta, barred: Collection[str] = ()) -> Ended | None:
    """The one that has waited longest, of none of the ``barred`` users; no process takes it within
    ``again_in``.
    """
    wanted: Row = {**DUE, **of_none(barred)}
    with translate_errors():
        row = collection(documents.Workflow).find_one_and_update(
            wanted,
            [{"$set": {"results_due": later(again_in)}}],
            {"owner": 1, "finished_at": 1},
            sort=[("results_due", 1)],
            return_document=ReturnDocument.AFTER,
        )
    return Ended(row["_id"], row["owner"], row["finished_at"]) if row else None


def record(ended: Ended, sizes: Mapping[str, int | None]) -> None:
    """Unless it was taken up again since."""
    found = [[path, size] for path, size in sizes.items()]
    seen = {"at": NOW, "found": {"$literal": found}}
    _end(ended, [{"$set": {"results_seen": seen}}, {"$unset": "results_due"}])


def give_up(ended: Ended) -> None:
    _end(ended, [{"$unset": "results_due"}])


def read_seen(workflow: str) -> Seen | None:
    """What was found at its present end; None where it was not looked, or not yet."""
    with translate_errors():
        row = collection(documents.Workflow).find_one(
            {"_id": workflow}, {"finished_at": 1, "results_seen": 1}
        )
    found, ended = (row or {}).get("results_seen"), (row or {}).get("finished_at")
    if not found or ended is None or found["at"] < ended:
        return None
    return Seen(found["at"], dict(found["found"]))


def _end(ended: Ended, update: list[Row]) -> None:
    with translate_errors():
        collection(documents.Workflow).update_one(
            {"_id": ended.id, "finished_at": ended.finished_at}, update
        )
