"""Counts each user's consumption over all processes: rates of a minute, open and stored things.

Processes count for themselves and add up here once a second, so that a request costs no statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pymongo import UpdateOne, WriteConcern

from workflows.model.states import ACTIVE_WORKFLOW
from workflows.store import documents
from workflows.store.mongo import NOW, Row, collection, translate_errors

Key = tuple[str, str]
"""The name of a limit, and a user."""
BELIEVED_SECONDS: Final = 10
"""A process that has not reported for this time holds nothing open."""
_KEPT_SECONDS: Final = 180


@dataclass(frozen=True, slots=True)
class Stored:
    """What a user has in MongoDB."""

    active: int
    """Workflows that were started and have not ended."""
    bytes: int
    """Of the documents of all workflows, batches and templates, as they are stored."""


def add(window: int, amounts: Mapping[Key, float]) -> dict[Key, float]:
    """Add to the counts of a minute; answers with their totals."""
    if not amounts:
        return {}
    ids = {_rate_id(window, key): key for key in amounts}
    _write([_update(each, {"total": _plus(amounts[key])}) for each, key in ids.items()])
    return {ids[row["_id"]]: row["total"] for row in _rows(list(ids), {"total": 1})}


def publish(process: str, counts: Mapping[Key, int]) -> dict[Key, int]:
    """Tell how much this process has open; answers with what the other processes have open."""
    ids = {_open_id(key): key for key in counts}
    others = _others(process)
    updates = []
    for usage_id, key in ids.items():
        ours = [{"k": process, "v": {"count": counts[key], "at": NOW}}]
        together = {"$arrayToObject": {"$concatArrays": [others, ours]}}
        updates.append(_update(usage_id, {"open": together}))
    _write(updates)
    elsewhere = {"$sum": {"$map": {"input": others, "in": "$$this.v.count"}}}
    return {ids[row["_id"]]: row["elsewhere"] for row in _rows(list(ids), {"elsewhere": elsewhere})}


def read_stored(owner: str) -> Stored:
    """What the user has now."""
    of_owner: Row = {"$match": {"owner": owner}}
    active = {"$cond": [{"$in": ["$state", sorted(ACTIVE_WORKFLOW)]}, 1, 0]}
    sums = {"active": {"$sum": active}, "bytes": {"$sum": "$bytes"}}
    plan: list[Row] = [
        of_owner,
        # From the index alone: rows of large workflows are large.
        {"$project": {"_id": 0, "state": 1, "bytes": 1}},
        {
            "$unionWith": {
                "coll": collection(documents.Batch).name,
                "pipeline": [of_owner, {"$project": {"_id": 0, "bytes": 1}}],
            }
        },
        {
            "$unionWith": {
                "coll": collection(documents.TemplateVersion).name,
                "pipeline": [of_owner, {"$project": {"_id": 0, "bytes": 1}}],
            }
        },
        {"$group": {"_id": None, **sums}},
    ]
    with translate_errors():
        rows = collection(documents.Workflow).aggregate(plan, hint=documents.USAGE_INDEX)
        for row in rows:
            return Stored(row["active"], row["bytes"])
    return Stored(0, 0)


def _others(process: str) -> Row:
    """What the other processes said lately, as a list of ``{k, v}``."""
    oldest = {"$subtract": [NOW, BELIEVED_SECONDS * 1000]}
    lately = {"$and": [{"$ne": ["$$this.k", process]}, {"$gt": ["$$this.v.at", oldest]}]}
    said = {"$objectToArray": {"$ifNull": ["$open", {}]}}
    return {"$filter": {"input": said, "cond": lately}}


def _rate_id(window: int, key: Key) -> str:
    return f"{key[0]}/{window}/{key[1]}"


def _open_id(key: Key) -> str:
    return f"{key[0]}/open/{key[1]}"


def _plus(amount: float) -> Row:
    return {"$add": [{"$ifNull": ["$total", 0]}, amount]}


def _update(usage_id: str, fields: Row) -> UpdateOne:
    until = {"$add": [NOW, _KEPT_SECONDS * 1000]}
    return UpdateOne({"_id": usage_id}, [{"$set": {**fields, "until": until}}], upsert=True)


def _write(updates: list[UpdateOne]) -> None:
    """A count that an outage loses is a request that was free."""
    rows = collection(documents.Usage).with_options(write_concern=WriteConcern(w=1))
    with translate_errors():
        rows.bulk_write(updates, ordered=False)


def _rows(ids: list[str], fields: Row) -> list[Row]:
    with translate_errors():
        return list(collection(documents.Usage).find({"_id": {"$in": ids}}, fields))
