"""Duplicate jobs of one attempt at AppService, stored until they are dead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from workflows.model.values import APPSERVICE, Job
from workflows.store import documents
from workflows.store.mongo import Row, collection, has_come, later, sound, translate_errors

DUE: Row = has_come("surplus_due")


@dataclass(frozen=True, slots=True)
class Surplus:
    """The duplicates of one attempt that must still be killed."""

    key: str
    workflow: str
    owner: str
    job_ids: tuple[str, ...]
    backend: str = APPSERVICE


def note(job: Job, job_ids: Sequence[str]) -> None:
    """Stores duplicates durably, before the first kill."""
    with translate_errors():
        collection(documents.Job).update_one(
            {"_id": job.key},
            {
                "$addToSet": {"surplus": {"$each": list(job_ids)}},
                "$currentDate": {"surplus_due": True},
            },
        )


def take(limit: int, again_in: timedelta) -> list[Surplus]:
    """Those that are due; they come again after that time unless they are settled.

    One by one, so that a duplicate settled in between does not become due again.
    """
    found, put_off = list[Row](), [{"$set": {"surplus_due": later(again_in)}}]
    with translate_errors():
        rows = collection(documents.Job)
        while len(found) < limit and (row := rows.find_one_and_update(DUE, put_off)):
            found.append(row)
    return [each for row in found if (each := sound(row, _value))]


def settle(key: str, job_ids: Sequence[str]) -> None:
    """These are dead."""
    with translate_errors():
        rows = collection(documents.Job)
        rows.update_one({"_id": key}, {"$pull": {"surplus": {"$in": list(job_ids)}}})
        rows.update_one({"_id": key, "surplus": []}, {"$unset": {"surplus": "", "surplus_due": ""}})


def _value(row: Row) -> Surplus:
    return Surplus(
        row["_id"],
        row["workflow"],
        row["owner"],
        tuple(row["surplus"]),
        row.get("backend") or APPSERVICE,
    )
