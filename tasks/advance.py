"""The tasks that advance workflows: one chunk of them, or all that are due."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final

from config.settings import load_settings
from observability.metering import counts_of
from runtime.bootstrap import engine_context
from runtime.single_flight import SingleFlight
from tasks.celery import app
from workflows.engine.advance import Advanced, advance
from workflows.engine.replan import replan_due
from workflows.engine.sweep import check_service, sweep
from workflows.model.errors import Unavailable
from workflows.store.due import Work
from workflows.store.processes import sweeps

_TASKS: Final = {
    Work.LOOK_UP: "tasks.resolve_jobs",
    Work.KILL: "tasks.kill_jobs",
    Work.FIND: "tasks.find_results",
    Work.ASK_WHY: "tasks.collect_evidence",
    Work.REUSE: "tasks.check_reuse",
    Work.NOTE: "tasks.note_results",
    Work.REPLAN: "tasks.replan_workflows",
    Work.RENEW: "tasks.renew_tokens",
    Work.NOTIFY: "tasks.deliver_notifications",
}
_planning = SingleFlight()
_checking = SingleFlight()


@app.task(name="tasks.advance_workflows")
def advance_workflows(workflow_ids: Sequence[str]) -> None:
    follow(advance(engine_context(), workflow_ids))


@app.task(name="tasks.replan_workflows")
def replan_workflows() -> None:
    """Plan the further steps of workflows whose results determine them."""
    _planning.run(_plan_all)


def _plan_all() -> None:
    for advanced in replan_due(engine_context()):
        follow(advanced)


@app.task(name="tasks.advance_active_workflows")
def advance_active_workflows() -> None:
    """The sweep: find due work and distribute it in short tasks."""
    begun = time.monotonic()
    due = sweep(engine_context())
    for chunk in due.advances:
        advance_workflows.delay(list(chunk))
    for batch in due.batches:
        app.send_task("tasks.advance_batches", ([batch],))
    for owners in due.polls:
        app.send_task("tasks.poll_jobs", (list(owners),))
    if Work.SEND in due.works:
        engine_context().sends()
    for work in due.works & _TASKS.keys():
        app.send_task(_TASKS[work])
    if Work.ASK in due.works:
        _checking.run(lambda: check_service(engine_context()))
    if due.taken:
        took = timedelta(seconds=time.monotonic() - begun)
        counts_of(load_settings().metrics).swept(took)
        with suppress(Unavailable):  # the work is distributed already
            sweeps.record(took)


def follow(advanced: Advanced) -> None:
    """Send messages for the work that an advance has left."""
    if advanced.kills:
        app.send_task(_TASKS[Work.KILL])
    if advanced.finds:
        app.send_task(_TASKS[Work.FIND])
    if advanced.failures:
        app.send_task(_TASKS[Work.ASK_WHY])
