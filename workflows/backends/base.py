"""Where a step runs: what the engine asks of a backend, and what a backend answers.

A backend says what happened and never raises for it: every outcome is a value. It does not write
jobs; the engine stores what follows from its answers (``engine/jobs/handover.py``, ``poll.py``,
``lookup.py``, ``kill.py``). The job's row names its backend.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from workflows.model.errors import Unauthorized
from workflows.model.values import Job, Json, Outcome
from workflows.rules.outages import Verdict
from workflows.rules.plan import backoff

_AWAY: Final = timedelta(seconds=5)
"""How long a job rests after its backend could not be reached, before doubling."""


def rest(tries: int, doublings: int) -> timedelta:
    """How long a job rests after so many tries in vain."""
    return backoff(_AWAY, min(tries + 1, doublings))


@dataclass(frozen=True, slots=True)
class Caller:
    """The user for whom a backend is called."""

    owner: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Submission:
    """One job to start."""

    job: Job
    caller: Caller
    send_by: float
    """On the monotonic clock: the request must not leave later."""
    outage_patience: timedelta
    """How long a refusal that may be an outage is taken for one."""
    may_leave: Callable[[], bool] = lambda: True
    """Asked just before anything is started; if false, nothing is."""


@dataclass(frozen=True, slots=True)
class Started:
    """The job runs under this id."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The job ran to its end within the call."""

    outcome: Outcome
    reason: str = ""
    outputs: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """No job exists, and the user must change something first."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotStarted:
    """No job exists, for no fault of the user's; it is submitted again."""

    reason: str
    again_in: timedelta
    refused: bool = False
    """The backend refused it without a good reason, which may be an outage behind it."""
    defect: Exception | None = None
    """A defect of ours, where one is to blame."""


@dataclass(frozen=True, slots=True)
class InDoubt:
    """A job may exist: ``find`` knows, later."""

    reason: str
    answered: bool
    """The backend itself said that the call failed, so the job does not come to exist later."""


@dataclass(frozen=True, slots=True)
class TokenRefused:
    """Nothing was done, since the user's token is refused."""

    refusal: Unauthorized


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The backend could not be asked, or its answer is lost."""

    reason: str


SubmitResult = Started | Finished | Refused | NotStarted | InDoubt | TokenRefused
NoAnswer = TokenRefused | Unanswered


@dataclass(frozen=True, slots=True)
class JobReport:
    """One job as its backend sees it now. Times are aware, UTC."""

    outcome: Outcome | None
    """None until it has ended."""
    started_at: datetime | None
    finished_at: datetime | None
    word: str = ""
    """The backend's own word for how it is."""


@dataclass(frozen=True, slots=True)
class KillReply:
    """The outcome of killing one job."""

    killed: bool
    """The job was killed; AppService reports a running one as running for up to two minutes
    more."""
    message: str
    gone: bool = False
    """The job had ended already, or the backend does not know it."""


@dataclass(frozen=True, slots=True)
class BackendStatus:
    """What of a backend can be used now, as far as its last calls show."""

    reachable: bool = True
    probing: bool = False
    """It counts as away, and one job at a time is submitted to see whether it still is."""
    barred: Collection[str] = ()
    """Users for whom no call is made now."""
    failing: Collection[str] = ()
    """Users whose last call has just failed: one job of theirs at a time is submitted."""
    refused: Collection[str] = ()
    """Users with jobs that were refused for what may be an outage: one of these jobs at a time is
    submitted."""


class Backend(Protocol):
    """Runs jobs. Threads share it."""

    @property
    def name(self) -> str:
        """As it is stored in jobs' rows."""

    @property
    def synchronous(self) -> bool:
        """Whether ``submit`` runs a job to its end, and may be repeated at any time with the same
        result. Such a job is never polled, cancelled or looked up."""

    def status(self) -> BackendStatus:
        """What is known without a call."""

    def takes_submissions(self) -> bool:
        """Whether jobs may be submitted now. Raises ``Unavailable``."""

    def admit(self, owners: Iterable[str]) -> list[str]:
        """Those of the users for whom a call may be made now."""

    def submit(self, submission: Submission) -> SubmitResult:
        """Starts a job, under the job's key."""

    def find(self, caller: Caller, job: Job, since: datetime) -> tuple[str, ...] | NoAnswer:
        """The ids of all jobs with this job's key that were submitted from ``since`` on."""

    def poll(self, caller: Caller, job_ids: Sequence[str]) -> Mapping[str, JobReport] | NoAnswer:
        """By id; ids that it does not know are absent."""

    def cancel(self, caller: Caller, job_ids: Sequence[str]) -> Mapping[str, KillReply] | NoAnswer:
        """By id. Repeating it does no harm."""

    def outputs(self, caller: Caller, job: Job) -> Finished | NoAnswer:
        """What a job that ended well left: for its ``globs``, and the outputs that its app names as
        ``later``; and so how it ended."""

    def judge_refusal(self, caller: Caller, job: Job, refusal: str, patience: timedelta) -> Verdict:
        """Whether a refusal without a good reason is the user's fault."""


def by_name(*backends: Backend) -> dict[str, Backend]:
    return {backend.name: backend for backend in backends}
