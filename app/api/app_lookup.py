"""The catalogue of apps for the routes that validate workflows; it is refreshed in the
background."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from workflows.bvbrc.appservice import AppService
from workflows.cwl.process.planner import AppTable
from workflows.engine import app_catalogue
from workflows.model.errors import WorkflowsError
from workflows.spec.catalogue import AppCatalogue

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 5.0
"""Seconds between two checks whether another process has refreshed the list."""


@dataclass(frozen=True, slots=True)
class Known:
    """All apps, for native workflows and for CWL; rebuilt when the list changes."""

    fetched_at: datetime | None
    catalogue: AppCatalogue
    table: AppTable


class Apps:
    """Threads may share it."""

    def __init__(self, appservice: Callable[[], AppService]) -> None:
        self._appservice = appservice
        self._found: Known | None = None
        self._look_at = 0.0

    def catalogue(self, token: str) -> AppCatalogue:
        """The present catalogue. If it is old, it is refreshed with this token in the
        background."""
        return self.load(token).catalogue

    def load(self, token: str) -> Known:
        """The same for CWL too."""
        if self._found is not None and time.monotonic() < self._look_at:
            return self._found
        if app_catalogue.due():
            threading.Thread(target=self._refresh, args=(token,), name="apps", daemon=True).start()
        found, self._look_at = _latest(self._found), time.monotonic() + LOOK_SECONDS
        self._found = found
        return found

    def _refresh(self, token: str) -> None:
        try:
            app_catalogue.refresh(self._appservice(), token)
        except WorkflowsError as failure:
            log.warning("The list of apps cannot be refreshed", error=str(failure))


def _latest(before: Known | None) -> Known:
    fetched_at, _ = app_catalogue.specifications()
    if before is not None and before.fetched_at == fetched_at:
        return before
    return Known(fetched_at, app_catalogue.catalogue(), app_catalogue.table())
