"""Checks of the fields that webhooks and e-mail addresses have in common."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final

from workflows.model.errors import Invalid, Problem
from workflows.model.values import Json
from workflows.model.webhooks import WebhookState
from workflows.spec.checks.suggestions import did_you_mean

STATES: Final = [str(state) for state in WebhookState]
"""Those that a user may choose."""
Check = Callable[[Json], Iterable[Problem]]


def check_fields(
    sent: Mapping[str, Json],
    known: Collection[str],
    needed: Collection[str],
    checks: Mapping[str, Check],
) -> None:
    """Raises ``Invalid`` with every mistake."""
    problems = [
        Problem(name, "missing_field", "it is needed") for name in needed if sent.get(name) is None
    ]
    for name in sent:
        if name not in known:
            hint = did_you_mean(name, known) or f"known are {', '.join(known)}"
            problems.append(Problem(name, "unknown_field", "there is no such field", hint))
    for name, check in checks.items():
        if sent.get(name) is not None:
            problems += check(sent[name])
    if problems:
        raise Invalid(problems)


def check_events(value: Json, known: Collection[str], unknown: str) -> Iterator[Problem]:
    """``unknown``: how the message about a name begins that is not among the ``known`` ones."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        yield Problem("events", "wrong_type", "it must be a list of texts")
        return
    for index, name in enumerate(value):
        if name not in known:
            hint = did_you_mean(name[:100], known) or f"there are {', '.join(known)}"
            message = f"{unknown} {name[:100]!r}"
            yield Problem(f"events[{index}]", "invalid_choice", message, hint)


def check_state(value: Json) -> Iterator[Problem]:
    if value not in STATES:
        yield Problem("state", "invalid_choice", "it is no state", f"there are {', '.join(STATES)}")
