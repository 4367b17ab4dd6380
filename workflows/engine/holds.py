"""Sets and lifts holds, and keeps a sender from starting what is held.

A claim leaves held jobs in the outbox. But a hold may be set between a claim and its sending. So a
sender reads the holds again after the claim, and what it read lets a job leave for ``LASTS`` only,
on the sender's own clock; later it reads them once more before the first byte. The answer to
setting a hold comes after ``SETTLES``, which is longer: by then every job has left that could leave
without having seen the hold, unless its process stood still between its last look and the first
byte, which this side cannot prevent. So the answer says how many jobs that it keeps are still in
the hands of a process: where that is 0, nothing starts any more.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from workflows.engine.access import Caller
from workflows.engine.reports.views import stamp
from workflows.model.errors import Conflict, Forbidden, Unavailable
from workflows.model.states import ACTIVE_WORKFLOW
from workflows.model.values import Job
from workflows.rules.holds import (
    Hold,
    Mode,
    Scope,
    Subject,
    describe,
    describe_under_way,
    find_hold,
    stops,
)
from workflows.store import holds
from workflows.store.jobs.in_hand import InHand, count_left, in_hand
from workflows.store.workflows import paused
from workflows.store.workflows.standings import Standing, standings, standings_and_holds
from workflows.store.workflows.stored import StoredWorkflow

LASTS: Final = 0.3
"""Seconds for which what a sender read of the holds lets a job leave."""
SETTLES: Final = 0.7
"""Seconds from storing a hold to its answer, at least."""
LONGEST: Final = 0.9
"""The same at most: answers come within a second, and calls of AppService may take minutes."""
_LOOK_SECONDS: Final = 0.05
MOST: Final = 1_000
"""Holds of one user: every claim of jobs reads all of them."""


@dataclass(slots=True)
class Permission:
    """Whether one claimed job may leave; called just before its first byte does."""

    subject: Subject
    read_at: float
    """On the monotonic clock: before the holds were read the last time."""

    def __call__(self) -> bool:
        if time.monotonic() - self.read_at <= LASTS:
            return True
        begun = time.monotonic()
        try:
            held = find_hold(holds.present(), self.subject)
        except Unavailable:
            return False
        self.read_at = begun
        return held is None and time.monotonic() - begun <= LASTS


@dataclass(frozen=True, slots=True)
class SetHold:
    """A hold that was just set."""

    hold: Hold
    under_way: int
    """Jobs that it keeps and that were taken before: their calls are not answered yet, so that they
    may still start."""


@dataclass(frozen=True, slots=True)
class Check:
    """What a claimed job's workflow and the holds say of its start."""

    ended: bool
    """The workflow has ended: nothing of it may start any more."""
    hold: Hold | None
    """It keeps the job from starting."""
    permission: Permission


def check_claimed(claimed: Sequence[Job]) -> list[Check]:
    """Read after the claim: what was cancelled or held before is seen. Raises ``Unavailable``."""
    if not claimed:
        return []
    read_at = time.monotonic()
    known, present = standings_and_holds({job.workflow for job in claimed})
    checks = []
    for job in claimed:
        standing = known.get(job.workflow, Standing())
        subject = _subject(job, standing)
        hold = find_hold(present, subject)
        checks.append(Check(standing.ended, hold, Permission(subject, read_at)))
    return checks


def _subject(job: Job | InHand, standing: Standing) -> Subject:
    return Subject(
        job.owner, job.app, job.workflow, standing.batch, standing.begun_at, standing.template
    )


def set_hold(  # noqa: PLR0913 - a hold is all of these
    caller: Caller,
    scope: Scope,
    target: str,
    mode: Mode,
    reason: str,
    *,
    owner: str = "",
    until: datetime | None = None,
) -> SetHold:
    """Store a hold; nothing that it concerns leaves after the return.

    Raises ``Conflict`` where the user has set too many.
    """
    _check_room(caller)
    by = caller.name or ""
    hold = holds.insert(scope, target, mode, reason, by=by, owner=owner, until=until)
    return SetHold(hold, settle([hold]))


def _check_room(caller: Caller) -> None:
    if not caller.is_admin and holds.count_set_by(caller.name or "") >= MOST:
        raise Conflict(f"You have set {MOST} holds: lift some, or hold all of your work at once.")


def lift(caller: Caller, hold_id: str) -> None:
    """Raises ``NotFound``, and ``Forbidden`` for a hold that another user has set."""
    hold = holds.get(hold_id)
    if not may_lift(caller, hold):
        raise Forbidden(f"{hold.by} has set this hold: only that user or an admin lifts it.")
    holds.delete([hold.id])


def may_lift(caller: Caller, hold: Hold) -> bool:
    return caller.is_admin or (caller.name is not None and hold.by == caller.name)


def pause(caller: Caller, workflow: StoredWorkflow) -> int:
    """No further step of the workflow starts after the return, but for so many jobs of it whose
    calls AppService has not answered. Idempotent.

    Raises ``Conflict`` for one that is not under way.
    """
    store_pause(caller, workflow)
    return settle_paused([workflow.id])


def store_pause(caller: Caller, workflow: StoredWorkflow) -> bool:
    """The same, but for the time that other processes need to see it: ``settle_paused`` waits for
    that, once for many workflows. False if it was paused already.
    """
    if workflow.status not in ACTIVE_WORKFLOW:
        raise Conflict(f"Cannot pause workflow with status '{workflow.status}'")
    mine = (hold for hold in holds.on_target(Scope.WORKFLOW, workflow.id) if hold.until is None)
    if any(may_lift(caller, hold) for hold in mine):
        return False
    _check_room(caller)
    by, mode = caller.name or "", Mode.HOLD
    reason = f"paused by {by}"
    holds.insert(Scope.WORKFLOW, workflow.id, mode, reason, by=by, owner=workflow.owner)
    return True


def settle_paused(workflows: Collection[str]) -> int:
    """The same for the holds on these workflows."""
    return settle(holds.on_targets(Scope.WORKFLOW, workflows))


def settle(concerned: Sequence[Hold]) -> int:
    """Returns when what other processes read before of these holds has run out; and how many jobs
    that they keep are still in the hands of a process.

    Where none is there is nothing to wait for: a claim that comes later is followed by a new
    reading.
    """
    mine = [job for job, subject in _all_in_hand() if find_hold(concerned, subject)]
    begun = time.monotonic()
    if not mine:
        return 0
    time.sleep(SETTLES)
    while (left := count_left(mine)) and time.monotonic() - begun < LONGEST:
        time.sleep(_LOOK_SECONDS)
    return left


def count_under_way(found: Sequence[Hold]) -> Counter[str]:
    """Holds to the numbers of jobs that each of them keeps and of which AppService has not answered
    yet: these may still start."""
    subjects = [subject for _, subject in _all_in_hand()] if found else []
    return Counter(hold.id for hold in found for subject in subjects if stops(hold, subject))


def describe_each(found: Sequence[Hold]) -> list[str]:
    """What each of them keeps, until when and why, and which jobs may start all the same."""
    under_way = count_under_way(found)
    return [f"{describe(hold)} {describe_under_way(under_way[hold.id])}".rstrip() for hold in found]


def describe_all(found: Sequence[Hold]) -> str:
    """One text, with the users who have set them; empty where there are none."""
    texts = zip(found, describe_each(found), strict=True)
    return " ".join(f"{text} Set by {hold.by}." for hold, text in texts)


def _all_in_hand() -> list[tuple[InHand, Subject]]:
    jobs = in_hand()
    known = standings({job.workflow for job in jobs})
    return [(job, _subject(job, known.get(job.workflow, Standing()))) for job in jobs]


def resume(caller: Caller, workflow: StoredWorkflow) -> None:
    """Lift the holds on the workflow that the caller may lift, and resume it where a restart has
    paused it. Idempotent.

    Raises ``Conflict`` where a hold stays that only an admin lifts.
    """
    lift_all(caller, Scope.WORKFLOW, workflow.id)
    paused.resume(workflow.id)


def lift_all(caller: Caller, scope: Scope, target: str) -> None:
    """The same for all holds on one workflow or batch."""
    found = holds.on_target(scope, target)
    holds.delete([hold.id for hold in found if may_lift(caller, hold)])
    if left := [hold for hold in found if not may_lift(caller, hold)]:
        raise Conflict(f"{left[0].by} has set a hold that only an admin lifts. {describe(left[0])}")


def as_json(hold: Hold, under_way: int) -> dict[str, Any]:
    """As the API shows it, with the number of jobs that may still start."""
    return {
        "hold_id": hold.id,
        "scope": str(hold.scope),
        "target": hold.target or None,
        "mode": str(hold.mode),
        "reason": hold.reason,
        "by": hold.by,
        "created_at": stamp(hold.created_at),
        "until": stamp(hold.until),
        "message": describe(hold),
        "under_way": under_way,
    }


def list_visible(caller: Caller) -> Sequence[Hold]:
    """All of them for an admin; for others those that concern them."""
    return holds.present() if caller.is_admin else holds.visible_to(caller.name or "")
