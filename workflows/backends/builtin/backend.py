"""The steps that the engine runs itself, as a backend. AppService never hears of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from workflows.backends.base import (
    BackendStatus,
    Caller,
    Finished,
    JobReport,
    KillReply,
    NotStarted,
    Submission,
    SubmitResult,
    TokenRefused,
    rest,
)
from workflows.backends.builtin.declaration import BUILTIN, Clients, Wait
from workflows.backends.builtin.steps import STEPS
from workflows.model.errors import (
    InDoubt,
    NotFound,
    NotSent,
    Rejected,
    ServiceAway,
    Unauthorized,
    Unavailable,
)
from workflows.model.values import Job, Outcome
from workflows.rules.outages import Verdict

log = structlog.get_logger(__name__)

_SOME: Final = 5
_MANY: Final = 8
"""Doublings of a step's rest after a defect of ours: ten minutes."""


class BuiltinBackend:
    """Runs a step to its end within ``submit``. Implements ``Backend``."""

    name: Final = BUILTIN
    synchronous: Final = True

    def __init__(self, clients: Clients) -> None:
        self.clients = clients

    def status(self) -> BackendStatus:
        return BackendStatus()

    def takes_submissions(self) -> bool:
        return True

    def admit(self, owners: Iterable[str]) -> list[str]:
        return list(owners)

    def submit(self, submission: Submission) -> SubmitResult:
        """A fault of ours never fails the workflow: the step is tried again, ever more rarely."""
        job = submission.job
        try:
            found = STEPS[job.app].action(self.clients, submission.caller.token, job)
        except Unauthorized as refusal:
            return TokenRefused(refusal)
        except (Rejected, NotFound) as refusal:
            return Finished(Outcome.FAILED, str(refusal))
        except (NotSent, InDoubt, ServiceAway, Unavailable) as away:
            return NotStarted(str(away), rest(job.tries, _SOME))
        except Exception as defect:
            log.exception("A built-in step broke", workflow_id=job.workflow, app=job.app)
            reason = f"the engine could not run it ({type(defect).__name__})"
            return NotStarted(reason, rest(job.tries, _MANY), defect=defect)
        if isinstance(found, Wait):
            return NotStarted(found.reason, found.again_in)
        return Finished(Outcome.SUCCEEDED, "", found)

    def find(self, caller: Caller, job: Job, since: datetime) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def poll(self, caller: Caller, job_ids: Sequence[str]) -> Mapping[str, JobReport]:  # noqa: ARG002
        return {}

    def cancel(self, caller: Caller, job_ids: Sequence[str]) -> Mapping[str, KillReply]:  # noqa: ARG002
        return {job_id: KillReply(False, "", gone=True) for job_id in job_ids}

    def outputs(self, caller: Caller, job: Job) -> Finished:  # noqa: ARG002
        return Finished(Outcome.SUCCEEDED, "", job.results)

    def judge_refusal(
        self,
        caller: Caller,  # noqa: ARG002
        job: Job,  # noqa: ARG002
        refusal: str,
        patience: timedelta,  # noqa: ARG002
    ) -> Verdict:
        return Verdict(True, refusal)
