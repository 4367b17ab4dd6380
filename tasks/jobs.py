"""The tasks that send, poll and kill jobs at AppService."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.bootstrap import drain, engine_context
from runtime.single_flight import SingleFlight
from tasks.advance import follow
from tasks.celery import app
from workflows.engine.context import learn
from workflows.engine.jobs.evidence import collect_evidence as collect
from workflows.engine.jobs.find_outputs import find_results as find
from workflows.engine.jobs.kill import kill_jobs as kill
from workflows.engine.jobs.lookup import resolve_jobs as resolve
from workflows.engine.jobs.poll import poll_jobs as poll
from workflows.engine.jobs.poll import poll_young_jobs as poll_young
from workflows.engine.reports.check_results import check_results
from workflows.engine.reuse.look_up import check_reuse as check
from workflows.engine.reuse.note import note_results as note

_WHOLE_DAY = 86_400
"""Seconds. Under load the outbox is never empty; each call in it has a time limit of its own."""

_finding = SingleFlight()
_asking = SingleFlight()
_checking = SingleFlight()
_noting = SingleFlight()


@app.task(name="tasks.start_jobs", time_limit=_WHOLE_DAY, soft_time_limit=_WHOLE_DAY)
def start_jobs() -> None:
    """Empty the outbox; returns at once if this process is already doing so."""
    drain().run(engine_context())


@app.task(name="tasks.poll_jobs")
def poll_jobs(owners: Sequence[str]) -> None:
    follow(poll(engine_context(), owners))
    learn(engine_context())


@app.task(name="tasks.poll_young_jobs")
def poll_young_jobs(owners: Sequence[str]) -> None:
    """Poll jobs that have just started, between two intervals."""
    follow(poll_young(engine_context(), owners))
    learn(engine_context())


@app.task(name="tasks.resolve_jobs")
def resolve_jobs() -> None:
    follow(resolve(engine_context()))


@app.task(name="tasks.find_results")
def find_results() -> None:
    """Find the outputs of ended jobs and the results of ended workflows; a Workspace that hangs
    occupies one thread.
    """
    _finding.run(_find_all)


def _find_all() -> None:
    follow(find(engine_context()))
    check_results(engine_context())


@app.task(name="tasks.collect_evidence")
def collect_evidence() -> None:
    """Ask why jobs failed; a service that hangs occupies one thread."""
    _asking.run(lambda: follow(collect(engine_context())))


@app.task(name="tasks.check_reuse")
def check_reuse() -> None:
    """Look for earlier results that steps may take; a Workspace that hangs occupies one thread."""
    _checking.run(lambda: follow(check(engine_context())))


@app.task(name="tasks.note_results")
def note_results() -> None:
    """Note what jobs have left; a Workspace that hangs occupies one thread."""
    _noting.run(lambda: note(engine_context()))


@app.task(name="tasks.kill_jobs")
def kill_jobs() -> None:
    kill(engine_context())
