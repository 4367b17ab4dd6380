"""Sessions of the pages that users have signed out of.

A session is a sealed cookie, so that every process knows it; what MongoDB keeps is which of them no
longer counts, until it would have ended by itself.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from workflows.store import documents
from workflows.store.mongo import collection, query, translate_errors


def end(secret: str, until: datetime) -> None:
    """From now on no process accepts the session with this secret."""
    with translate_errors():
        collection(documents.EndedSession).update_one(
            {"_id": _digest(secret)}, {"$set": {"until": until}}, upsert=True
        )


def has_ended(secret: str) -> bool:
    """Whether the user signed out of the session with this secret."""
    with translate_errors():
        return bool(query(documents.EndedSession, id=_digest(secret)).limit(1).scalar("id"))


def _digest(secret: str) -> str:
    """A reader of the database learns no secret of a form."""
    return hashlib.sha256(secret.encode()).hexdigest()
