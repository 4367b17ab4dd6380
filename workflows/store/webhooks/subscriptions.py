"""Which webhooks and addresses users have, for code that commits events: cached, so that a user
without any costs an advance a look into memory.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from workflows.model.webhooks import Channel, Subscription, WebhookState
from workflows.store import documents
from workflows.store.mongo import Row, collection, translate_errors

FRESH_SECONDS: Final = 1.0
"""A new webhook hears of what happens from so long after its creation on."""
_MOST: Final = 10_000
"""Users that a process remembers."""

_known: dict[str, tuple[float, tuple[Subscription, ...]]] = {}
"""User to when that was read, on the monotonic clock, and the enabled webhooks."""


def of_owners(owners: Collection[str]) -> Mapping[str, Sequence[Subscription]]:
    """The enabled webhooks of each of these users; a user without one is left out."""
    now = time.monotonic()
    known = {owner: _known.get(owner, (float("-inf"), ())) for owner in owners}
    stale = [owner for owner, (at, _) in known.items() if now - at > FRESH_SECONDS]
    fresh = _read(stale) if stale else {}
    if stale:
        if len(_known) > _MOST:
            _known.clear()
        _known.update({owner: (now, fresh.get(owner, ())) for owner in stale})
    found = {owner: fresh.get(owner, ()) if owner in stale else known[owner][1] for owner in known}
    return {owner: subscriptions for owner, subscriptions in found.items() if subscriptions}


def forget() -> None:
    """Read everything again: this process uses another database."""
    _known.clear()


def _read(owners: Collection[str]) -> dict[str, tuple[Subscription, ...]]:
    found: dict[str, tuple[Subscription, ...]] = {}
    with translate_errors():
        rows = collection(documents.Webhook).find(
            {"owner": {"$in": sorted(owners)}, "state": WebhookState.ENABLED},
            {"owner": 1, "events": 1, "labels": 1, "kind": 1, "url": 1, "unsubscribe": 1},
        )
        for row in rows:
            found[row["owner"]] = (*found.get(row["owner"], ()), _value(row))
    return found


def _value(row: Row) -> Subscription:
    is_email = row.get("kind") == Channel.EMAIL
    return Subscription(
        row["_id"],
        row["owner"],
        tuple(row.get("events") or ()),
        row.get("labels") or {},
        Channel.EMAIL if is_email else Channel.WEBHOOK,
        row["url"] if is_email else "",
        row.get("unsubscribe") or "",
    )
