"""The engine's context, made once in each process from the settings and passed on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event as Flag

from workflows.backends.appservice.backend import AppServiceBackend
from workflows.backends.base import Backend
from workflows.backends.breakers import Breakers
from workflows.bvbrc.job_records import JobRecords
from workflows.bvbrc.users.user_service import UserService
from workflows.cwl.process.planner import Planner
from workflows.engine.jobs.lanes import Lanes
from workflows.engine.notifications.context import Notifications
from workflows.engine.reuse.settings import ReuseSettings
from workflows.model.values import APPSERVICE, Event
from workflows.model.webhooks import Channel
from workflows.rules.webhooks.attempts import Outcome
from workflows.store.jobs import reservations
from workflows.store.mongo import translate_errors
from workflows.store.users.credentials import Vault


@dataclass(frozen=True, slots=True)
class Limits:
    """The executor's settings, as durations and counts; ``config/sections.py`` has the defaults."""

    polling_interval: timedelta
    lease: timedelta
    grace: timedelta
    """How old a submission must be before "not found" is believed."""
    lost_deadline: timedelta
    """How long a job may be unknown to AppService before it counts as lost."""
    evidence_deadline: timedelta
    """How long a job's failure waits for its reason, where BV-BRC cannot be asked."""
    outage_patience: timedelta
    """How long a refusal that may be an outage behind AppService counts as one."""
    cap: int
    """Steps of one workflow in flight, at most."""
    user_jobs: int
    submissions: int
    """Calls of start_app2 under way over all processes, at most."""
    user_submissions: int
    """The same for one user, over all processes."""
    send_window: timedelta
    """A claimed job that is not sent by then goes back to the outbox unsent. With the longest call
    it must be well below the grace: what is sent late may still be on its way to AppService."""
    announced_after: timedelta = timedelta(seconds=1)
    """How long an advance for sent jobs may wait: often a poll advances the workflow in that time,
    and otherwise many workflows are advanced together."""
    emptied_for: timedelta = timedelta(seconds=0.1)
    """How long a sender believes that the outbox is empty after a claim has left nothing in it, if
    nobody wakes it: answers come one after the other, and a look in vain costs as much as a start.
    """
    polls_by_forecast: bool = False
    """Whether jobs are polled as likely as they end, by the history of their apps."""
    user_workflows: int = 2**62
    """Workflows of one user that have not ended; a batch makes no further ones beyond it."""
    user_bytes: int = 2**62
    """The same for what is stored."""
    answered_grace: timedelta = timedelta(seconds=5)
    """When "not found" is believed after AppService itself said that its call failed; doubled with
    each further refusal."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event of a workflow, just made durable."""

    workflow: str
    name: str
    owner: str
    event: Event
    begun_at: datetime
    """When the workflow was submitted or retried."""


@dataclass(frozen=True, slots=True)
class EngineContext:
    """The connections of one process."""

    backends: Mapping[str, Backend]
    """Where steps run, by the name that stands in jobs' rows."""
    records: JobRecords
    """What BV-BRC keeps of jobs that failed."""
    vault: Vault
    limits: Limits
    recorded: Callable[[Sequence[Recorded]], None] = lambda _: None
    """Called with every event after it is durable, for log files and metrics."""
    accepted: Callable[[], None] = lambda: None
    """Called once for every workflow that was accepted to run."""
    broken: Callable[[BaseException], None] = lambda _: None
    """Called with every defect of ours that made one workflow or job wait."""
    watched: Callable[[timedelta], None] = lambda _: None
    """Called with the total time that jobs were at AppService since their previous poll."""
    polls: Lanes = field(default_factory=Lanes)
    lookups: Lanes = field(default_factory=Lanes)
    kills: Lanes = field(default_factory=Lanes)
    searches: Lanes = field(default_factory=Lanes)
    questions: Lanes = field(default_factory=Lanes)
    """Why jobs failed."""
    started: Callable[[Collection[str]], None] = lambda _: None
    """Called with users whose jobs have just started; it never fails."""
    looks: Callable[[str, timedelta], None] = lambda _owner, _wait: None
    """Called with a user whose jobs are to be asked about in that time, before the next interval;
    it never fails."""
    sends: Callable[[], None] = lambda: None
    """Called when jobs were stored that can be sent; it never fails."""
    reuse: ReuseSettings | None = None
    """None in a process that neither looks for earlier results nor notes any."""
    checks: Callable[[], None] = lambda: None
    """Called when jobs were stored whose results may be there already; it never fails."""
    grows: Callable[[Sequence[str]], None] = lambda _: None
    """Called with workflows whose further steps are to be planned; it never fails."""
    rows_ended: Callable[[Collection[str]], None] = lambda _: None
    """Called with batches of which a workflow has ended; it never fails."""
    user_service: UserService | None = None
    """Renews tokens; None where the settings say that none is renewed."""
    renewed: Callable[[str], None] = lambda _: None
    """Called after each try with its outcome, ``renewed`` or ``failed``."""
    notifications: Notifications | None = None
    """The settings of webhooks and e-mail; None: both are switched off."""
    notifies: Callable[[], None] = lambda: None
    """Called when messages were stored; it never fails."""
    delivered: Callable[[Channel, Outcome, timedelta], None] = lambda _channel, _outcome, _took: (
        None
    )
    """Called after each attempt to deliver a message."""
    planner: Planner | None = None
    """Plans them; None in a process that does not."""
    stopping: Flag = field(default_factory=Flag)
    """Set when the process is ending: it starts nothing new."""

    @property
    def appservice(self) -> AppServiceBackend:
        """For the checks of the service itself."""
        backend = self.backends[APPSERVICE]
        assert isinstance(backend, AppServiceBackend)  # noqa: S101 - runtime/bootstrap.py names it so
        return backend

    @property
    def breakers(self) -> Breakers:
        """AppService's."""
        return self.appservice.breakers


def learn(context: EngineContext, answered: datetime | None = None) -> None:
    """Store this process's observations of AppService for all processes. ``answered``: when the
    youngest call of ``start_app2`` began that was answered to it."""
    observations = context.appservice.observations
    observed = observations.take() if observations else None
    if observed:
        with translate_errors():
            reservations.learn(observed, context.limits.submissions, answered)
