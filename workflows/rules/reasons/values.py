"""Why a step is not done yet, as values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from workflows.model.states import StepState
from workflows.model.values import APPSERVICE
from workflows.rules.holds import Hold, Subject


class Code(StrEnum):
    """The reason's code."""

    WAITING_FOR_STEPS = "waiting_for_steps"
    PARALLELISM_CAP = "parallelism_cap"
    USER_CAP = "user_cap"
    SUBMISSION_IN_DOUBT = "submission_in_doubt"
    RETRY_AT = "retry_at"
    PAUSED = "paused"
    SERVICE_UNAVAILABLE = "service_unavailable"
    SERVICE_DISABLED = "service_disabled"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a reason
    QUEUED_AT_BVBRC = "queued_at_bvbrc"
    RUNNING = "running"
    LOOKING_FOR_RESULTS = "looking_for_results"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one step is not done yet."""

    step_name: str
    state: StepState
    code: Code
    message: str
    unblocked_by: str
    since: datetime | None = None
    """None where it was not recorded."""
    until: datetime | None = None
    """When the reason ends by itself, if that is known."""
    waiting_for: tuple[str, ...] = ()
    """Names of the steps that it waits for; under a parallelism cap, the first few under way."""
    job_id: str = ""
    hold: Hold | None = None
    """The hold that keeps the step from starting."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The facts outside of its workflow that a step's progress depends on."""

    now: datetime
    began: datetime
    """When the workflow was submitted."""
    workflow_id: str = ""
    backend_of: Callable[[str], str] = lambda _: APPSERVICE
    """The name of the backend that runs an app."""
    token_expires_at: datetime | None = None
    """None if the engine keeps no token of the user."""
    token_refused: bool = False
    service: str = "up"
    """``up``, ``away`` or ``disabled``: AppService, as far as known."""
    service_since: datetime | None = None
    service_reason: str = ""
    user_jobs: int = 0
    """The user's jobs that are at AppService or being sent."""
    most_user_jobs: int = 1_000_000
    hanging_calls: int = 0
    """The user's submissions that AppService should have answered long ago."""
    holds: Sequence[Hold] = ()
    """Those that may keep a step from starting."""
    subject_of: Callable[[str], Subject] = lambda app: Subject("", app, "")
    """A job of an app in this workflow, as far as holds are concerned."""

    @property
    def token_ended(self) -> bool:
        return (
            self.token_refused or self.token_expires_at is None or self.token_expires_at <= self.now
        )
