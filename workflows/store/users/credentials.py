"""Users' tokens at rest: sealed, one a user, never shown."""

from __future__ import annotations

import hashlib
import hmac
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from workflows.model.errors import Unauthorized
from workflows.rules.tokens.renewal import renewal_time
from workflows.store import clock, documents
from workflows.store.jobs import waiting
from workflows.store.mongo import NOW, Row, collection, query, translate_errors

SEEN_SECONDS: Final = 10.0
MOST_SEEN: Final = 10_000
_OF_THE_FORMER: Final = dict.fromkeys(("refused_at", "renewed_at", "renewal_problem"), "")


class Vault:
    """Seals and opens tokens. The first key seals; all open, so that keys can be rotated."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("at least one Fernet key is needed")
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._seen: dict[tuple[str, str], float] = {}
        self._digest_keys = [hashlib.sha256(b"digest:" + key.encode()).digest() for key in keys]

    def __repr__(self) -> str:
        return "Vault(…)"

    def seal(self, token: str) -> str:
        return self._fernet.encrypt(token.encode()).decode()

    def open(self, sealed: str) -> str | None:
        """None where no key of ours sealed it."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            return None

    def rotate(self, sealed: str) -> str:
        """The same token under the first key."""
        return self._fernet.rotate(sealed.encode()).decode()

    def saw(self, owner: str, digest: str) -> bool:
        """Whether this process has handed in this very token a moment ago."""
        return time.monotonic() < self._seen.get((owner, digest), 0.0)

    def note(self, owner: str, digest: str) -> None:
        if len(self._seen) >= MOST_SEEN:
            self._seen.clear()
        self._seen[owner, digest] = time.monotonic() + SEEN_SECONDS

    def forget(self, owner: str) -> None:
        """What this process has handed in for the user is no longer there."""
        for key in [key for key in self._seen.copy() if key[0] == owner]:
            self._seen.pop(key, None)

    def digest(self, token: str) -> str:
        """Tells whether two tokens are the same, and nothing else."""
        return hmac.new(self._digest_keys[0], token.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Credential:
    """A usable token. It is masked wherever the value is printed."""

    owner: str
    token: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"Credential(owner={self.owner!r}, token=…, expires_at={self.expires_at!r})"


def keep(vault: Vault, owner: str, token: str, expires_at: datetime) -> None:
    """Store the user's token if it is fresher than the one there.

    A token that BV-BRC refused is replaced by any other. Many submissions in a row compare the
    token once.
    """
    digest = vault.digest(token)
    if not vault.saw(owner, digest):
        renew(vault, owner, token, expires_at)
        vault.note(owner, digest)


def renew(vault: Vault, owner: str, token: str, expires_at: datetime) -> None:
    """The same for a token that a user hands in explicitly: one that BV-BRC refused is tried again,
    since it was verified here and BV-BRC may have been mistaken.
    """
    _store(vault, owner, token, expires_at)
    with translate_errors():
        waiting.unpark(waiting.with_token([owner]))


def _store(vault: Vault, owner: str, token: str, expires_at: datetime) -> None:
    digest = vault.digest(token)
    fresher = {
        "$or": [
            {"$lt": ["$expires_at", expires_at]},
            {"$ne": [{"$type": "$refused_at"}, "missing"]},
        ]
    }
    rows = collection(documents.Credential)
    with translate_errors():
        present = rows.find_one({"_id": owner})
        opens = present and vault.open(present["sealed"])
        if present and opens and present["digest"] == digest:
            if present.get("refused_at"):
                again = {"$set": {"renew_at": clock.now()}, "$unset": {"refused_at": ""}}
                rows.update_one({"_id": owner, "digest": digest}, again)
            return
        fields = renewal_fields(vault, token, expires_at)
        if present is None:
            rows.update_one({"_id": owner}, {"$setOnInsert": fields}, upsert=True)
        elif not opens:
            # Sealed with a key that is gone: it counts as absent, whenever it would expire.
            rows.update_one(
                {"_id": owner, "sealed": present["sealed"]},
                {"$set": fields, "$unset": _OF_THE_FORMER},
            )
        rows.update_one(
            {"_id": owner, "digest": {"$ne": digest}, "$expr": fresher},
            {"$set": fields, "$unset": _OF_THE_FORMER},
        )


def renewal_fields(vault: Vault, token: str, expires_at: datetime) -> Row:
    """What is stored of a token, with the time at which it is to be renewed."""
    chance = random.random()  # noqa: S311 - spreads the load
    return {
        "sealed": vault.seal(token),
        "digest": vault.digest(token),
        "expires_at": expires_at,
        "renew_at": renewal_time(clock.now(), expires_at, chance),
    }


def forget(vault: Vault, owner: str) -> None:
    """Delete the user's token; without one there is nothing to do."""
    with translate_errors():
        collection(documents.Credential).delete_one({"_id": owner})
    vault.forget(owner)


def usable(vault: Vault, owner: str) -> Credential | None:
    """The user's token while it is valid and not refused; None else."""
    return usable_of(vault, [owner]).get(owner)


def usable_of(vault: Vault, owners: Sequence[str]) -> dict[str, Credential]:
    """The same for many users; those without a usable token are missing."""
    with translate_errors():
        rows = collection(documents.Credential).find(
            {
                "_id": {"$in": list(owners)},
                "refused_at": None,
                "$expr": {"$gt": ["$expires_at", NOW]},
            }
        )
        return {
            row["_id"]: Credential(row["_id"], token, row["expires_at"])
            for row in rows
            if (token := vault.open(row["sealed"]))
        }


def some_usable(vault: Vault, most: int) -> list[Credential]:
    """The longest-lived tokens, one a user, for calls that any user's token may make."""
    usable: Row = {"refused_at": None, "$expr": {"$gt": ["$expires_at", NOW]}}
    with translate_errors():
        rows = collection(documents.Credential).find(usable, sort=[("expires_at", -1)])
        opened = (
            Credential(row["_id"], token, row["expires_at"])
            for row in rows
            if (token := vault.open(row["sealed"]))
        )
        return list(islice(opened, most))


def expiry(vault: Vault, owner: str) -> tuple[datetime | None, bool]:
    """When the stored token ends, and whether BV-BRC refused it. None: there is none that opens."""
    with translate_errors():
        known = query(documents.Credential, id=owner)
        credential = known.only("sealed", "expires_at", "refused_at").first()
    if credential is None or vault.open(credential.sealed) is None:
        return None, False
    return credential.expires_at, bool(credential.refused_at)


def mark_refused(vault: Vault, credential: Credential, refusal: Unauthorized) -> None:
    """Mark the token as refused by BV-BRC: only a different one is used from now on. A refusal that
    did not come from the service is not stored.
    """
    if not refusal.by_service:
        return
    with translate_errors():
        collection(documents.Credential).update_one(
            {"_id": credential.owner, "digest": vault.digest(credential.token)},
            [{"$set": {"refused_at": NOW}}],
        )


def rotate(vault: Vault) -> tuple[int, int]:
    """Seal every token again under the first key; returns (resealed, impossible to open)."""
    rows, done, lost = collection(documents.Credential), 0, 0
    with translate_errors():
        for row in rows.find({}, {"sealed": 1}):
            token = vault.open(row["sealed"])
            if token is None:
                lost += 1
                continue
            rows.update_one(
                {"_id": row["_id"], "sealed": row["sealed"]},
                {"$set": {"sealed": vault.rotate(row["sealed"]), "digest": vault.digest(token)}},
            )
            done += 1
    return done, lost
