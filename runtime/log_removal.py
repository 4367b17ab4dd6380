"""Removes old log files of workflows, so that the folder does not grow for ever."""

from __future__ import annotations

import structlog

from config.settings import Settings
from runtime.bootstrap import logs_of
from workflows.store import removals

log = structlog.get_logger(__name__)


def remove_logs(settings: Settings) -> None:
    """Removes log files of this host that are old, or whose workflows were removed."""
    try:
        logs = logs_of(settings)
        removed = logs.tidy() + logs.remove(removals.recent())
    except OSError as failure:
        log.warning("Log files cannot be removed", error=str(failure))
        return
    if removed:
        log.info("Log files are removed", files=removed)
