"""Schemas of the overview for operators."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from app.api.schemas.schema_fields import Answered, count, described_as, text, texts, time


def _seconds(description: str) -> fields.Float:
    return fields.Float(required=True, allow_none=True, **described_as(description))


def _flag(description: str) -> fields.Boolean:
    return fields.Boolean(required=True, **described_as(description))


def _part(schema: type[Schema], description: str) -> fields.List[Any]:
    return fields.List(
        fields.Nested(schema), required=True, allow_none=True, **described_as(description)
    )


def _counts(description: str) -> fields.Dict:
    return fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        allow_none=True,
        **described_as(description),
    )


class SubmissionLimit(Answered):
    calls = count("Calls of start_app2 that may be under way")
    latency_seconds = _seconds("Mean latency of recent starts; null before any")
    reason = text("Of the present limit")


class OverviewProgress(Answered):
    jobs = _counts("Open states to how many jobs are in them")
    in_doubt = count("Submissions whose answer is lost")
    waiting_for_token = count("Jobs that wait for a fresh token")
    oldest_unsent_seconds = _seconds("How long the oldest job waits that could be sent")
    oldest_overdue_seconds = _seconds("How long the most overdue workflow waits")
    last_sweep_seconds = _seconds("How long ago the last sweep began; null before the first")
    submission_limit = fields.Nested(SubmissionLimit, required=True)


class OverviewQueue(Answered):
    name = text("What is due")
    waiting = count("How much of it, up to 10,000")
    oldest_seconds = _seconds("For how long the first has been due; null if nothing is")


class OverviewOutbox(Answered):
    owner = text("The user")
    waiting = count("Jobs that are to be sent")
    oldest_seconds = _seconds("For how long the first has waited; null if all wait for a token")
    parked = _flag("The user has no usable token")


class OverviewParked(Answered):
    owner = text("The user")
    workflows = count("Active workflows, all of which wait for a fresh token")
    since = time("When the token ended; null if it was deleted", null=True)


class OverviewService(Answered):
    name = text("The service")
    state = text("up, away or disabled")
    reason = text("Why; may be empty")
    since = time("When it came into this state", null=True)
    checked_at = time("When it was last asked", null=True)


class OverviewTask(Answered):
    task = text("Its name")
    error = text("The class of its last exception")
    count = count("How often it raised lately")


class OverviewProcess(Answered):
    name = text("kind@host:process")
    kind = text("worker, beat or api")
    version = text("The release that it runs")
    heartbeat_at = time("Its last heartbeat")
    seen_seconds = _seconds("How long ago that was")
    queues = texts("Those that a worker consumes")
    breaker_open = _flag("Its circuit breaker lets no call to AppService through")
    broken_tasks = fields.List(fields.Nested(OverviewTask), required=True)


class OverviewSweep(Answered):
    at = time("When it ended")
    seconds = _seconds("How long it took")


class OverviewUser(Answered):
    owner = text("The user")
    workflows = count("Stored workflows")
    active = count("Of these, those that have not ended")
    bytes = count("What they take")


class OverviewStuck(Answered):
    workflow_id = text("The workflow")
    owner = text("Whose it is")
    job = text("The key of the job; empty if it is about the workflow")
    since = time("Since when", null=True)
    why = text("What keeps it")


class Overview(Answered):
    at = time("MongoDB's time")
    version = text("The release of the API")
    workflows = _counts("States to how many workflows are in them")
    progress = fields.Nested(OverviewProgress, required=True, allow_none=True)
    queues = _part(OverviewQueue, "Work that is due, by kind")
    messages = _counts("Queues of the broker to how many messages wait")
    outbox = _part(OverviewOutbox, "Users with jobs to send, those with most first; up to 50")
    parked = _part(OverviewParked, "Users whose workflows wait for a fresh token; up to 50")
    services = _part(OverviewService, "BV-BRC's services")
    processes = _part(OverviewProcess, "Those of the last day that did not leave")
    slowest_sweeps = _part(OverviewSweep, "Of the last day, up to 5")
    users = _part(OverviewUser, "Those with most active workflows first; up to 50")
    stuck = _part(OverviewStuck, "What does not go on by itself; up to 20 of a kind")
    incomplete = texts("Parts that could not be asked in time; these are null")
