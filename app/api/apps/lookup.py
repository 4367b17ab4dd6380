"""The catalogue of apps for the routes that validate workflows; it is refreshed in the
background."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

import structlog

from workflows.backends.appservice.client import AppService
from workflows.cwl.process.planner import AppTable
from workflows.engine import app_catalogue
from workflows.model.errors import Unavailable, UnknownApp, WorkflowsError
from workflows.spec.catalogue import AppCatalogue, AppSpec
from workflows.spec.checks.suggestions import apps_meant

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 5.0
"""Seconds between two checks whether another process has refreshed the list."""


@dataclass(frozen=True)
class Known:
    """All apps, for native workflows and for CWL; rebuilt when the list changes."""

    fetched_at: datetime | None
    catalogue: AppCatalogue
    table: AppTable

    @cached_property
    def specs(self) -> Mapping[str, AppSpec]:
        """The specifications that the service gives, or the engine's own, by id."""
        return {spec["id"]: spec for spec in self.table.specs}

    @cached_property
    def facts(self) -> Mapping[str, AppSpec]:
        """What the engine's own table says about each app, by id."""
        return {spec["id"]: spec for spec in self.table.known}


class Apps:
    """Threads may share it."""

    def __init__(self, appservice: Callable[[], AppService]) -> None:
        self._appservice = appservice
        self._found: Known | None = None
        self._look_at = 0.0
        self._refreshing: threading.Thread | None = None

    def catalogue(self, token: str) -> AppCatalogue:
        """The present catalogue. If it is old, it is refreshed with this token in the
        background."""
        return self.load(token).catalogue

    def load(self, token: str) -> Known:
        """The same for CWL too."""
        if self._found is not None and time.monotonic() < self._look_at:
            return self._found
        running = self._refreshing is not None and self._refreshing.is_alive()
        if not running and app_catalogue.due():
            thread = threading.Thread(target=self._refresh, args=(token,), name="apps", daemon=True)
            self._refreshing = thread
            thread.start()
        found, self._look_at = _latest(self._found), time.monotonic() + LOOK_SECONDS
        self._found = found
        return found

    def _refresh(self, token: str) -> None:
        """Fetches the list; a success is seen by the next request."""
        try:
            app_catalogue.refresh(self._appservice(), token)
            self._look_at = 0.0
        except WorkflowsError as failure:
            log.warning("The list of apps cannot be refreshed", error=str(failure))


def _latest(before: Known | None) -> Known:
    fetched_at, _ = app_catalogue.specifications()
    if before is not None and before.fetched_at == fetched_at:
        return before
    return Known(fetched_at, app_catalogue.catalogue(), app_catalogue.table())


def unknown_app(name: str, catalogue: AppCatalogue) -> WorkflowsError:
    """The refusal of an app that is not known: final only if BV-BRC's own list is at hand."""
    meant = apps_meant(name, catalogue.apps)
    if not catalogue.note:
        return UnknownApp(name, meant)
    hint = f"; {meant}" if meant else ". Try again in some seconds."
    return Unavailable(
        f"The engine's table has no app {name!r}, and BV-BRC's own list is not at hand{hint}"
    )
