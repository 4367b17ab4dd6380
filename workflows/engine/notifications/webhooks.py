"""Users' commands on webhooks. Routes and pages load one here, for those who may see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

from workflows.engine.access import Caller
from workflows.engine.context import EngineContext
from workflows.engine.notifications.addresses import UnfitAddress, check_target, parse_target
from workflows.engine.notifications.context import Notifications
from workflows.engine.notifications.deliver import new_secret
from workflows.engine.notifications.post import Poster
from workflows.engine.reports.views import stamp
from workflows.model.errors import Conflict, Forbidden, Invalid, Problem
from workflows.model.webhooks import DeliveryState
from workflows.rules.webhooks.events import USUAL, report_test
from workflows.store.mongo import clock
from workflows.store.webhooks import changes, deliveries, outbox, stored
from workflows.store.webhooks.changes import NewWebhook
from workflows.store.webhooks.deliveries import StoredDelivery
from workflows.store.webhooks.stored import StoredWebhook

OVERLAP: Final = timedelta(hours=24)
"""How long messages are signed by the secret before the last rotation, too."""
_DISABLED: Final = "its owner has disabled it"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a user wants of a webhook; None: as it is, or as usual."""

    url: str | None = None
    events: tuple[str, ...] | None = None
    labels: Mapping[str, str] | None = None
    description: str | None = None
    enabled: bool | None = None


@dataclass(frozen=True, slots=True)
class Created:
    """A new webhook, and its secret for the only time."""

    webhook: StoredWebhook
    secret: str = field(repr=False)


def load(webhook: str, caller: Caller) -> StoredWebhook:
    """The webhook, for its owner or an admin. Raises ``NotFound``, and ``Forbidden`` for others."""
    found = stored.get(webhook)
    if not caller.may_see(found.owner):
        raise Forbidden("This webhook belongs to another user.")
    return found


def of_owner(owner: str) -> list[StoredWebhook]:
    """A user's webhooks, newest first."""
    return stored.of_owner(owner)


def create(context: EngineContext, owner: str, wanted: Wanted) -> Created | None:
    """Store a webhook; None where the user has as many as may be. Raises ``Invalid``."""
    settings = _settings(context)
    check_url(_poster(context), wanted.url or "")
    secret = new_secret()
    new = NewWebhook(
        id=f"wh_{uuid4().hex}",
        owner=owner,
        url=wanted.url or "",
        sealed=context.vault.seal(secret),
        events=wanted.events or (),
        labels=wanted.labels or {},
        description=wanted.description or "",
    )
    if not changes.create(new, settings.per_user):
        return None
    return Created(stored.get(new.id), secret)


def change(context: EngineContext, webhook: StoredWebhook, wanted: Wanted) -> StoredWebhook:
    """Raises ``Invalid``."""
    if wanted.url is not None:
        check_url(_poster(context), wanted.url)
    fields: dict[str, Any] = {
        "url": wanted.url,
        "events": None if wanted.events is None else list(wanted.events),
        "labels": None if wanted.labels is None else dict(wanted.labels),
        "description": wanted.description,
    }
    changes.change(webhook.id, {name: value for name, value in fields.items() if value is not None})
    if wanted.enabled:
        changes.enable(webhook.id)
    elif wanted.enabled is not None and webhook.is_enabled:
        changes.disable(webhook.id, _DISABLED)
    return stored.get(webhook.id)


def remove(webhook: StoredWebhook) -> None:
    """Nothing more is sent, also not what waits."""
    changes.remove(webhook.id)


def rotate(context: EngineContext, webhook: StoredWebhook) -> str:
    """The new secret; the one before counts beside it for ``OVERLAP``."""
    secret = new_secret()
    changes.rotate(webhook.id, context.vault.seal(secret), OVERLAP)
    return secret


def send_test(context: EngineContext, webhook: StoredWebhook) -> StoredDelivery:
    """Store a message for the webhook alone. Raises ``Conflict`` where it is disabled."""
    _refuse_disabled(webhook)
    url = _settings(context).public_url
    message = report_test(webhook.subscription, uuid4().hex, clock(), url)
    outbox.insert_new([message])
    return deliveries.get(webhook.id, message.id)


def send_again(webhook: StoredWebhook, delivery: str) -> StoredDelivery:
    """Raises ``NotFound``, and ``Conflict`` where the webhook is disabled."""
    deliveries.get(webhook.id, delivery)
    _refuse_disabled(webhook)
    deliveries.send_again(webhook.id, delivery)
    return deliveries.get(webhook.id, delivery)


def page_of(
    webhook: StoredWebhook, size: int, token: str = ""
) -> tuple[list[StoredDelivery], str | None]:
    """Its messages, newest first, and the token of the next page. Raises ``Invalid``."""
    return deliveries.page(webhook.id, size, token)


def check_url(poster: Poster, url: str) -> None:
    """Raises ``Invalid`` for a URL that nothing would be sent to."""
    try:
        check_target(parse_target(url), poster.allowed)
    except UnfitAddress as unfit:
        suggestion = "give the public https:// address of your receiver"
        raise Invalid([Problem("url", "bad_url", str(unfit), suggestion)]) from unfit


def view(webhook: StoredWebhook) -> dict[str, Any]:
    """As users see it; never its secret."""
    return {
        "webhook_id": webhook.id,
        "url": webhook.url,
        "events": list(webhook.events or USUAL),
        "labels": dict(webhook.labels),
        "description": webhook.description,
        "state": str(webhook.state),
        "reason": webhook.reason,
        "last_success_at": stamp(webhook.last_success_at),
        "failing_since": stamp(webhook.failing_since),
        "created_at": stamp(webhook.created_at),
        "updated_at": stamp(webhook.updated_at),
    }


def delivery_view(delivery: StoredDelivery) -> dict[str, Any]:
    pending = delivery.state is DeliveryState.PENDING
    return {
        "delivery_id": delivery.id,
        "event": delivery.event,
        "workflow_id": delivery.workflow or None,
        "state": str(delivery.state),
        "attempts": delivery.attempts,
        "last_status": delivery.last_status,
        "last_error": delivery.last_error,
        "next_attempt_at": stamp(delivery.due) if pending else None,
        "created_at": stamp(delivery.created_at),
    }


def _settings(context: EngineContext) -> Notifications:
    settings = context.notifications
    if settings is None or settings.poster is None:
        raise Forbidden("The operator has switched webhooks off (webhooks.enabled).")
    return settings


def _poster(context: EngineContext) -> Poster:
    poster = _settings(context).poster
    assert poster is not None  # noqa: S101 - _settings says so
    return poster


def _refuse_disabled(webhook: StoredWebhook) -> None:
    if not webhook.is_enabled:
        raise Conflict(f"This webhook is disabled ({webhook.reason}); enable it first")
