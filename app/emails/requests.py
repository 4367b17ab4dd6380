"""Reads what users want of an e-mail address; every mistake is reported at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from app.webhooks.fields import check_events, check_fields, check_state
from workflows.engine.notifications.emails import WantedAddress
from workflows.model.errors import Problem
from workflows.model.values import Json
from workflows.model.webhooks import WebhookState
from workflows.rules.mail.digests import NAMES, PATTERNS

FIELDS: Final = ("address", "events")
CHANGES: Final = ("events", "state")


def read_wanted(
    sent: Mapping[str, Json], known: Collection[str], needed: Collection[str]
) -> WantedAddress:
    """Raises ``Invalid``."""
    check_fields(sent, known, needed, _CHECKS)
    events, state = sent.get("events"), sent.get("state")
    return WantedAddress(
        address=sent.get("address") or "",
        events=None if events is None else tuple(dict.fromkeys(events)),
        enabled=None if state is None else state == WebhookState.ENABLED,
    )


def _address(value: Json) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield Problem("address", "wrong_type", "it must be a text")


def _events(value: Json) -> Iterator[Problem]:
    return check_events(value, (*NAMES, *PATTERNS), "no letter tells of an event")


_CHECKS: Final = {"address": _address, "events": _events, "state": check_state}
