"""The list of a user's workflows, with filters, kept fresh while it is looked at."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pymongo
from flask import Blueprint, Response, render_template, request

from app.connections import connections
from app.http.auth import caller
from app.http.routes import EVENT_STREAM
from app.live.broadcaster import EVERYTHING, Dropped
from app.live.stream import READ_SECONDS, Take, stream_response
from app.ui import view_models
from app.ui.session import signed_in
from workflows.model.errors import Invalid, Problem, Unavailable
from workflows.model.states import WorkflowState
from workflows.store.workflows import listing
from workflows.store.workflows.stored import WorkflowSummary

PAGE: Final = 50
PAUSE_SECONDS: Final = 1.0
"""However much happens, the list is looked at so seldom."""


@dataclass(frozen=True, slots=True)
class Line:
    """One workflow of the list."""

    workflow: WorkflowSummary
    counts: list[tuple[str, int]]
    """How many steps are in each state."""

    @property
    def over(self) -> int:
        return view_models.count_final(self.counts)

    def elapsed(self, now: datetime) -> timedelta:
        return (self.workflow.finished_at or now) - self.workflow.begun_at


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/", "list_workflows", list_workflows)
    blueprint.add_url_rule("/live", "live_list", live_list)


@signed_in
def list_workflows() -> str:
    wanted = _read_filter()
    workflows, following = listing.page(caller().name, wanted, PAGE, request.args.get("page", ""))
    counts = listing.step_counts([workflow.id for workflow in workflows])
    return render_template(
        "list.html",
        lines=[Line(each, view_models.in_order(counts[each.id])) for each in workflows],
        following=following,
        wanted=wanted,
        filters=_filters(),
        states=list(WorkflowState),
        now=datetime.now(UTC),
    )


@signed_in
def live_list() -> Response:
    """Streams a line whenever the displayed page has changed."""
    owner, wanted, page = caller().name, _read_filter(), request.args.get("page", "")
    return stream_response(
        connections().broadcaster,
        EVERYTHING,
        EVENT_STREAM,
        lambda take: _changes(take, owner, wanted, page),
    )


def _changes(take: Take, owner: str, wanted: listing.Wanted, page: str) -> Iterator[str]:
    """Ends silently if it cannot go on; the browser reconnects."""
    seen = ""
    try:
        while True:
            with pymongo.timeout(READ_SECONDS):
                workflows, _ = listing.page(owner, wanted, PAGE, page)
            digest = _digest(workflows)
            yield f"data: {digest}\n\n" if digest != seen else ": alive\n\n"
            seen = digest
            if take():
                time.sleep(PAUSE_SECONDS)
    except (Dropped, Unavailable):
        return


def _digest(workflows: list[WorkflowSummary]) -> str:
    shown = [(each.id, str(each.status), str(each.updated_at)) for each in workflows]
    return hashlib.blake2b(repr(shown).encode(), digest_size=8).hexdigest()


def _filters() -> dict[str, Any]:
    """What was asked for, as the links to other pages repeat it."""
    given = request.args
    found: dict[str, Any] = {name: given.get(name, "").strip() for name in ("name", "app", "since")}
    found["status"] = [state for state in given.getlist("status") if state in set(WorkflowState)]
    return {name: value for name, value in found.items() if value}


def _read_filter() -> listing.Wanted:
    """Raises ``Invalid``."""
    found = _filters()
    return listing.Wanted(
        states=[WorkflowState(state) for state in found.get("status", ())],
        name=found.get("name"),
        app=found.get("app"),
        since=_day(found["since"]) if "since" in found else None,
    )


def _day(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise Invalid([Problem("since", "bad_argument", "it must be a date")]) from None
