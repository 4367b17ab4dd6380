"""Which tokens are to be renewed, and what became of it.

``renew_at`` of a token says when to look at it next. A process claims a token by moving that time
from the value that it read, so that one process at a time renews it, and a dead one delays the next
try only. A new token replaces the one that it was made from and no other: what the user did in the
meantime (a fresher token, ``DELETE /credentials``) stays.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from pymongo import UpdateOne

from workflows.model.states import ACTIVE_WORKFLOW
from workflows.store import documents
from workflows.store.jobs import waiting
from workflows.store.mongo import NOW, Row, collection, has_come, later, query, translate_errors
from workflows.store.users.credentials import Vault, renewal_fields

DUE: Final[Row] = has_come("renew_at")


@dataclass(frozen=True, slots=True)
class DueToken:
    """A token whose time to be looked at has come."""

    owner: str
    digest: str
    sealed: str = field(repr=False)
    expires_at: datetime
    refused: bool
    """BV-BRC refused it."""
    renew_at: datetime
    now: datetime
    """MongoDB's time of the query."""

    @property
    def hopeless(self) -> bool:
        """Only its user can replace it."""
        return self.refused or self.expires_at <= self.now


@dataclass(frozen=True, slots=True)
class Renewal:
    """How a user's stored token stands."""

    expires_at: datetime
    refused: bool
    renew_at: datetime | None
    renewed_at: datetime | None
    problem: str
    """Why the last try failed; empty where none did since the token was stored."""


def due_tokens(most: int) -> list[DueToken]:
    """The first of them."""
    fields = ("digest", "sealed", "expires_at", "refused_at", "renew_at")
    with translate_errors():
        rows = collection(documents.Credential).find(
            DUE, {"now": NOW, **dict.fromkeys(fields, 1)}, sort=[("renew_at", 1)], limit=most
        )
        return [
            DueToken(
                row["_id"],
                row["digest"],
                row["sealed"],
                row["expires_at"],
                bool(row.get("refused_at")),
                row["renew_at"],
                row["now"],
            )
            for row in rows
        ]


def with_work(owners: Collection[str]) -> set[str]:
    """Those of these users who have a workflow or a batch that has not ended."""
    mine = {"owner": {"$in": sorted(owners)}}
    with translate_errors():
        running = collection(documents.Workflow).distinct(
            "owner", {**mine, "state": {"$in": sorted(ACTIVE_WORKFLOW)}}
        )
        waiting_rows = collection(documents.Batch).distinct("owner", {**mine, "finished_at": None})
    return {*running, *waiting_rows}


def postpone(tokens: Sequence[tuple[DueToken, datetime | None]]) -> None:
    """Look at each again at that time, or, without one, not until its user hands in another."""
    writes = [
        UpdateOne(
            _as_read(token), {"$set": {"renew_at": at}} if at else {"$unset": {"renew_at": 1}}
        )
        for token, at in tokens
    ]
    if writes:
        with translate_errors():
            collection(documents.Credential).bulk_write(writes, ordered=False)


def claim(token: DueToken, lease: timedelta) -> bool:
    """The right to renew it for so long; false where another process has it or it has changed."""
    with translate_errors():
        result = collection(documents.Credential).update_one(
            _as_read(token), [{"$set": {"renew_at": later(lease)}}]
        )
    return bool(result.modified_count)


def _as_read(token: DueToken) -> Row:
    return {"_id": token.owner, "digest": token.digest, "renew_at": token.renew_at}


def replace(vault: Vault, token: DueToken, fresh: str, expires_at: datetime) -> bool:
    """Seal the new token in the place of the one that it was made from; false if that is gone."""
    fields = renewal_fields(vault, fresh, expires_at)
    with translate_errors():
        result = collection(documents.Credential).update_one(
            {"_id": token.owner, "digest": token.digest},
            [
                {"$set": {**fields, "renewed_at": NOW}},
                {"$unset": ["refused_at", "renewal_problem"]},
            ],
        )
        if result.modified_count:
            waiting.unpark(waiting.with_token([token.owner]))
    return bool(result.modified_count)


def note_failure(token: DueToken, again_at: datetime, reason: str) -> None:
    """When it is tried again."""
    with translate_errors():
        collection(documents.Credential).update_one(
            {"_id": token.owner, "digest": token.digest},
            {"$set": {"renew_at": again_at, "renewal_problem": reason}},
        )


def of_user(owner: str) -> Renewal | None:
    """None where no token of the user is stored."""
    with translate_errors():
        known = query(documents.Credential, id=owner)
        names = ("expires_at", "refused_at", "renew_at", "renewed_at", "renewal_problem")
        row = known.only(*names).first()
    if row is None:
        return None
    return Renewal(
        row.expires_at,
        bool(row.refused_at),
        row.renew_at,
        row.renewed_at,
        row.renewal_problem or "",
    )
