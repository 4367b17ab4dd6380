"""The connections of one process, made at first use and so never before a fork."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from threading import Lock
from typing import Any
from urllib.parse import unquote, urlsplit

import structlog
from celery import current_app
from celery.signals import task_failure, worker_shutting_down
from kombu.exceptions import OperationalError

from config.notification_sections import MAIL_PORTS
from config.settings import Settings, load_settings
from observability.event_recorder import recorder
from observability.metering import counts_of
from observability.workflow_logs import WorkflowLogs
from runtime.forwarding import reach
from workflows.backends.appservice.backend import AppServiceBackend
from workflows.backends.appservice.client import AppService
from workflows.backends.appservice.observations import Observations
from workflows.backends.appservice.query_places import QueryPlaces
from workflows.backends.base import Backend, by_name
from workflows.backends.builtin.backend import BuiltinBackend
from workflows.backends.builtin.declaration import Clients
from workflows.bvbrc.data_api import DataApi
from workflows.bvbrc.job_records import JobRecords
from workflows.bvbrc.minhash import Minhash
from workflows.bvbrc.rpc import Made, Rpc
from workflows.bvbrc.signers import SignerKeys
from workflows.bvbrc.token import Verifier
from workflows.bvbrc.users.user_service import UserService
from workflows.bvbrc.wire import Wire
from workflows.bvbrc.workspace import Workspace
from workflows.cwl.process.planner import Planner
from workflows.engine.context import EngineContext, Limits, Recorded
from workflows.engine.jobs.early_looks import EarlyLooks
from workflows.engine.jobs.send import Drain
from workflows.engine.notifications.context import Mail, Notifications
from workflows.engine.notifications.links import Links
from workflows.engine.notifications.mailer import Mailer, Relay, Security
from workflows.engine.notifications.post import Poster
from workflows.engine.reuse.settings import ReuseSettings
from workflows.engine.sweep import POLLED_TOGETHER
from workflows.rules.mail.letters import Letterhead
from workflows.rules.poll_schedule import early_looks
from workflows.store import clock, connection, indexes
from workflows.store.users.credentials import Vault

log = structlog.get_logger(__name__)

_GLANCE_SECONDS = 3.0
_first = Lock()
"""Keeps concurrent first users from making the connections twice."""


def engine_context() -> EngineContext:
    with _first:
        return _of_process(os.getpid())[0]


def drain() -> Drain:
    with _first:
        return _of_process(os.getpid())[1]


def make_context(settings: Settings) -> EngineContext:
    """The engine's context for these settings, with metrics and logs attached."""
    mongodb = settings.mongodb
    connection.open_database(mongodb.address, mongodb.database, mongodb.collection)
    counts = counts_of(settings.metrics)
    observations = Observations()
    write_logs = recorder(logs_of(settings))

    def record_events(events: Sequence[Recorded]) -> None:
        counts.events(events)
        write_logs(events)

    def count_call(call: Made) -> None:
        counts.call(call)
        observations.call(call)

    return EngineContext(
        make_backends(settings, count_call, observations),
        vault=Vault(settings.auth.keys),
        limits=limits_of(settings),
        recorded=record_events,
        accepted=counts.count_accepted,
        broken=counts.count_defect,
        watched=counts.count_watch_time,
        records=_records(settings, count_call),
        reuse=_reuse(settings),
        user_service=_user_service(settings),
        renewed=counts.count_renewal,
        notifications=notifications_of(settings),
        delivered=counts.count_delivery,
    )


def _user_service(settings: Settings) -> UserService | None:
    """What it gives is verified as the API verifies what a user hands in."""
    auth = settings.auth
    if auth.renew_tokens == "never":
        return None
    return UserService(
        Wire(),
        auth.service_url,
        verify=Verifier(
            keys=SignerKeys(Wire(), auth.trusted_signers), trusted=auth.trusted_signers
        ),
        now=clock.now,
        timeout=timedelta(seconds=settings.scheduler.timeout),
    )


def notifications_of(settings: Settings) -> Notifications | None:
    """None: webhooks and e-mail are switched off."""
    webhooks, mail = settings.webhooks, _mail(settings)
    if not webhooks.enabled and mail is None:
        return None
    timeout = timedelta(seconds=webhooks.timeout_seconds)
    longest = max(timeout, timedelta(seconds=settings.notifications.timeout_seconds))
    return Notifications(
        poster=Poster(Wire(), webhooks.allow, timeout) if webhooks.enabled else None,
        public_url=settings.api.public_url,
        schedule=[timedelta(seconds=each) for each in webhooks.retry_seconds],
        disable_after=timedelta(seconds=webhooks.disable_after_seconds),
        expiry_notice=timedelta(seconds=webhooks.expiry_notice_seconds),
        per_user=webhooks.per_user,
        lease=4 * longest,
        mail=mail,
    )


_SECURITY = {"smtps": Security.TLS, "smtp": Security.STARTTLS, "smtp+plain": Security.NONE}


def _mail(settings: Settings) -> Mail | None:
    mail, server = settings.notifications, urlsplit(settings.notifications.smtp)
    if not server.hostname:
        return None
    relay = Relay(
        server.hostname,
        server.port or MAIL_PORTS[server.scheme],
        _SECURITY[server.scheme],
        unquote(server.username or ""),
        mail.password,
    )
    head = Letterhead(mail.sender, settings.api.public_url)
    return Mail(
        Mailer(relay, head, timedelta(seconds=mail.timeout_seconds)),
        Links(settings.auth.keys),
        per_user=mail.addresses_per_user,
        confirmations=mail.confirmations_per_day,
        letters=mail.letters_per_day,
    )


def _reuse(settings: Settings) -> ReuseSettings:
    """A look-up has time for several calls. A job waits for a glance before it is sent, so that is
    given up soon."""
    reuse = settings.reuse
    longest = min(settings.scheduler.timeout, reuse.patience_seconds / 4)

    def workspace(seconds: float) -> Workspace:
        timeout = timedelta(seconds=seconds)
        return Workspace(Rpc(Wire()), settings.workspace.url, timeout=timeout, now=clock.now)

    return ReuseSettings(
        workspace(longest),
        workspace(min(_GLANCE_SECONDS, longest)),
        max_age=timedelta(days=reuse.max_age_days),
        min_age=timedelta(seconds=reuse.min_age_seconds),
        patience=timedelta(seconds=reuse.patience_seconds),
        epochs=reuse.epoch,
        record=reuse.record,
    )


def make_backends(
    settings: Settings, made: Callable[[Made], None], observations: Observations
) -> dict[str, Backend]:
    """Where steps run. ``made`` is called after each call of AppService."""
    scheduler = settings.scheduler
    timeout = timedelta(seconds=scheduler.timeout)
    submit_timeout = timedelta(seconds=scheduler.submit_timeout)
    client = AppService(
        Rpc(Wire(), made),
        scheduler.url,
        timeout=timeout,
        submit_timeout=submit_timeout,
        now=clock.now,
    )
    workspace = Workspace(Rpc(Wire()), settings.workspace.url, timeout=timeout, now=clock.now)
    minhash = Minhash(Rpc(Wire()), scheduler.minhash_url, timeout=timeout)
    data_api = DataApi(Wire(), settings.data_api.url, timeout=timeout, now=clock.now)
    return by_name(
        AppServiceBackend(
            client,
            workspace,
            observations=observations,
            query_place=QueryPlaces(settings.executor.max_concurrent_submissions).place,
        ),
        BuiltinBackend(Clients(workspace, minhash, data_api)),
    )


def _records(settings: Settings, count_call: Callable[[Made], None]) -> JobRecords:
    """A failure waits for its reason, so each call has a part of that time at most."""
    longest = min(settings.scheduler.timeout, settings.executor.failure_evidence_seconds / 3)
    timeout = timedelta(seconds=longest)
    workspace = Workspace(Rpc(Wire()), settings.workspace.url, timeout=timeout, now=clock.now)
    rpc = Rpc(Wire(), count_call)
    return JobRecords(rpc, settings.scheduler.url, workspace, timeout=timeout, now=clock.now)


def logs_of(settings: Settings) -> WorkflowLogs:
    logging = settings.logging
    days = settings.retention.workflow_logs_days
    return WorkflowLogs(logging.workflow_log_dir, logging.workflow_log_bytes, days)


def limits_of(settings: Settings) -> Limits:
    executor = settings.executor
    spare = executor.in_doubt_grace_seconds - settings.scheduler.submit_timeout
    return Limits(
        send_window=timedelta(seconds=min(20.0, spare / 4)),
        polling_interval=timedelta(seconds=executor.polling_interval_seconds),
        lease=timedelta(seconds=executor.lease_seconds),
        grace=timedelta(seconds=executor.in_doubt_grace_seconds),
        lost_deadline=timedelta(seconds=executor.lost_job_deadline_seconds),
        evidence_deadline=timedelta(seconds=executor.failure_evidence_seconds),
        outage_patience=timedelta(seconds=executor.outage_patience_seconds),
        cap=executor.max_parallel_steps_per_workflow,
        user_jobs=executor.max_jobs_per_user,
        submissions=executor.max_concurrent_submissions,
        user_submissions=executor.max_concurrent_submissions_per_user,
        polls_by_forecast=executor.poll_by_forecast,
        user_workflows=settings.quotas.active_workflows,
        user_bytes=settings.quotas.stored_bytes,
    )


@lru_cache(maxsize=1)
def _of_process(_pid: int) -> tuple[EngineContext, Drain]:
    """Cached by process id, so that a child never uses its parent's connections."""
    settings = load_settings()
    made = make_context(settings)
    early = EarlyLooks(early_looks(made.limits.polling_interval), _tell_pollers)
    made = replace(
        made,
        planner=Planner(),
        sends=_tell_sender,
        checks=_tell_reuse,
        grows=_tell_planners,
        started=early.note,
        looks=early.plan,
        notifies=_tell_notifiers,
        rows_ended=_tell_batches,
    )
    reach.watch(made.breakers)
    indexes.ensure()
    return made, Drain(settings.executor.max_concurrent_submissions)


def _tell_sender() -> None:
    """Wakes this process's sender if it is running; otherwise, or if calls fail here, enqueues a
    message for any worker."""
    if not drain().nudge() or reach.starts_fail():
        _send("tasks.start_jobs")


def _tell_reuse() -> None:
    _send("tasks.check_reuse")


def _tell_batches(batch_ids: Collection[str]) -> None:
    _send("tasks.advance_batches", sorted(batch_ids))


def _tell_notifiers() -> None:
    _send("tasks.deliver_notifications")


def _tell_planners(_workflow_ids: Sequence[str]) -> None:
    _send("tasks.replan_workflows")


def _tell_pollers(owners: Sequence[str]) -> None:
    for start in range(0, len(owners), POLLED_TOGETHER):
        _send("tasks.poll_young_jobs", list(owners[start : start + POLLED_TOGETHER]))


def _send(task: str, *arguments: Any) -> None:
    """Sends a task's message; the caller goes on even if the broker is away."""
    try:
        current_app.send_task(task, arguments)
    except OperationalError as away:
        log.warning("The broker is away; the sweep will find the work", task=task, error=str(away))


@task_failure.connect
def _count(exception: BaseException, **_signal: Any) -> None:
    counts_of(load_settings().metrics).count_defect(exception)


@worker_shutting_down.connect
def _stop(**_signal: Any) -> None:
    """A warm shutdown waits for running tasks, so they must start nothing new."""
    engine_context().stopping.set()
