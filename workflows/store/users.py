"""What is set for a user, apart from the token: it stays when the token is deleted."""

from __future__ import annotations

from collections.abc import Collection

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
