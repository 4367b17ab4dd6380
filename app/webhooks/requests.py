"""Reads what users want of a webhook; every mistake is reported at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from app.webhooks.fields import check_events, check_fields, check_state
from workflows.engine.notifications.webhooks import Wanted
from workflows.model.errors import Problem
from workflows.model.values import Json
from workflows.model.webhooks import WebhookState
from workflows.rules.webhooks.events import NAMES, PATTERNS
from workflows.spec.checks.shape import MOST_LABELS
from workflows.spec.checks.texts import bad_name, sound

FIELDS: Final = ("url", "events", "labels", "description")
CHANGES: Final = (*FIELDS, "state")
MOST_DESCRIPTION: Final = 1_000
"""Characters."""


def read_wanted(
    sent: Mapping[str, Json], known: Collection[str], needed: Collection[str]
) -> Wanted:
    """Raises ``Invalid``."""
    check_fields(sent, known, needed, _CHECKS)
    events, state = sent.get("events"), sent.get("state")
    return Wanted(
        url=sent.get("url"),
        events=None if events is None else tuple(dict.fromkeys(events)),
        labels=sent.get("labels"),
        description=sent.get("description"),
        enabled=None if state is None else state == WebhookState.ENABLED,
    )


def _url(value: Json) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield Problem("url", "wrong_type", "it must be a text")


def _events(value: Json) -> Iterator[Problem]:
    return check_events(value, (*NAMES, *PATTERNS), "there is no event")


def _labels(value: Json) -> Iterator[Problem]:
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        yield Problem("labels", "wrong_type", "it must be an object whose values are texts")
        return
    if len(value) > MOST_LABELS:
        yield Problem("labels", "too_many_labels", f"at most {MOST_LABELS} are allowed")
    for key, text in value.items():
        if bad_name(key) or bad_name(text or "-"):
            message = "a label's key and value are short texts without control characters"
            yield Problem("labels", "bad_name", message)
            return


def _description(value: Json) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield Problem("description", "wrong_type", "it must be a text")
    elif len(value) > MOST_DESCRIPTION or not sound(value):
        message = f"it has at most {MOST_DESCRIPTION} characters, none of them NUL or half of one"
        yield Problem("description", "bad_text", message)


_CHECKS: Final = {
    "url": _url,
    "events": _events,
    "labels": _labels,
    "description": _description,
    "state": check_state,
}
