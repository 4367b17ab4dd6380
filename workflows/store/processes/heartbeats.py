"""Heartbeats of processes, on MongoDB's clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from workflows import __version__
from workflows.rules.health import BrokenTask, Heartbeat
from workflows.store import documents
from workflows.store.mongo import NOW, Row, collection, translate_errors


def record_heartbeat(
    name: str,
    kind: str,
    queues: Sequence[str] = (),
    *,
    cut_off: bool = False,
    broken: Sequence[BrokenTask] = (),
) -> None:
    """Record that this process is alive. ``name`` is ``<kind>@<host>:<process id>``."""
    fields: Row = {
        "kind": kind,
        "queues": {"$literal": list(queues)},
        "cut_off": cut_off,
        "broken": {"$literal": [_row_of_task(each) for each in broken]},
        "version": __version__,
        "at": NOW,
    }
    with translate_errors():
        collection(documents.Heartbeat).update_one({"_id": name}, [{"$set": fields}], upsert=True)


def leave(name: str) -> None:
    """Record that this process ends in an orderly way."""
    with translate_errors():
        collection(documents.Heartbeat).delete_one({"_id": name})


def list_heartbeats() -> list[Heartbeat]:
    """The heartbeats of the last day whose processes did not leave, the latest first."""
    fields: Row = {
        "kind": 1,
        "queues": 1,
        "cut_off": 1,
        "broken": 1,
        "version": 1,
        "age": {"$subtract": [NOW, "$at"]},
    }
    with translate_errors():
        rows = collection(documents.Heartbeat).find({}, fields, sort=[("at", -1)])
        return [
            Heartbeat(
                kind=row["kind"],
                seen=timedelta(milliseconds=row["age"]),
                queues=tuple(row["queues"]),
                cut_off=row["cut_off"],
                broken=tuple(_read_task(each) for each in row.get("broken") or ()),
                name=row["_id"],
                version=row.get("version") or "",
            )
            for row in rows
        ]


def _row_of_task(each: BrokenTask) -> Row:
    return {
        "task": each.task,
        "error": each.error,
        "count": each.count,
        "lasted": each.lasted.total_seconds(),
        "ago": each.ago.total_seconds(),
    }


def _read_task(row: Row) -> BrokenTask:
    lasted, ago = timedelta(seconds=row["lasted"]), timedelta(seconds=row["ago"])
    return BrokenTask(row["task"], row["error"], row["count"], lasted, ago)
