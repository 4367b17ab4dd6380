"""Filters of workflows: the arguments of the list, and ``filter`` of an action on many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from marshmallow import ValidationError

from app.connections import connections
from app.many.schemas import FilterBody
from workflows.model.errors import Invalid, Problem
from workflows.model.states import WorkflowState
from workflows.model.values import Json
from workflows.spec.checks.suggestions import did_you_mean
from workflows.store.workflows.filters import Wanted
from workflows.store.workflows.listing import Order

_LISTS: Final = ("status", "label", "workflow_id")


def read_wanted(arguments: Mapping[str, Any]) -> Wanted:
    """From the arguments that ``FilterFields`` has read."""
    return Wanted(
        states=[WorkflowState(state) for state in arguments.get("status", ())],
        app=arguments.get("app") or None,
        name=arguments.get("name") or None,
        labels=dict(label.split(":", 1) for label in arguments.get("label", ())),
        since=arguments.get("since"),
        until=arguments.get("until"),
        has_failed_step=arguments.get("has_failed_step"),
        parked=arguments.get("parked"),
        batch=arguments.get("batch"),
        template=arguments.get("template"),
        ids=tuple(arguments.get("workflow_id", ())),
    )


def find_owner(arguments: Mapping[str, Any]) -> str | None:
    """Whose workflows are asked for; None: those of all users. Raises ``Forbidden``."""
    return connections().gate.owner_wanted(arguments.get("owner"))


def read_order(sort: str, owner_wanted: str | None) -> Order:
    """Raises ``Invalid`` for an order that would cost too much."""
    found = Order(sort.removeprefix("-"), sort.startswith("-"))
    if owner_wanted is None and found.field != "created_at":
        message = "workflows of all users can be sorted by created_at alone"
        raise Invalid([Problem("sort", "bad_argument", message, "name one owner, or leave it out")])
    return found


def read_body(found: Json) -> dict[str, Any]:
    """The filter in a body. Raises ``Invalid`` with every problem."""
    if not isinstance(found, dict):
        raise Invalid([Problem("filter", "wrong_type", "it must be an object of arguments")])
    known = FilterBody().fields
    unknown = [
        Problem(
            f"filter.{name}",
            "unknown_field",
            "there is no such field",
            did_you_mean(name, known) or f"known are {', '.join(known)}",
        )
        for name in found
        if name not in known
    ]
    given = {
        name: [value] if name in _LISTS and isinstance(value, str) else value
        for name, value in found.items()
        if name in known
    }
    try:
        loaded: dict[str, Any] = FilterBody().load(given)
    except ValidationError as error:
        messages = error.messages if isinstance(error.messages, dict) else {}
        raise Invalid([*unknown, *_problems(messages)]) from None
    if unknown:
        raise Invalid(unknown)
    return loaded


def _problems(messages: Mapping[str, Any]) -> Iterator[Problem]:
    """Of marshmallow: ``{name: [text]}`` or ``{name: {index: [text]}}``."""
    for name, found in messages.items():
        places = found if isinstance(found, dict) else {None: found}
        for place, texts in places.items():
            path = f"filter.{name}" if place is None else f"filter.{name}[{place}]"
            yield Problem(path, "bad_argument", " ".join(map(str, texts)))
