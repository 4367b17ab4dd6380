"""What keeps MongoDB and the folder of log files from growing for ever."""

from __future__ import annotations

from datetime import timedelta

import structlog

from config.sections import Retention
from config.settings import Settings, load_settings
from tasks.celery import app
from tasks.process import logs_of, parts
from workflows.engine.purging import Keep, purge_in_turn

log = structlog.get_logger(__name__)


@app.task(name="tasks.purge_workflows")
def purge_workflows() -> None:
    purge_in_turn(parts(), keep_of(load_settings().retention))


def keep_of(retention: Retention) -> Keep:
    return Keep(
        ended=_days(retention.finished_workflows_days),
        never_started=_days(retention.planned_workflows_days),
    )


def tidy(settings: Settings) -> None:
    """Removes old log files of this host."""
    try:
        removed = logs_of(settings).tidy()
    except OSError as failure:
        log.warning("Old log files cannot be removed", error=str(failure))
        return
    if removed:
        log.info("Old log files are removed", files=removed)


def _days(amount: float) -> timedelta | None:
    return timedelta(days=amount) if amount else None
