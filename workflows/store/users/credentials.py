"""Users' tokens at rest: sealed, one a user, never shown."""

from __future__ import annotations

import hashlib
import hmac
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from workflows.model.errors import Unauthorized, WorkflowsError
from workflows.rules.tokens.renewal import renewal_time
from workflows.store import clock, documents
from workflows.store.group_commit import GroupCommit
from workflows.store.jobs import waiting
from workflows.store.mongo import NOW, Row, collection, query, translate_errors

TRIED_AGAIN_SECONDS: Final = 10
"""After that time a submission hands a token in again that BV-BRC refused. A user with many parked
jobs who submits many more would unpark all of them with each."""
_MOST_TOGETHER: Final = 50
_OF_THE_FORMER: Final = dict.fromkeys(("refused_at", "renewed_at", "renewal_problem"), "")


class Vault:
    """Seals and opens tokens. The first key seals; all open, so that keys can be rotated."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("at least one Fernet key is needed")
        self._fernet = MultiFernet([Fernet(key) for key in keys])
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


@dataclass(frozen=True, slots=True)
class _Offer:
    """A verified token that came with a command."""

    vault: Vault
    owner: str
    token: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"_Offer(owner={self.owner!r}, token=…)"


def keep(vault: Vault, owner: str, token: str, expires_at: datetime) -> None:
    """Store the user's token if it is fresher than the one there.

    A token that BV-BRC refused is replaced by any other. What is there is read each time, since
    the user may have had it deleted by another process; concurrent requests share the reading.
    """
    _keep(_Offer(vault, owner, token, expires_at))


def _keep_all(offers: Sequence[_Offer]) -> list[Exception | None]:
    present = _present({offer.owner for offer in offers})
    return [_keep_one(offer, present.get(offer.owner)) for offer in offers]


def _keep_one(offer: _Offer, present: Row | None) -> Exception | None:
    if present and _suffices(present, offer):
        return None
    try:
        renew(offer.vault, offer.owner, offer.token, offer.expires_at)
    except WorkflowsError as failure:
        return failure
    return None


def _present(owners: Iterable[str]) -> dict[str, Row]:
    """The stored tokens of these users, but for those whose refusal is some seconds old."""
    newest = {"$subtract": [NOW, TRIED_AGAIN_SECONDS * 1000]}
    lately = {"$expr": {"$gt": ["$refused_at", newest]}}
    with translate_errors():
        rows = collection(documents.Credential).find(
            {"_id": {"$in": list(owners)}, "$or": [{"refused_at": None}, lately]},
            {"sealed": 1, "digest": 1, "expires_at": 1, "refused_at": 1},
        )
        return {row["_id"]: row for row in rows}


def _suffices(present: Row, offer: _Offer) -> bool:
    """Whether the stored token is this very one, or one that serves for longer."""
    if present["digest"] == offer.vault.digest(offer.token):
        return True
    longer = not present.get("refused_at") and present["expires_at"] >= offer.expires_at
    return longer and offer.vault.open(present["sealed"]) is not None


_keep: Final = GroupCommit(_keep_all, most=_MOST_TOGETHER)


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


def forget(owner: str) -> None:
    """Delete the user's token; without one there is nothing to do."""
    with translate_errors():
        collection(documents.Credential).delete_one({"_id": owner})


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
            written = rows.update_one(
                {"_id": row["_id"], "sealed": row["sealed"]},
                {"$set": {"sealed": vault.rotate(row["sealed"]), "digest": vault.digest(token)}},
            )
            done += written.modified_count
    return done, lost
