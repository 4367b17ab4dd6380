"""Claims of messages that are due: by webhook, so that one that is slow holds up no other.

A *slot* is the right to send to a webhook; it has two, over all processes. The thread that has one
claims the webhook's messages, one at a time. Slots and claims of a process that died end by
themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from pymongo import ReturnDocument

from workflows.model.webhooks import AddressState, Channel, DeliveryState, Message, WebhookState
from workflows.store import documents
from workflows.store.mongo import NOW, Row, ago, collection, has_come, later, translate_errors
from workflows.store.users.credentials import Vault

SLOTS: Final = 2
"""Exchanges with one webhook at the same time."""
IS_DUE: Final[Row] = has_come("due")
"""Of a message: it can be sent now."""
_OPEN: Final = [str(WebhookState.ENABLED), str(AddressState.UNCONFIRMED)]
"""States in which something is sent; to an address that is not confirmed, one message alone, since
events are stored for enabled ones only."""
_USED: Final[Row] = {
    "$filter": {
        "input": {"$ifNull": ["$slots", []]},
        "as": "slot",
        "cond": {"$gt": ["$$slot.until", NOW]},
    }
}
"""The slots that are in use."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A webhook with messages that are due."""

    webhook: str
    owner: str
    free: int
    """Its free slots, and no more than it has messages that are due."""
    channel: Channel = Channel.WEBHOOK


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A webhook as its sender needs it."""

    webhook: str
    url: str
    secrets: tuple[str, ...] = field(repr=False)
    """In the clear, the newest first. Empty: none can be opened."""
    channel: Channel = Channel.WEBHOOK


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that this process may send."""

    message: Message
    attempts: int
    """Before this one."""


def find_waiting(channels: Collection[Channel] = tuple(Channel)) -> list[Waiting]:
    """Webhooks and addresses with messages that can be sent now, those first that have waited
    longest."""
    with translate_errors():
        groups = collection(documents.Delivery).aggregate(
            [
                {"$match": IS_DUE},
                {"$group": {"_id": "$webhook", "due": {"$min": "$due"}, "count": {"$sum": 1}}},
                {"$sort": {"due": 1}},
            ],
            hint=documents.DUE_DELIVERIES,
        )
        counts = {group["_id"]: group["count"] for group in groups}
        if not counts:
            return []
        rows = collection(documents.Webhook).aggregate(
            [
                {"$match": {"_id": {"$in": list(counts)}}},
                {"$project": {"owner": 1, "kind": 1, "free": _free_slots(), "held": _is_held()}},
            ]
        )
        found = {row["_id"]: row for row in rows}
    # One that was deleted is served, too: its messages go.
    return [
        Waiting(each, found[each]["owner"], min(found[each]["free"], count), _channel(found[each]))
        if each in found
        else Waiting(each, "", 1)
        for each, count in counts.items()
        if each not in found or (_is_free(found[each]) and _channel(found[each]) in channels)
    ]


def take_slot(vault: Vault, webhook: str, token: str, lease: timedelta) -> Endpoint | None:
    """The right to send to a webhook for so long; None where it has no free slot, is held back or
    disabled."""
    slots = {"$concatArrays": [_USED, [{"token": {"$literal": token}, "until": later(lease)}]]}
    with translate_errors():
        row = collection(documents.Webhook).find_one_and_update(
            {
                "_id": webhook,
                "state": {"$in": _OPEN},
                "$expr": {"$and": [{"$gt": [_free_slots(), 0]}, {"$not": [_is_held()]}]},
            },
            [{"$set": {"slots": slots}}],
            return_document=ReturnDocument.AFTER,
            projection={"url": 1, "kind": 1, "secret": 1, "old": _old_secret()},
        )
    if row is None:
        return None
    opened = [vault.open(sealed) for sealed in (row.get("secret"), row.get("old")) if sealed]
    secrets = tuple(secret for secret in opened if secret)
    return Endpoint(webhook, row["url"], secrets, _channel(row))


def is_live(webhook: str) -> bool | None:
    """Whether anything is sent to a webhook or address; None where it was deleted."""
    with translate_errors():
        row = collection(documents.Webhook).find_one({"_id": webhook}, {"state": 1})
    return None if row is None else row["state"] in _OPEN


def give_slot_back(webhook: str, token: str) -> None:
    with translate_errors():
        collection(documents.Webhook).update_one(
            {"_id": webhook}, {"$pull": {"slots": {"token": token}}}
        )


def take_next(webhook: str, token: str, lease: timedelta) -> Claimed | None:
    """The webhook's message that has waited longest. It is due again after the lease, in case this
    process dies."""
    with translate_errors():
        row = collection(documents.Delivery).find_one_and_update(
            {"webhook": webhook, **IS_DUE},
            [{"$set": {"claim": {"$literal": token}, "due": later(lease)}}],
            sort=[("due", 1)],
            return_document=ReturnDocument.AFTER,
        )
    return _read_claim(row) if row else None


def record_delivered(claimed: Claimed, token: str, status: int) -> None:
    """The receiver has it; its webhook works."""
    fields: Row = {"state": DeliveryState.DELIVERED, "last_status": status, "delivered_at": NOW}
    _record(claimed, token, fields, ["due", "claim", "last_error"])
    with translate_errors():
        collection(documents.Webhook).update_one(
            {"_id": claimed.message.webhook},
            [{"$set": {"last_success_at": NOW}}, {"$unset": ["failing_since", "hold_until"]}],
        )


def record_failure(
    claimed: Claimed, token: str, status: int | None, error: str, wait: timedelta | None
) -> None:
    """It is sent again after ``wait``; None: it has failed for good."""
    fields: Row = {"last_error": {"$literal": error}}
    fields |= {} if status is None else {"last_status": status}
    gone = ["claim"] if status is not None else ["claim", "last_status"]
    if wait is None:
        _record(claimed, token, fields | {"state": DeliveryState.FAILED}, [*gone, "due"])
    else:
        _record(claimed, token, fields | {"due": later(wait)}, gone)


def record_outage(claimed: Claimed, token: str, error: str, wait: timedelta) -> None:
    """Our own mail server fails: that is no attempt, and nothing is sent to the address for so
    long."""
    fields: Row = {"last_error": {"$literal": error}, "due": later(wait)}
    _record(claimed, token, fields, ["claim"], counts=False)
    with translate_errors():
        collection(documents.Webhook).update_one(
            {"_id": claimed.message.webhook}, [{"$set": {"hold_until": later(wait)}}]
        )


def note_failing(webhook: str, hold: timedelta | None, longest: timedelta) -> bool:
    """An attempt has failed: send nothing for ``hold``. True where every attempt has failed for
    ``longest``."""
    fields: Row = {"failing_since": {"$ifNull": ["$failing_since", NOW]}}
    fields |= {"hold_until": later(hold)} if hold else {}
    over = {"$lte": ["$failing_since", ago(longest)]}
    with translate_errors():
        row = collection(documents.Webhook).find_one_and_update(
            {"_id": webhook},
            [{"$set": fields}],
            return_document=ReturnDocument.AFTER,
            projection={"over": over},
        )
    return bool(row and row["over"])


def _record(
    claimed: Claimed, token: str, fields: Row, gone: Sequence[str], *, counts: bool = True
) -> None:
    """Not where another process has claimed the message since, or a user sends it again."""
    attempts = {"$add": [{"$ifNull": ["$attempts", 0]}, int(counts)]}
    with translate_errors():
        collection(documents.Delivery).update_one(
            {"_id": claimed.message.id, "claim": token},
            [{"$set": {**fields, "attempts": attempts}}, {"$unset": list(gone)}],
        )


def _is_free(row: Row) -> bool:
    return row["free"] > 0 and not row["held"]


def _channel(row: Row) -> Channel:
    return Channel(row.get("kind") or Channel.WEBHOOK)


def _free_slots() -> Row:
    return {"$subtract": [SLOTS, {"$size": _USED}]}


def _is_held() -> Row:
    return {"$gt": ["$hold_until", NOW]}


def _old_secret() -> Row:
    """The secret before the last rotation, while it counts."""
    return {"$cond": [{"$gt": ["$old_secret_until", NOW]}, "$old_secret", None]}


def _read_claim(row: Row) -> Claimed:
    message = Message(
        row["_id"],
        row["webhook"],
        row["owner"],
        row["event"],
        row["at"],
        row["body"],
        row["source"],
        row.get("step_name") or "",
        row.get("workflow") or "",
    )
    return Claimed(message, row.get("attempts", 0))
