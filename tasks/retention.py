"""Retention tasks, which limit the growth of MongoDB and of the log folder."""

from __future__ import annotations

from datetime import timedelta

import structlog

from config.sections import Retention
from config.settings import Settings, load_settings
from runtime.bootstrap import engine_context, logs_of
from tasks.celery import app
from workflows.engine.purge import Keep, purge_in_turn
from workflows.store import removals

log = structlog.get_logger(__name__)


@app.task(name="tasks.purge_workflows")
def purge_workflows() -> None:
    purge_in_turn(engine_context(), keep_of(load_settings().retention))


def keep_of(retention: Retention) -> Keep:
    return Keep(
        ended=_days(retention.finished_workflows_days),
        never_started=_days(retention.planned_workflows_days),
    )


def tidy(settings: Settings) -> None:
    """Removes log files of this host that are old, or whose workflows were removed."""
    try:
        logs = logs_of(settings)
        removed = logs.tidy() + logs.remove(removals.recent())
    except OSError as failure:
        log.warning("Log files cannot be removed", error=str(failure))
        return
    if removed:
        log.info("Log files are removed", files=removed)


def _days(amount: float) -> timedelta | None:
    return timedelta(days=amount) if amount else None
