"""Messages to webhooks: listed, and asked for again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from workflows.model.errors import NotFound
from workflows.model.webhooks import DeliveryState
from workflows.store import documents
from workflows.store.mongo import NOW, Row, collection, translate_errors
from workflows.store.workflows.listing import after_token, page_token


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """What users see of a message; its receiver's answers are not kept."""

    id: str
    webhook: str
    event: str
    workflow: str
    state: DeliveryState
    attempts: int
    last_status: int | None
    last_error: str
    due: datetime | None
    created_at: datetime


def page(webhook: str, size: int, token: str = "") -> tuple[list[StoredDelivery], str | None]:
    """Newest first, and the token of the next page. Raises ``Invalid``."""
    conditions = [{"webhook": webhook}, *after_token(token)]
    with translate_errors():
        rows = list(
            collection(documents.Delivery)
            .find({"$and": conditions}, {"body": 0})
            .sort([("created_at", -1), ("_id", -1)])
            .limit(size + 1)
        )
    following = page_token(rows[size - 1]) if len(rows) > size else None
    return [_value(row) for row in rows[:size]], following


def get(webhook: str, delivery: str) -> StoredDelivery:
    """Raises ``NotFound``."""
    with translate_errors():
        row = collection(documents.Delivery).find_one(
            {"_id": delivery, "webhook": webhook}, {"body": 0}
        )
    if row is None:
        raise NotFound(f"There is no delivery '{delivery}' of this webhook.")
    return _value(row)


def send_again(webhook: str, delivery: str) -> None:
    """Send the same message again, delivered or not, with all its attempts before it.

    Raises ``NotFound``. One that is being sent at this moment goes out once more.
    """
    fields = {"state": DeliveryState.PENDING, "due": NOW, "attempts": 0}
    with translate_errors():
        changed = collection(documents.Delivery).update_one(
            {"_id": delivery, "webhook": webhook},
            [{"$set": fields}, {"$unset": ["claim", "last_error", "last_status", "delivered_at"]}],
        )
    if not changed.matched_count:
        raise NotFound(f"There is no delivery '{delivery}' of this webhook.")


def _value(row: Row) -> StoredDelivery:
    return StoredDelivery(
        id=row["_id"],
        webhook=row["webhook"],
        event=row["event"],
        workflow=row.get("workflow") or "",
        state=DeliveryState(row["state"]),
        attempts=row.get("attempts", 0),
        last_status=row.get("last_status"),
        last_error=row.get("last_error") or "",
        due=row.get("due"),
        created_at=row["created_at"],
    )
