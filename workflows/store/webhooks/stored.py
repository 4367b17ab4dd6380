"""Stored webhooks as frozen values. None of them holds a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from workflows.model.errors import NotFound
from workflows.model.webhooks import Subscription, WebhookState
from workflows.store import documents
from workflows.store.mongo import Row, collection, translate_errors

_SHOWN = {"secret": 0, "old_secret": 0}
IS_WEBHOOK: Row = {"kind": None}
"""The collection holds e-mail addresses, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWebhook:
    """All that users see of a webhook."""

    id: str
    owner: str
    url: str
    events: tuple[str, ...]
    labels: Mapping[str, str]
    description: str
    state: WebhookState
    reason: str
    """Why it is disabled."""
    last_success_at: datetime | None
    failing_since: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def is_enabled(self) -> bool:
        return self.state is WebhookState.ENABLED

    @property
    def subscription(self) -> Subscription:
        return Subscription(self.id, self.owner, self.events, self.labels)


def get(webhook: str) -> StoredWebhook:
    """Read a webhook. Raises ``NotFound``.

    It does not ask who may see it: routes and pages go through ``engine.notifications.webhooks``.
    """
    with translate_errors():
        row = collection(documents.Webhook).find_one({"_id": webhook, **IS_WEBHOOK}, _SHOWN)
    if row is None:
        raise NotFound(f"There is no webhook '{webhook}'.")
    return _value(row)


def of_owner(owner: str) -> list[StoredWebhook]:
    """A user's webhooks, newest first."""
    with translate_errors():
        rows = collection(documents.Webhook).find({"owner": owner, **IS_WEBHOOK}, _SHOWN)
        return [_value(row) for row in rows.sort([("created_at", -1), ("_id", -1)])]


def _value(row: Row) -> StoredWebhook:
    return StoredWebhook(
        id=row["_id"],
        owner=row["owner"],
        url=row["url"],
        events=tuple(row.get("events") or ()),
        labels=dict(row.get("labels") or {}),
        description=row.get("description") or "",
        state=WebhookState(row["state"]),
        reason=row.get("reason") or "",
        last_success_at=row.get("last_success_at"),
        failing_since=row.get("failing_since"),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
