"""What is set for a user, apart from the token: it stays when the token is deleted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from workflows.store import documents
from workflows.store.mongo import collection, translate_errors


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
        rows = collection(documents.User).find(
            {"_id": {"$in": list(owners)}}, {"weight": 1, "prioritises": 1}
        )
        return {
            row["_id"]: Share(row.get("weight") or 1, bool(row.get("prioritises"))) for row in rows
        }
