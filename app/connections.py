"""The connections of the routes, made once by ``create_app``; a fork makes its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from threading import Event, Lock, Thread
from typing import Final

from flask import Flask, current_app

from app.api.apps.lookup import Apps
from app.http.auth import Gate
from app.live.broadcaster import Broadcaster
from app.live.hints import Hints
from app.quotas import Quotas
from app.quotas.slots import Slots
from app.tokens.password_sign_in import PasswordSignIn
from config.settings import Settings
from runtime.bootstrap import make_context
from workflows.backends.appservice.client import AppService
from workflows.bvbrc.downloads import Downloads
from workflows.bvbrc.rpc import Rpc
from workflows.bvbrc.wire import Wire
from workflows.bvbrc.workspace import Workspace
from workflows.cwl.process.planner_pool import PlannerPool
from workflows.engine.context import EngineContext
from workflows.model.errors import Unavailable
from workflows.rules.links import Links
from workflows.store import connection, indexes, migrations
from workflows.store.mongo import patience

PATIENCE_SECONDS: Final = 5.0
"""How long a request may wait for MongoDB in all; its own work does not count."""
SHORT_PATIENCE_SECONDS: Final = 0.7
"""The same while MongoDB is known to be away."""
_ANSWER_SECONDS: Final = 2.0
_INDEX_SECONDS: Final = 8.0
"""How long a request waits for MongoDB's first answer, and then for indexes that are made."""
_TEXT_TIMEOUT: Final = timedelta(seconds=10)
_LISTINGS: Final = 8
_LISTINGS_EACH: Final = 2
"""Listings of Workspace folders under way in one process, and of one user."""
_BUSY: Final = "too many folders are being listed; try again in some seconds"
_LISTING_TIMEOUT: Final = timedelta(seconds=5)
_WORKSPACE_TIMEOUT: Final = timedelta(seconds=2)
_LONGEST_DOWNLOAD: Final = timedelta(minutes=30)
_KEY: Final = "workflows"


class Opening:
    """The first use of MongoDB, in a thread: it makes indexes, which may take minutes, and goes on
    when the request that began it has ended."""

    def __init__(self, connect: Callable[[], None]) -> None:
        self._connect = connect
        self._ended = Event()
        self._failure: Exception | None = None
        Thread(target=self._run, name="opening", daemon=True).start()

    @property
    def has_failed(self) -> bool:
        return self._failure is not None

    def wait(self) -> None:
        """Raises ``Unavailable`` where it failed, or takes longer than a request may."""
        ended = self._ended.wait(_ANSWER_SECONDS)
        if not ended and not _writable():
            raise Unavailable("MongoDB cannot be used now: it does not answer")
        if not ended and not self._ended.wait(_INDEX_SECONDS):
            raise Unavailable("MongoDB is still making indexes; the engine can be used after that")
        if self._failure:
            raise self._failure

    def _run(self) -> None:
        try:
            self._connect()
        except Exception as failure:  # noqa: BLE001 - who waits raises it
            self._failure = failure
        self._ended.set()


@dataclass
class Connections:
    """The connections to MongoDB, Redis and BV-BRC."""

    settings: Settings
    gate: Gate
    hints: Hints
    broadcaster: Broadcaster
    quotas: Quotas
    password_sign_in: PasswordSignIn
    _parts: EngineContext | None = None
    _open: Opening | None = None
    _pid: int = 0
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.apps = Apps(lambda: self.appservice)
        # Of the Workspace's folders, on pages: they wait for a service that may hang.
        self.listings = Slots(_LISTINGS, _LISTINGS_EACH, _BUSY)

    @property
    def context(self) -> EngineContext:
        """The engine's; raises ``Unavailable`` while MongoDB cannot be used."""
        if self._parts is None or self._pid != os.getpid():
            self._opening().wait()
        assert self._parts is not None  # noqa: S101 - connected, or raised
        return self._parts

    def patient_context(self) -> EngineContext:
        """The same for an operator's command: it makes no indexes, and no request's patience ends
        its calls."""
        context = make_context(self.settings)
        migrations.begin()
        return context

    def _opening(self) -> Opening:
        """The one under way, or another one after a failure."""
        with self._lock:
            if self._open is None or self._pid != os.getpid() or self._open.has_failed:
                self._parts, self._pid = None, os.getpid()
                context = make_context(self.settings)
                self._open = Opening(lambda: self._connect(context))
            return self._open

    def _connect(self, context: EngineContext) -> None:
        indexes.ensure()
        migrations.begin()
        self._parts = context

    @contextmanager
    def patience(self) -> Iterator[None]:
        """Limits the total time of MongoDB's calls in the block. Raises ``Unavailable``."""
        assert self.context  # noqa: S101 - connects
        seconds = PATIENCE_SECONDS if _writable() else SHORT_PATIENCE_SECONDS
        with patience(seconds, SHORT_PATIENCE_SECONDS):
            yield

    @cached_property
    def appservice(self) -> AppService:
        """A client for calls whose answer a user waits for."""
        scheduler = self.settings.scheduler
        timeout = min(_TEXT_TIMEOUT, timedelta(seconds=scheduler.timeout))
        return AppService(Rpc(Wire()), scheduler.url, timeout=timeout, submit_timeout=timeout)

    @cached_property
    def links(self) -> Links:
        """Addresses of BV-BRC's pages."""
        found = self.settings.links
        return Links(found.workspace_url, found.job_url)

    @cached_property
    def planner(self) -> PlannerPool:
        """The CWL planner with its processes, made at first use."""
        return PlannerPool()

    @cached_property
    def folders(self) -> Workspace:
        """A client for listings that a user waits for; take ``listings`` around each."""
        return Workspace(Rpc(Wire()), self.settings.workspace.url, timeout=_LISTING_TIMEOUT)

    @cached_property
    def workspace(self) -> Workspace:
        return Workspace(Rpc(Wire()), self.settings.workspace.url, timeout=_WORKSPACE_TIMEOUT)

    @cached_property
    def downloads(self) -> Downloads:
        """Of results, part by part."""
        limit, url = self.settings.api.download_limit_bytes, self.settings.workspace.url
        return Downloads(self.workspace, url, limit_bytes=limit, longest=_LONGEST_DOWNLOAD)


def _writable() -> bool:
    """Whether MongoDB was writable at its last answer."""
    return bool(connection.client().topology_description.has_writable_server())


def attach(app: Flask, connections: Connections) -> None:
    app.extensions[_KEY] = connections


def connections() -> Connections:
    """Those of the application that answers the current request."""
    return connections_of(current_app)


def connections_of(app: Flask) -> Connections:
    found: Connections = app.extensions[_KEY]
    return found
