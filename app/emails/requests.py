"""Reads what users want of an e-mail address; every mistake is reported at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from workflows.engine.notifications.emails import WantedAddress
from workflows.model.errors import Invalid, Problem
from workflows.model.values import Json
from workflows.model.webhooks import WebhookState
from workflows.rules.mail.digests import NAMES, PATTERNS
from workflows.spec.checks.suggestions import did_you_mean

FIELDS: Final = ("address", "events")
CHANGES: Final = ("events", "state")
STATES: Final = [str(state) for state in WebhookState]
"""Those that a user may choose."""


def read_wanted(
    sent: Mapping[str, Json], known: Collection[str], needed: Collection[str]
) -> WantedAddress:
    """Raises ``Invalid``."""
    problems = [
        Problem(name, "missing_field", "it is needed") for name in needed if sent.get(name) is None
    ]
    for name in sent:
        if name not in known:
            hint = did_you_mean(name, known) or f"known are {', '.join(known)}"
            problems.append(Problem(name, "unknown_field", "there is no such field", hint))
    for name, check in _CHECKS.items():
        if sent.get(name) is not None:
            problems += check(sent[name])
    if problems:
        raise Invalid(problems)
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
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        yield Problem("events", "wrong_type", "it must be a list of texts")
        return
    known = (*NAMES, *PATTERNS)
    for index, name in enumerate(value):
        if name not in known:
            hint = did_you_mean(name[:100], known) or f"there are {', '.join(known)}"
            message = f"no letter tells of an event {name[:100]!r}"
            yield Problem(f"events[{index}]", "invalid_choice", message, hint)


def _state(value: Json) -> Iterator[Problem]:
    if value not in STATES:
        yield Problem("state", "invalid_choice", "it is no state", f"there are {', '.join(STATES)}")


_CHECKS: Final = {"address": _address, "events": _events, "state": _state}
