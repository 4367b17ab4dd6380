"""The overview, as route and page ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog

from app.connections import connections
from runtime import broker
from workflows.engine.reports import overview

log = structlog.get_logger(__name__)


def read_overview() -> dict[str, Any]:
    """For admins; raises ``Forbidden`` for other callers, and ``Unavailable``."""
    found = connections()
    found.gate.require_admin()
    overdue = timedelta(seconds=found.settings.health.overdue_limit_seconds)
    return overview.overview(found.context.limits.user_jobs, overdue, _messages)


def _messages() -> Mapping[str, int] | None:
    try:
        return broker.depths()
    except Exception as failure:  # noqa: BLE001 - the broker's client raises many kinds
        log.warning("The broker's queues cannot be counted", error=type(failure).__name__)
        return None
