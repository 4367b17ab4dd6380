"""Which processes are there: each tells so again and again, by MongoDB's clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from workflows.rules.health import Presence
from workflows.store import documents
from workflows.store.mongo import NOW, Row, collection, translated


def tell(name: str, kind: str, queues: Sequence[str] = (), *, cut_off: bool = False) -> None:
    """This process is there. ``name`` is ``<kind>@<host>:<process id>``."""
    fields: Row = {
        "kind": kind,
        "queues": {"$literal": list(queues)},
        "cut_off": cut_off,
        "at": NOW,
    }
    with translated():
        collection(documents.Heartbeat).update_one({"_id": name}, [{"$set": fields}], upsert=True)


def leave(name: str) -> None:
    """This process ends as it should: nobody need miss it."""
    with translated():
        collection(documents.Heartbeat).delete_one({"_id": name})


def known() -> list[Presence]:
    """Every process that was there within the last day and did not leave, the latest first."""
    fields: Row = {"kind": 1, "queues": 1, "cut_off": 1, "age": {"$subtract": [NOW, "$at"]}}
    with translated():
        rows = collection(documents.Heartbeat).find({}, fields, sort=[("at", -1)])
        return [
            Presence(
                kind=row["kind"],
                seen=timedelta(milliseconds=row["age"]),
                queues=tuple(row["queues"]),
                cut_off=row["cut_off"],
            )
            for row in rows
        ]
