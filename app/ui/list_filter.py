"""The filter of the list's page: what its form sends, as the links to other pages repeat it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from flask import request
from werkzeug.datastructures import MultiDict

from app.connections import connections
from app.http.auth import caller
from workflows.model.errors import Invalid, Problem
from workflows.model.states import WorkflowState
from workflows.store.workflows import listing
from workflows.store.workflows.filters import Wanted
from workflows.store.workflows.listing import Order

SORTS: Final = {
    "-created_at": "newest first",
    "created_at": "oldest first",
    "-updated_at": "last changed first",
    "name": "by name",
}
_TEXTS: Final = ("name", "app", "label", "since", "until", "owner", "template")
_FLAGS: Final = ("parked", "has_failed_step")


@dataclass(frozen=True, slots=True)
class ListFilter:
    """What a page of the list shows."""

    fields: Mapping[str, Any]
    """What was asked for, without what is empty."""
    owner: str | None
    """Whose workflows; None: those of all users."""
    wanted: Wanted
    order: Order

    @property
    def is_narrow(self) -> bool:
        """It names more than an owner and an order, so that acting on all of them is meant."""
        return not set(self.fields) <= {"owner", "sort"}

    @property
    def is_of_others(self) -> bool:
        """Workflows of other users may be among them."""
        return self.owner != caller().name


def read_filter(given: MultiDict[str, str] | None = None) -> ListFilter:
    """From the query of the present request, or a form. Raises ``Invalid``, ``Forbidden``."""
    found = _read_fields(request.args if given is None else given)
    owner = connections().gate.owner_wanted(found.get("owner"))
    return ListFilter(found, owner, _read_wanted(found), _read_order(found, owner))


def _read_fields(given: MultiDict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {name: given.get(name, "").strip() for name in _TEXTS}
    found |= {name: "1" if given.get(name) else "" for name in _FLAGS}
    found["status"] = [state for state in given.getlist("status") if state in set(WorkflowState)]
    sort = given.get("sort", "")
    found["sort"] = sort if sort in SORTS and sort != "-created_at" else ""
    return {name: value for name, value in found.items() if value}


def _read_wanted(found: Mapping[str, Any]) -> Wanted:
    return Wanted(
        states=[WorkflowState(state) for state in found.get("status", ())],
        name=found.get("name"),
        app=found.get("app"),
        template=found.get("template"),
        labels=_label(found["label"]) if "label" in found else {},
        since=_day(found, "since"),
        until=_day(found, "until"),
        parked=True if "parked" in found else None,
        has_failed_step=True if "has_failed_step" in found else None,
    )


def _read_order(found: Mapping[str, Any], owner: str | None) -> Order:
    """Of all users, the newest first: other orders have no index."""
    sort = found.get("sort")
    if sort is None or owner is None:
        return listing.NEWEST_FIRST
    return Order(sort.removeprefix("-"), sort.startswith("-"))


def _label(text: str) -> dict[str, str]:
    key, colon, value = text.partition(":")
    if not colon:
        raise Invalid([Problem("label", "bad_argument", "it must be key:value")])
    return {key.strip(): value.strip()}


def _day(found: Mapping[str, Any], name: str) -> datetime | None:
    if name not in found:
        return None
    try:
        return datetime.fromisoformat(found[name]).replace(tzinfo=UTC)
    except ValueError:
        raise Invalid([Problem(name, "bad_argument", "it must be a date")]) from None
