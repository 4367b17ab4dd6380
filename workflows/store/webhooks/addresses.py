"""Users' e-mail addresses: registered, confirmed by who reads them, and left. They stand in the
collection of webhooks, so that claims treat both alike (``claims.py``).

An id is confirmed once and left once: an address that is registered again gets a new one. So what
an advance stores for a former registration never reaches an address that is not confirmed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from workflows.model.errors import NotFound
from workflows.model.webhooks import AddressState, Channel, Message
from workflows.store import documents
from workflows.store.insert_check import check_insert
from workflows.store.mongo import NOW, Row, ago, collection, later, transaction, translate_errors
from workflows.store.webhooks import outbox
from workflows.store.webhooks.changes import disable

IS_EMAIL: Final[Row] = {"kind": str(Channel.EMAIL)}
_LEFT: Final = "its reader has unsubscribed"
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAddress:
    """What its user sees of it. Before it is confirmed that is nothing that a mail server says."""

    id: str
    owner: str
    address: str
    events: tuple[str, ...]
    state: AddressState
    reason: str
    """Why nothing is sent."""
    last_success_at: datetime | None
    failing_since: datetime | None
    created_at: datetime
    updated_at: datetime
    unsubscribe: str = field(repr=False)

    @property
    def is_enabled(self) -> bool:
        return self.state is AddressState.ENABLED


@dataclass(frozen=True, slots=True)
class Asked:
    """A registration whose confirmation is to be sent."""

    id: str
    nonce: str = field(repr=False)


def get(address_id: str) -> StoredAddress:
    """Read an address. Raises ``NotFound``. It does not ask who may see it."""
    with translate_errors():
        row = collection(documents.Webhook).find_one({"_id": address_id, **IS_EMAIL})
    if row is None:
        raise NotFound(f"There is no e-mail address '{address_id}'.")
    return _value(row)


def of_owner(owner: str) -> list[StoredAddress]:
    """A user's addresses, newest first."""
    with translate_errors():
        rows = collection(documents.Webhook).find({"owner": owner, **IS_EMAIL})
        return [_value(row) for row in rows.sort([("created_at", -1), ("_id", -1)])]


def take_request(owner: str, digest: str, most: int) -> int:
    """Note that the user wants a confirmation sent to an address, unless there were ``most`` within
    a day; returns how many confirmations to this address all users have asked for, 0 if the user
    may not. ``digest``: of the address."""
    requests, request = collection(documents.MailRequest), uuid4().hex
    fields: Row = {"owner": owner, "address": digest}
    check_insert(documents.MailRequest, {"_id": request, **fields}, ("created_at",))
    literal = {name: {"$literal": value} for name, value in fields.items()}
    recent: Row = {"$expr": {"$gt": ["$created_at", ago(_DAY)]}}
    with translate_errors():
        requests.update_one(
            {"_id": request}, [{"$set": {**literal, "created_at": NOW}}], upsert=True
        )
        # Counted afterwards: of several at the same time at most as many remain as may.
        if requests.count_documents({"owner": owner, **recent}) > most:
            requests.delete_one({"_id": request})
            return 0
        return int(requests.count_documents({"address": digest, **recent}))


def register(
    owner: str,
    address: str,
    events: Sequence[str],
    lasts: timedelta,
    confirmation: Callable[[Asked], Message] | None,
) -> str:
    """Store an address with the message that asks for its confirmation, both or neither; returns
    its id. One that is confirmed stays as it is, and nothing is sent.

    ``lasts``: how long it waits for that. ``confirmation``: None: nothing is sent.
    """

    def work(session: ClientSession) -> str:
        rows = collection(documents.Webhook)
        row = rows.find_one({"owner": owner, "url": address, **IS_EMAIL}, session=session)
        if row and row["state"] in (AddressState.ENABLED, AddressState.DISABLED):
            return str(row["_id"])
        if row:
            rows.delete_one({"_id": row["_id"]}, session=session)
            collection(documents.Delivery).delete_many({"webhook": row["_id"]}, session=session)
        asked = Asked(f"em_{uuid4().hex}", uuid4().hex)
        _insert(asked, {"owner": owner, "url": address, "events": list(events)}, lasts, session)
        outbox.insert([confirmation(asked)] if confirmation else [], session)
        return asked.id

    try:
        return transaction(work)
    except DuplicateKeyError:  # the same at the same time: the other one was first
        return transaction(work)


def _insert(asked: Asked, found: Row, lasts: timedelta, session: ClientSession) -> None:
    fields: Row = {
        **found,
        **IS_EMAIL,
        "state": str(AddressState.UNCONFIRMED),
        "nonce": asked.nonce,
        "unsubscribe": uuid4().hex,
    }
    times: Row = {"created_at": NOW, "updated_at": NOW, "expires_at": later(lasts)}
    check_insert(documents.Webhook, {"_id": asked.id, **fields}, tuple(times))
    literal = {name: {"$literal": value} for name, value in fields.items()}
    collection(documents.Webhook).update_one(
        {"_id": asked.id}, [{"$set": {**literal, **times}}], upsert=True, session=session
    )


def confirm(asked: Asked) -> bool:
    """Who reads the address wants the messages; false where it waits for no such confirmation.
    Idempotent."""
    known: Row = {"_id": asked.id, "nonce": asked.nonce, **IS_EMAIL}
    with translate_errors():
        rows = collection(documents.Webhook)
        rows.update_one(
            {**known, "state": AddressState.UNCONFIRMED},
            [
                {"$set": {"state": str(AddressState.ENABLED), "updated_at": NOW}},
                {"$unset": ["expires_at", "failing_since", "hold_until", "last_success_at"]},
            ],
        )
        return rows.find_one({**known, "state": AddressState.ENABLED}, {"_id": 1}) is not None


def unsubscribe(address_id: str, word: str) -> None:
    """Nothing is sent to the address any more; what waits has failed. Idempotent; an unknown one is
    passed over."""
    confirmed = {"$in": [str(AddressState.ENABLED), str(AddressState.DISABLED)]}
    condition: Row = {"unsubscribe": word, "state": confirmed, **IS_EMAIL}
    disable(address_id, _LEFT, condition, AddressState.UNSUBSCRIBED)


def change_events(address_id: str, events: Sequence[str]) -> None:
    """Replace the events that it hears of."""
    with translate_errors():
        collection(documents.Webhook).update_one(
            {"_id": address_id, **IS_EMAIL},
            [{"$set": {"events": {"$literal": list(events)}, "updated_at": NOW}}],
        )


def enable(address_id: str) -> bool:
    """Send again what happens from now on; false unless it is confirmed and disabled."""
    with translate_errors():
        changed = collection(documents.Webhook).update_one(
            {"_id": address_id, "state": AddressState.DISABLED, **IS_EMAIL},
            [
                {"$set": {"state": str(AddressState.ENABLED), "updated_at": NOW}},
                {"$unset": ["reason", "failing_since", "hold_until"]},
            ],
        )
    return bool(changed.matched_count)


def _value(row: Row) -> StoredAddress:
    state = AddressState(row["state"])
    waits = state is AddressState.UNCONFIRMED
    return StoredAddress(
        id=row["_id"],
        owner=row["owner"],
        address=row["url"],
        events=tuple(row.get("events") or ()),
        state=state,
        reason=row.get("reason") or "",
        last_success_at=None if waits else row.get("last_success_at"),
        failing_since=None if waits else row.get("failing_since"),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        unsubscribe=row["unsubscribe"],
    )
