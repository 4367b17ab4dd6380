"""The engine with webhooks that may lead to this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.engine.conftest import LONG, Engine
from tests.engine.notifications.receiver import Receiver, receiver
from workflows.bvbrc.wire import Wire
from workflows.engine.notifications import webhooks
from workflows.engine.notifications.context import Notifications
from workflows.engine.notifications.deliver import deliver_due
from workflows.engine.notifications.post import Poster
from workflows.engine.notifications.webhooks import Wanted
from workflows.store.webhooks import subscriptions
from workflows.store.webhooks.deliveries import StoredDelivery
from workflows.store.webhooks.stored import StoredWebhook

LOOPBACK = ("127.0.0.1/32",)
SETTINGS = Notifications(
    poster=Poster(Wire(), LOOPBACK, timedelta(seconds=LONG)),
    public_url="https://workflows.example.org",
    schedule=[timedelta(milliseconds=1)] * 3,
    disable_after=timedelta(days=5),
    expiry_notice=timedelta(days=1),
    per_user=20,
    lease=timedelta(seconds=LONG),
)


@pytest.fixture
def notifying(engine: Engine) -> Iterator[Engine]:
    subscriptions.forget()
    yield notify_from(engine, SETTINGS)
    subscriptions.forget()


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def notify_from(engine: Engine, settings: Notifications | None) -> Engine:
    return replace(engine, context=replace(engine.context, notifications=settings))


def hook(engine: Engine, there: Receiver, *events: str, **wanted: object) -> StoredWebhook:
    """A webhook of the engine's user, which every process knows."""
    made = webhooks.create(
        engine.context, engine.user, Wanted(url=there.url, events=events, **wanted)
    )
    assert made
    there.secret = made.secret
    subscriptions.forget()
    return made.webhook


def deliver(engine: Engine) -> None:
    deliver_due(engine.context)


def deliveries(webhook: StoredWebhook) -> list[StoredDelivery]:
    return webhooks.page_of(webhook, 500)[0]
