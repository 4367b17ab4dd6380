"""AppService as a backend: its client, guarded by breakers; every outcome becomes a value."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import datetime, timedelta
from threading import Lock
from typing import Final, TypeVar

from structlog.contextvars import bound_contextvars

from workflows.backends import base
from workflows.backends.appservice.client import AppService
from workflows.backends.appservice.inputs import judge_refusal
from workflows.backends.appservice.observations import Observations
from workflows.backends.appservice.outputs import match_globs
from workflows.backends.appservice.reports import JobWord, Report
from workflows.backends.base import (
    BackendStatus,
    Caller,
    Finished,
    JobReport,
    KillReply,
    NoAnswer,
    NotStarted,
    Refused,
    Started,
    Submission,
    SubmitResult,
    TokenRefused,
    Unanswered,
    rest,
)
from workflows.backends.breakers import Breakers, is_away
from workflows.backends.refusals import Refusals
from workflows.bvbrc.workspace import Workspace
from workflows.model.errors import (
    InDoubt,
    NotFound,
    NotSent,
    Rejected,
    ServiceAway,
    ServiceError,
    Unauthorized,
    Unavailable,
    Withheld,
)
from workflows.model.values import APPSERVICE, Job, Outcome
from workflows.rules.outages import Verdict
from workflows.spec.output_globs import missing
from workflows.store.processes import service_status

_GATE_SECONDS: Final = 1.0
"""How long it is believed that AppService takes submissions, or does not."""
_FEW: Final = 2
"""Doublings of a job's rest while AppService is away: the breakers let only few jobs try."""
_SOME: Final = 5
_MANY: Final = 8
"""Doublings for what may be an outage behind AppService: ten minutes."""
_OUTCOMES: Final = {JobWord.SUCCEEDED: Outcome.SUCCEEDED, JobWord.FAILED: Outcome.FAILED}

T = TypeVar("T")


class AppServiceBackend:
    """One process's. Implements ``Backend``."""

    name: Final = APPSERVICE
    synchronous: Final = False

    def __init__(
        self,
        client: AppService,
        workspace: Workspace | None = None,
        *,
        observations: Observations | None = None,
        query_place: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """``workspace``: where jobs leave their outputs; None in a process that does not look.
        ``observations``: what shows how many calls AppService bears. ``query_place``: around each
        query of jobs; it takes a place among the calls under way, before starts do.
        """
        self.client = client
        self.breakers = Breakers()
        self._refusals = Refusals()
        self._workspace = workspace
        self.observations = observations
        self._query_place = query_place
        self._gate = Lock()
        self._takes, self._asked = True, 0.0

    def status(self) -> BackendStatus:
        breakers = self.breakers
        opened = breakers.opened
        reachable = not opened or breakers.lets_probe()
        return BackendStatus(
            reachable, opened, breakers.barred(), breakers.failing(), self._refusals.users()
        )

    def takes_submissions(self) -> bool:
        with self._gate:
            if time.monotonic() - self._asked > _GATE_SECONDS:
                state = service_status.health(service_status.APPSERVICE).state
                self._takes, self._asked = state != service_status.DISABLED, time.monotonic()
            return self._takes

    def admit(self, owners: Iterable[str]) -> list[str]:
        return self.breakers.admit(owners)

    def submit(self, submission: Submission) -> SubmitResult:
        job, caller = submission.job, submission.caller
        try:
            with known_in_logs(job), self._asked_first(caller):
                job_id = self.client.start(
                    caller.token,
                    job.app,
                    job.params,
                    key=job.key,
                    base_url=job.base_url,
                    send_by=submission.send_by,
                    may_leave=submission.may_leave,
                )
        except Withheld as held:
            return NotStarted(str(held), timedelta(0))
        except Unauthorized as refusal:
            return TokenRefused(refusal)
        except Rejected as rejected:
            return self._judge(submission, rejected)
        except ServiceError as failure:
            return self._not_done(job, failure)
        if job.refusals:
            self._refusals.forget(job.owner)
        return Started(job_id)

    def _not_done(self, job: Job, failure: ServiceError) -> base.InDoubt | NotStarted:
        if self.observations:
            self.observations.failed_start(job, failure)
        self._report_away(failure)
        if isinstance(failure, InDoubt):
            if failure.answered:
                self._refusals.note(job.owner)
            return base.InDoubt(str(failure), failure.answered)
        doublings = _FEW if is_away(failure) else _SOME
        return NotStarted(str(failure), rest(job.tries, doublings))

    @contextmanager
    def _asked_first(self, caller: Caller) -> Iterator[None]:
        """Around a submission. While a breaker is open, a question that starts nothing goes before
        it: a lost answer to that leaves no job in doubt.
        """
        if self.breakers.opened_for(caller.owner):
            with self.breakers.probe(caller.owner):
                self.client.status(caller.token)
        with self.breakers.call(caller.owner):
            yield

    def _judge(self, submission: Submission, rejected: Rejected) -> Refused | NotStarted:
        """A fault of the user's fails at once; what may be an outage is sent again, later."""
        job = submission.job
        if not rejected.maybe_transient:
            return Refused(str(rejected))
        verdict = self.judge_refusal(
            submission.caller, job, str(rejected), submission.outage_patience
        )
        if verdict.fails:
            return Refused(verdict.reason)
        self._refusals.note(job.owner)
        return NotStarted(verdict.reason, rest(job.refusals, _MANY), refused=True)

    def _report_away(self, failure: ServiceError) -> None:
        """Lets every process know that the service is away. One user's call says nothing of the
        service. That submissions are disabled may concern one app alone: ``service_status`` knows,
        and the sweep asks it as soon as something is wrong.
        """
        if self.breakers.opened and is_away(failure):
            with suppress(Unavailable):  # the outcome of the job matters more
                service_status.report(service_status.APPSERVICE, service_status.AWAY, str(failure))

    def find(self, caller: Caller, job: Job, since: datetime) -> tuple[str, ...] | NoAnswer:
        def ask() -> tuple[str, ...]:
            return self.client.find(
                caller.token,
                job.key,
                app=job.app,
                output_path=str(job.params.get("output_path", "")),
                output_file=str(job.params.get("output_file", "")),
                since=since,
            )

        with known_in_logs(job):
            return self._ask(caller, ask)

    def poll(self, caller: Caller, job_ids: Sequence[str]) -> Mapping[str, JobReport] | NoAnswer:
        with self._query_place():
            reports = self._ask(caller, lambda: self.client.query(caller.token, job_ids))
        if isinstance(reports, NoAnswer):
            return reports
        return {job_id: _job_report(report) for job_id, report in reports.items()}

    def cancel(self, caller: Caller, job_ids: Sequence[str]) -> Mapping[str, KillReply] | NoAnswer:
        return self._ask(caller, lambda: self.client.kill(caller.token, job_ids))

    def _ask(self, caller: Caller, call: Callable[[], T]) -> T | NoAnswer:
        try:
            with self.breakers.call(caller.owner):
                return call()
        except Unauthorized as refusal:
            return TokenRefused(refusal)
        except ServiceError as away:
            return Unanswered(str(away))

    @property
    def workspace(self) -> Workspace | None:
        """For what is no question about one job; None in a process that does not look."""
        return self._workspace

    def outputs(self, caller: Caller, job: Job) -> Finished | NoAnswer:
        """Asks the Workspace, which has no breaker."""
        if self._workspace is None:
            return Unanswered("this process does not ask the Workspace")
        try:
            found = match_globs(self._workspace, caller.token, job.globs)
        except Unauthorized as refusal:
            return TokenRefused(refusal)
        except (Rejected, NotFound) as refusal:
            return Finished(Outcome.FAILED, f"its results cannot be seen: {refusal}")
        except (NotSent, InDoubt, ServiceAway) as away:
            return Unanswered(str(away))
        if absent := missing(job.globs, found):
            patterns = ", ".join(f"'{name}' ({job.globs[name]['glob']})" for name in absent)
            return Finished(Outcome.FAILED, f"the job left nothing for {patterns}")
        return Finished(Outcome.SUCCEEDED, "", found)

    def judge_refusal(self, caller: Caller, job: Job, refusal: str, patience: timedelta) -> Verdict:
        return judge_refusal(self._workspace, caller.token, job, refusal, patience)


def known_in_logs(job: Job) -> AbstractContextManager[None]:
    """Logs within it, and the call itself, carry the id of the user's request."""
    request = {"request_id": job.request_id} if job.request_id else {}
    return bound_contextvars(workflow_id=job.workflow, step=job.step, **request)


def _job_report(report: Report) -> JobReport:
    outcome = _OUTCOMES.get(report.state)
    return JobReport(outcome, report.started_at, report.finished_at, report.word)
