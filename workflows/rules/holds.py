"""Decides which jobs a hold keeps from starting. Pure.

A *hold* starts nothing further of its scope. A *drain* lets go on what runs: a workflow that ran
when the drain was set goes on to its end, and no other one starts a job. Neither touches a job that
is at BV-BRC already.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Scope(StrEnum):
    """What a hold concerns; all but ``global`` name a target."""

    GLOBAL = "global"
    USER = "user"
    APP = "app"
    BATCH = "batch"
    TEMPLATE = "template"
    WORKFLOW = "workflow"


class Mode(StrEnum):
    """How far it goes."""

    HOLD = "hold"
    DRAIN = "drain"


@dataclass(frozen=True, slots=True)
class Hold:
    """Who keeps what from starting, why, and until when."""

    id: str
    scope: Scope
    target: str
    """A user, an app's id, a batch, a template (``name``, or ``name@version``) or a workflow; empty
    for the global scope."""
    mode: Mode
    reason: str
    by: str
    """The user who set it."""
    created_at: datetime
    until: datetime | None = None
    """When it ends by itself; None: when it is lifted."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A job, as far as holds are concerned."""

    owner: str
    app: str
    workflow: str
    batch: str = ""
    begun_at: datetime | None = None
    """Since when its workflow has run, since its last retry; None if no job of it has started."""
    template: str = ""
    """``name@version`` of what its workflow was made from; empty if it was from none."""


def covers(hold: Hold, subject: Subject) -> bool:
    """Whether the job is in the scope of the hold."""
    targets = {
        Scope.GLOBAL: ("",),
        Scope.USER: (subject.owner,),
        Scope.APP: (subject.app,),
        Scope.BATCH: (subject.batch,),
        Scope.TEMPLATE: (subject.template, subject.template.partition("@")[0]),
        Scope.WORKFLOW: (subject.workflow,),
    }
    return hold.target in targets[hold.scope]


def stops(hold: Hold, subject: Subject) -> bool:
    """Whether the hold keeps the job from starting."""
    if not covers(hold, subject):
        return False
    ran = subject.begun_at is not None and subject.begun_at <= hold.created_at
    return hold.mode is Mode.HOLD or not ran


def find_hold(holds: Iterable[Hold], subject: Subject) -> Hold | None:
    """Of the holds that stop the job the one that lasts longest; None if none does."""
    found = [hold for hold in holds if stops(hold, subject)]
    return max(found, key=_ends, default=None)


def _ends(hold: Hold) -> tuple[bool, datetime]:
    return hold.until is None, hold.until or hold.created_at


def describe_under_way(jobs: int) -> str:
    """A sentence about jobs that may start although they are held; empty where there are none."""
    if not jobs:
        return ""
    was, they = ("job was", "it") if jobs == 1 else ("jobs were", "they")
    return f"{jobs} {was} being sent before, and BV-BRC has not answered: {they} may still start."


def describe(hold: Hold) -> str:
    """A sentence for people: who, until when, why."""
    what = {
        Scope.GLOBAL: "Nothing starts",
        Scope.USER: f"Nothing of user {hold.target} starts",
        Scope.APP: f"No job of app {hold.target} starts",
        Scope.BATCH: f"Nothing of batch {hold.target} starts",
        Scope.TEMPLATE: f"Nothing made from template {hold.target} starts",
        Scope.WORKFLOW: "No further step of the workflow starts",
    }[hold.scope]
    drained = ", except in workflows that ran already" if hold.mode is Mode.DRAIN else ""
    until = f" until {hold.until:%Y-%m-%d %H:%M} UTC" if hold.until else ""
    return f"{what}{drained}{until}: {hold.reason.rstrip('.') or 'no reason given'}."
