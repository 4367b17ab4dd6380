"""What is set for a user, apart from the token: it stays when the token is deleted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from workflows.store import documents
from workflows.store.mongo import Row, collection, translate_errors


def set_renewal(owner: str, *, wanted: bool) -> None:
    """Whether the engine may renew the user's token."""
    with translate_errors():
        collection(documents.User).update_one(
            {"_id": owner}, {"$set": {"renew": wanted}}, upsert=True
        )


def without_renewal(owners: Collection[str]) -> set[str]:
    """Those of these users who do not want their token renewed."""
    with translate_errors():
        rows = collection(documents.User).find(
            {"_id": {"$in": list(owners)}, "renew": False}, {"_id": 1}
        )
        return {row["_id"] for row in rows}


@dataclass(frozen=True, slots=True)
class Share:
    """How a user's jobs are chosen."""

    weight: int = 1
    """How many of them go in each round."""
    prioritises: bool = False
    """Some of them go before or behind others."""


def set_weight(owner: str, weight: int) -> None:
    """How many jobs of the user go in each round of a claim."""
    with translate_errors():
        collection(documents.User).update_one(
            {"_id": owner}, {"$set": {"weight": weight}}, upsert=True
        )


def note_priorities(owners: Collection[str]) -> None:
    """From now on claims look at the priorities of these users' jobs."""
    with translate_errors():
        for owner in sorted(owners):
            collection(documents.User).update_one(
                {"_id": owner}, {"$set": {"prioritises": True}}, upsert=True
            )


def shares(owners: Collection[str]) -> Mapping[str, Share]:
    """Of those of these users for whom something is set."""
    with translate_errors():
        rows = collection(documents.User).aggregate(_pipeline(owners))
        return {row["_id"]: share_of(row) for row in rows}


def stage(owners: Collection[str]) -> Row:
    """A stage that adds them to the rows of another question, for ``share_of``."""
    name = collection(documents.User).name
    return {"$unionWith": {"coll": name, "pipeline": _pipeline(owners)}}


def share_of(row: Row) -> Share:
    return Share(row.get("weight") or 1, bool(row.get("prioritises")))


def _pipeline(owners: Collection[str]) -> list[Row]:
    return [
        {"$match": {"_id": {"$in": list(owners)}}},
        {"$project": {"weight": 1, "prioritises": 1}},
    ]
