"""What apps there are, for the routes that check workflows: at hand, and renewed behind them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

import structlog

from workflows.bvbrc.appservice import AppService
from workflows.catalogue import AppCatalogue
from workflows.engine import apps
from workflows.errors import WorkflowsError

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 5.0
"""How long a process goes on without looking whether another one has renewed the list."""


class Apps:
    """Threads may share it."""

    def __init__(self, appservice: Callable[[], AppService]) -> None:
        self._appservice = appservice
        self._found: AppCatalogue | None = None
        self._look_at = 0.0

    def catalogue(self, token: str) -> AppCatalogue:
        """As known now. Where it is old, it is asked for with this token, in the background."""
        if self._found is not None and time.monotonic() < self._look_at:
            return self._found
        if apps.due():
            threading.Thread(target=self._refresh, args=(token,), name="apps", daemon=True).start()
        self._found, self._look_at = apps.catalogue(), time.monotonic() + LOOK_SECONDS
        return self._found

    def _refresh(self, token: str) -> None:
        try:
            apps.refresh(self._appservice(), token)
        except WorkflowsError as failure:
            log.warning("The list of apps cannot be renewed", error=str(failure))
