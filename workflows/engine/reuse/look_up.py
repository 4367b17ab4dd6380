"""Looks for an earlier job whose results a step may take, instead of running one.

Theory of operation. The advance stores the job of a step that may reuse results as *checking*. A
task takes it, reads what its inputs hold now, looks for a job of the same owner with the same key,
and reads again that all which that job left is still what it was. Then the job is *done* with those
results, or it goes to the outbox. Both are one guarded write, and reading changes nothing: a
process that dies in between costs a repetition. In doubt the step runs: what cannot be
distinguished, what cannot be read, and what takes too long.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from workflows.engine.advance import Advanced, advance
from workflows.engine.context import EngineContext
from workflows.engine.reuse.inputs import facts_of, file_of, parts_of, read, read_basis
from workflows.engine.reuse.outputs import Takeover, take_over
from workflows.engine.reuse.settings import ReuseSettings
from workflows.model.errors import ServiceError, Unauthorized, Unavailable
from workflows.model.values import Basis, Job, Reuse
from workflows.reuse.choice import Miss, Missed
from workflows.reuse.comparison import first_difference, nearest, tell_difference
from workflows.reuse.inputs import NoIdentity
from workflows.reuse.key import Parts
from workflows.reuse.results import first_change, place_of
from workflows.store.leases import leases
from workflows.store.mongo import PyMongoError
from workflows.store.reuse import lookups, sources
from workflows.store.reuse.sources import Source
from workflows.store.users import credentials
from workflows.store.users.credentials import Credential
from workflows.store.workflows import specs, stored

log = structlog.get_logger(__name__)

_TOGETHER: Final = 16
"""Jobs that are begun together."""
_AGAIN: Final = timedelta(seconds=2)
"""The time to the next look, where the Workspace could not be asked."""
_AWAY: Final = Missed(
    Miss.SERVICE_UNAVAILABLE, "The Workspace could not be asked in time, so the step runs."
)
_BROKEN: Final = Missed(Miss.SERVICE_UNAVAILABLE, "The look-up failed on a defect of the engine.")


def check_reuse(context: EngineContext) -> Advanced:
    """Look for the results of the due jobs; users side by side. Ends when none is due."""
    total = Advanced()

    def take(changed: Sequence[str]) -> None:
        nonlocal total
        if workflows := [workflow for workflow in changed if workflow]:
            total += advance(context, workflows)

    while context.reuse is not None and not context.stopping.is_set():
        if lookups.stop_overdue(_AWAY):
            context.sends()
        calls = _due_lookups(context, context.reuse)
        context.reuse.lookups.run(calls, take)
        if sum(map(len, calls.values())) < _TOGETHER:
            break
    return total


def _due_lookups(
    context: EngineContext, settings: ReuseSettings
) -> dict[str, list[Callable[[], str]]]:
    """By owner, what is due now; none of users whose calls hang."""
    again_in = context.limits.lease
    calls: dict[str, list[Callable[[], str]]] = defaultdict(list)
    busy = settings.lookups.busy()
    for _ in range(_TOGETHER):
        job = None if context.stopping.is_set() else lookups.take(again_in, settings.patience, busy)
        if job is None:
            break
        calls[job.owner].append(partial(_look_up, context, settings, job))
    return calls


def _look_up(context: EngineContext, settings: ReuseSettings, job: Job) -> str:
    """The workflow where its step has its results now; else nothing."""
    lease = context.limits.lease
    try:
        with leases.kept(lease, lambda: lookups.look_later(job, lease)):
            return _Lookup(context, settings, job).run()
    except (PyMongoError, Unavailable):
        raise
    except Exception as defect:
        context.broken(defect)
        log.exception("A look-up for reuse broke", workflow_id=job.workflow, app=job.app)
        return _run(context, job, _BROKEN, None)


def _run(context: EngineContext, job: Job, missed: Missed, basis: Basis | None) -> str:
    if lookups.record_miss(job, missed, basis):
        context.sends()
    return ""


@dataclass(frozen=True, slots=True)
class _Lookup:
    """One look-up."""

    context: EngineContext
    settings: ReuseSettings
    job: Job

    def run(self) -> str:
        credential = credentials.usable(self.context.vault, self.job.owner)
        if credential is None:
            lookups.park(self.job)
            return ""
        try:
            return self._ask(credential)
        except Unauthorized as refusal:
            credentials.mark_refused(self.context.vault, credential, refusal)
            lookups.park(self.job)
        except NoIdentity as reason:
            _run(self.context, self.job, Missed(Miss.NO_IDENTITY, _sentence(reason)), None)
        except ServiceError as away:
            log.info("Reuse waits for the Workspace", workflow_id=self.job.workflow, why=str(away))
            lookups.look_later(self.job, min(_AGAIN, self.settings.patience / 10))
        return ""

    def _ask(self, credential: Credential) -> str:
        """Raises ``NoIdentity`` and ``ServiceError``."""
        reuse = specs.get(stored.get(self.job.workflow).spec_id).spec.reuse or Reuse()
        basis, parts = read_basis(
            self.settings,
            self.settings.workspace,
            credential.token,
            self.job,
            self.settings.min_age,
        )
        max_age = min(reuse.max_age or self.settings.max_age, self.settings.max_age)
        missed: Missed | None = None
        for source in sources.with_key(self.job.owner, basis.key, max_age):
            takeover = self._try(credential, basis, source)
            if isinstance(takeover, Takeover):
                return self._record(takeover)
            missed = missed or takeover
        if reuse.join and self._joins(basis):
            return ""
        found = missed or self._explain(basis, parts, max_age)
        return _run(self.context, self.job, found, basis)

    def _try(self, credential: Credential, basis: Basis, source: Source) -> Takeover | Missed:
        """Reads again what the earlier job left, and what the inputs hold. Raises ``NoIdentity``
        and ``ServiceError``."""
        place, token = place_of(source.job.params), credential.token
        if place is None or not source.seen:
            return Missed(Miss.NO_EARLIER_JOB, "The earlier job left nothing at its place.")
        paths = [place.result, *basis.inputs]
        reading = read(self.settings.workspace, token, paths, [place.hidden_folder])
        if reading.identities(basis.inputs, self.settings.min_age) != basis.inputs:
            raise NoIdentity("an input has changed in this moment")
        result = reading.items.get(place.result)
        found = [*([result] if result else []), *reading.trees[place.hidden_folder]]
        if changed := first_change(source.seen, map(file_of, found)):
            message = f"{changed} is no longer what job {source.job.job_id} left there."
            return Missed(Miss.RESULTS_CHANGED, message, compared_with=source.job.key)
        return take_over(self.job, source)

    def _record(self, takeover: Takeover) -> str:
        job, reused = self.job, takeover.reused
        if not lookups.record_hit(job, reused, takeover.reason, takeover.outputs):
            return ""
        log.info("Results are reused", workflow_id=job.workflow, step=job.step, of=reused.source)
        return job.workflow

    def _joins(self, basis: Basis) -> bool:
        """Whether the job waits for another one that computes the same."""
        lookups.announce(self.job, basis)
        if not sources.computes_the_same(self.job, basis.key):
            return False
        lookups.look_later(self.job, self.context.limits.polling_interval, basis)
        return True

    def _explain(self, basis: Basis, parts: Parts, max_age: timedelta) -> Missed:
        """Why no job has the key."""
        if sources.has_older(self.job.owner, basis.key):
            days = max_age / timedelta(days=1)
            return Missed(Miss.TOO_OLD, f"The job with this result is older than {days:g} days.")
        facts = facts_of(self.settings, self.job.app)
        jobs = sources.of_app(self.job.owner, self.job.app) if facts else []
        known = [(job, its) for job in jobs if facts and (its := parts_of(facts, job))]
        if not known:
            message = f"No earlier job of {self.job.app} is known whose results can be reused."
            return Missed(Miss.NO_EARLIER_JOB, message)
        job, its = known[nearest(parts, [its for _, its in known])]
        found = first_difference(parts, its)
        if found is None:
            return Missed(Miss.NO_EARLIER_JOB, "The earlier job has just been deleted.")
        message = tell_difference(found, f"job {job.job_id}")
        return Missed(Miss.DIFFERS, message, found.part, found.before, found.now, job.key)


def _sentence(reason: NoIdentity) -> str:
    text = str(reason).rstrip(".")
    return f"{text[:1].upper()}{text[1:]}." if not text.startswith("/") else f"{text}."
