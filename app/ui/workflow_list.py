"""The list of a user's workflows, with filters, kept fresh while it is looked at."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pymongo
from flask import Blueprint, Response, render_template, request

from app.connections import connections
from app.forecast import forecasts
from app.forecast.forecasts import End
from app.http.routes import EVENT_STREAM
from app.live.broadcaster import EVERYTHING, Dropped
from app.live.stream import ALIVE_EVENT, READ_SECONDS, Take, stream_response
from app.ui import view_models
from app.ui.access.session import signed_in
from app.ui.list_filter import SORTS, ListFilter, read_filter
from workflows.engine import many
from workflows.engine.reports.views import waiting_fields
from workflows.model.errors import Unavailable
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
    is_parked: bool
    is_paused: bool
    """It waits for a fresh token."""
    end: End | None = None
    """When it is likely to end."""

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
    asked = read_filter()
    workflows, following = listing.page(
        asked.owner, asked.wanted, PAGE, request.args.get("page", ""), asked.order
    )
    counts = listing.step_counts([workflow.id for workflow in workflows])
    waiting, ends = waiting_fields(workflows), forecasts.ends_of(workflows)
    return render_template(
        "list.html",
        lines=[
            Line(
                each,
                view_models.in_order(counts[each.id]),
                waiting[each.id]["parked"],
                waiting[each.id]["paused"],
                ends.get(each.id),
            )
            for each in workflows
        ],
        following=following,
        asked=asked,
        filters=asked.fields,
        counts=listing.counts(asked.owner, replace(asked.wanted, states=())),
        states=list(WorkflowState),
        sorts=SORTS,
        actions=many.actions_on(asked.wanted) if workflows and asked.is_narrow else (),
        is_admin=connections().gate.viewer().is_admin,
        now=datetime.now(UTC),
    )


@signed_in
def live_list() -> Response:
    """Streams a line whenever the displayed page has changed."""
    asked, page = read_filter(), request.args.get("page", "")
    return stream_response(
        connections().broadcaster,
        EVERYTHING,
        EVENT_STREAM,
        lambda take: _changes(take, asked, page),
    )


def _changes(take: Take, asked: ListFilter, page: str) -> Iterator[str]:
    """Ends silently if it cannot go on; the browser reconnects."""
    seen = ""
    try:
        while True:
            with pymongo.timeout(READ_SECONDS):
                workflows, _ = listing.page(asked.owner, asked.wanted, PAGE, page, asked.order)
            digest = _digest(workflows)
            yield f"data: {digest}\n\n" if digest != seen else ALIVE_EVENT
            seen = digest
            if take():
                time.sleep(PAUSE_SECONDS)
    except (Dropped, Unavailable):
        return


def _digest(workflows: list[WorkflowSummary]) -> str:
    waiting = waiting_fields(workflows)
    shown = [
        (each.id, str(each.status), str(each.updated_at), waiting[each.id]) for each in workflows
    ]
    return hashlib.blake2b(repr(shown).encode(), digest_size=8).hexdigest()
