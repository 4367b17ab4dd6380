"""Notes what jobs that succeeded have left in the Workspace, so that later steps may reuse it.

It happens after the workflow has gone on, and only for jobs whose inputs were read before they were
sent. If the inputs hold the same after the job's end, the job has read that; then it gets the key
under which it is found. Reading changes nothing: a process that dies costs a repetition.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from workflows.engine.context import EngineContext
from workflows.engine.reuse.inputs import Reading, file_of, read
from workflows.engine.reuse.settings import ReuseSettings
from workflows.model.errors import ServiceError, Unauthorized, Unavailable
from workflows.model.values import Job
from workflows.reuse.inputs import File, NoIdentity, TooYoung
from workflows.reuse.results import MOST_RESULTS, Listed, Place, place_of, written_by
from workflows.store import clock
from workflows.store.mongo import PyMongoError
from workflows.store.reuse import results
from workflows.store.users import credentials
from workflows.store.users.credentials import Credential

log = structlog.get_logger(__name__)

_TOGETHER: Final = 16
"""Jobs that are begun together; those of one user are listed in one call."""
_AGAIN: Final = timedelta(minutes=1)
"""The time to the next try, where the Workspace could not be asked."""


def note_results(context: EngineContext, limit: int = 400) -> None:
    """Note what the due jobs have left; users side by side."""
    settings = context.reuse
    if settings is None:
        return
    for _ in range(0, limit, _TOGETHER):
        due = _due_jobs(context, settings)
        calls = {owner: [partial(_note_all, context, jobs)] for owner, jobs in due.items()}
        settings.notes.run(calls, lambda _: None)
        if sum(map(len, due.values())) < _TOGETHER:
            break


def _due_jobs(context: EngineContext, settings: ReuseSettings) -> Mapping[str, Sequence[Job]]:
    """By owner; none of users whose calls hang."""
    found: dict[str, list[Job]] = defaultdict(list)
    busy = settings.notes.busy()
    for _ in range(_TOGETHER):
        job = None if context.stopping.is_set() else results.take(_AGAIN, busy)
        if job is None:
            break
        found[job.owner].append(job)
    return found


def _note_all(context: EngineContext, jobs: Sequence[Job]) -> None:
    """One user's. Without a usable token, or while the Workspace is away, it is tried later."""
    credential = credentials.usable(context.vault, jobs[0].owner)
    if credential is None:
        return _try_later(jobs)
    try:
        _note(context, credential, jobs)
    except Unauthorized as refusal:
        credentials.mark_refused(context.vault, credential, refusal)
        _try_later(jobs)
    except ServiceError as away:
        log.info("What jobs left cannot be noted now", jobs=len(jobs), error=str(away))
        _try_later(jobs)
    except (PyMongoError, Unavailable):
        raise
    except Exception as defect:
        context.broken(defect)
        log.exception("What jobs left could not be noted", jobs=len(jobs))
        _try_later(jobs)
    return None


def _try_later(jobs: Sequence[Job]) -> None:
    now = clock.now()
    for job in jobs:
        if job.finished_at is None or now - job.finished_at > results.LONGEST:
            results.note(job, (), "")
        else:
            results.note_later(job, _AGAIN)


def _note(context: EngineContext, credential: Credential, jobs: Sequence[Job]) -> None:
    """Reads of all in two calls. Raises ``ServiceError``."""
    settings = context.reuse
    assert settings  # noqa: S101 - the caller has it
    places = {job.key: place for job in jobs if job.basis and (place := place_of(job.params))}
    inputs = [path for job in jobs if job.basis for path in job.basis.inputs]
    reading = read(
        settings.workspace,
        credential.token,
        [*inputs, *(place.result for place in places.values())],
        [place.hidden_folder for place in places.values()],
    )
    for job in jobs:
        try:
            results.note(job, *_judge(job, places.get(job.key), reading, settings.min_age))
        except TooYoung:
            results.note_later(job, settings.min_age)


def _judge(
    job: Job, place: Place | None, reading: Reading, min_age: timedelta
) -> tuple[Sequence[File], str]:
    """What the job left, and its key; empty for a job that is no source. Raises ``TooYoung``."""
    if place is None or job.basis is None or job.finished_at is None:
        return (), ""
    seen = _results(job, place, reading, job.finished_at)
    whole = len(seen) <= MOST_RESULTS and any(file.path == place.result for file in seen)
    if not whole or job.kill:
        return seen[:MOST_RESULTS], ""
    try:
        now = reading.identities(job.basis.inputs, min_age)
    except TooYoung:
        raise
    except NoIdentity:
        return seen, ""
    return seen, job.basis.key if now == job.basis.inputs else ""


def _results(job: Job, place: Place, reading: Reading, ended: datetime) -> Sequence[File]:
    result = reading.items.get(place.result)
    items = [*([result] if result else []), *reading.trees.get(place.hidden_folder, ())]
    listed = [Listed(file_of(item), item.created_at) for item in items]
    return written_by(listed, job.submitted_at or ended, ended)
