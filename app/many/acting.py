"""Acts on the workflows that a filter finds, a bounded number in each call.

The first call counts them. Its answer's token says where the next call goes on: behind the last
workflow that was looked at, from the newest to the oldest, so that nothing is acted on twice.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog
from flask import g

from app import deletion
from app.connections import connections
from app.http.auth import caller
from app.http.errors import QuotaExceeded
from workflows.engine import holds, many
from workflows.engine.many import Action, Outcome, Result
from workflows.model.errors import Conflict, Invalid, Problem
from workflows.store.workflows import listing
from workflows.store.workflows.filters import Wanted
from workflows.store.workflows.stored import WorkflowSummary

log = structlog.get_logger(__name__)

MOST_SECONDS: Final = 2.0
"""After so long a call ends, and the next one goes on."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far an action is."""

    action_id: str
    matched: int
    left: int
    """How many may still be acted on: never more in all than matched at first."""
    after: str
    """The page token of the list."""
    digest: str
    """Of the action and its filter: a token belongs to one of them."""

    def as_token(self) -> str:
        parts = [self.action_id, self.matched, self.left, self.after, self.digest]
        return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Command:
    """An action on many, as a user asked for it."""

    action: Action
    owner: str | None
    """Whose workflows; None: those of all users."""
    wanted: Wanted
    expected: int | None = None
    is_dry_run: bool = False

    @property
    def digest(self) -> str:
        asked = repr((str(self.action), self.owner, self.wanted, self.is_dry_run))
        return hashlib.blake2b(asked.encode(errors="replace"), digest_size=8).hexdigest()


def perform(command: Command, size: int, token: str = "") -> dict[str, Any]:
    """One call: the answer of ``POST /workflows/actions``.

    Raises ``Conflict`` where another number matches than was expected, and ``Invalid`` for a token
    of another action.
    """
    applicable = many.applicable(command.action, command.wanted)
    place = _read(token, command) if token else _begin(command, applicable)
    outcomes: list[Outcome] = []
    following: str | None = None
    if applicable is not None and place.left:
        size = min(size, place.left)
        workflows, following = listing.page(command.owner, applicable, size, place.after)
        done = _act_on_each(command, workflows, outcomes)
        if done is not None:
            following = listing.place_of(done)
    left = place.left - len(outcomes)
    further = replace(place, left=left, after=following).as_token() if following and left else None
    under_way = _announce(command, outcomes)
    return {
        "action_id": place.action_id,
        "matched": place.matched,
        "outcomes": [
            {"workflow_id": each.workflow, "outcome": each.result, "message": each.message}
            for each in outcomes
        ],
        "under_way": under_way,
        "next_page_token": further,
    }


def _begin(command: Command, applicable: Wanted | None) -> Place:
    matched = sum(listing.counts(command.owner, applicable).values()) if applicable else 0
    if command.expected is not None and command.expected != matched:
        raise Conflict(
            f"The action applies to {matched} workflows, and {command.expected} were expected:"
            ' nothing was done. Look again with "dry_run": true'
        )
    action_id = f"act_{secrets.token_hex(8)}"
    if not command.is_dry_run:
        log.info(
            "A user acts on many workflows",
            action_id=action_id,
            action=str(command.action),
            user=caller().name,
            owner="*" if command.owner is None else command.owner,
            matched=matched,
        )
    return Place(action_id, matched, matched, "", command.digest)


def _read(token: str, command: Command) -> Place:
    try:
        padded = token + "=" * (-len(token) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        action_id, matched, left, after, digest = parts
        place = Place(str(action_id), int(matched), int(left), str(after), str(digest))
    except (ValueError, TypeError, OverflowError, RecursionError):
        place = None
    if place is None or place.digest != command.digest or not 0 <= place.left <= place.matched:
        message = "it is no next_page_token of an answer to the same action and filter"
        raise Invalid([Problem("page_token", "bad_argument", message)])
    return place


def _act_on_each(
    command: Command, workflows: list[WorkflowSummary], outcomes: list[Outcome]
) -> WorkflowSummary | None:
    """Adds the outcomes. Answers with the last workflow where time ended before the page did."""
    ends = time.monotonic() + MOST_SECONDS
    for workflow in workflows:
        if command.is_dry_run:
            outcomes.append(many.preview(command.action, workflow.id))
        else:
            outcomes.append(_act(command.action, workflow))
        if time.monotonic() > ends:
            return workflow
    return None


def _act(action: Action, workflow: WorkflowSummary) -> Outcome:
    found = connections()
    if action in (Action.PAUSE, Action.RESUME):
        return many.steer(found.gate.viewer(), action, workflow.id)
    try:
        if action is Action.RETRY:
            found.quotas.check_active(workflow.owner)
    except QuotaExceeded as full:
        return Outcome(workflow.id, Result.REFUSED, str(full))
    outcome = many.act(found.context, caller(), action, workflow.id)
    if outcome.result is Result.RETRIED:
        found.quotas.stored(workflow.owner, 0, starts=True)
    if outcome.result is Result.DELETED:
        deletion.remove_logs(found, workflow.id)
    return outcome


def _announce(command: Command, outcomes: list[Outcome]) -> int:
    """The workflows that an advance must follow up, and the holds that senders must see; returns
    how many jobs of workflows that were paused may still start."""
    results = {each.result for each in outcomes}
    paused = [each.workflow for each in outcomes if each.result is Result.PAUSED]
    under_way = holds.settle_paused(paused) if paused else 0
    if Result.RESUMED in results:
        connections().hints.start_jobs(g.request_id)
    hints, moved = connections().hints, (Result.CANCELLED, Result.RETRIED, Result.RESUMED)
    for each in outcomes:
        if each.result in moved:
            hints.advance(each.workflow, g.request_id)
    if command.action is Action.CANCEL and any(each.result in moved for each in outcomes):
        hints.kill_jobs(g.request_id)
    return under_way
