"""The task that keeps MongoDB from growing for ever."""

from __future__ import annotations

from datetime import timedelta

from config.sections import Retention
from config.settings import load_settings
from runtime.bootstrap import engine_context
from tasks.celery import app
from workflows.engine.purge import Keep, purge_in_turn


@app.task(name="tasks.purge_workflows")
def purge_workflows() -> None:
    purge_in_turn(engine_context(), keep_of(load_settings().retention))


def keep_of(retention: Retention) -> Keep:
    return Keep(
        ended=_days(retention.finished_workflows_days),
        never_started=_days(retention.planned_workflows_days),
    )


def _days(amount: float) -> timedelta | None:
    return timedelta(days=amount) if amount else None
