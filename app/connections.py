"""What the routes work with, made once by ``create_app``; a fork makes its own connections."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

import pymongo
from flask import Flask, current_app

from app.auth import Gate
from app.hints import Hints
from config.settings import Settings
from tasks.process import parts_of
from workflows import models
from workflows.engine.parts import Parts
from workflows.store.mongo import translated

PATIENCE_SECONDS: Final = 5
"""How long a request may wait for MongoDB in all."""
_KEY: Final = "workflows"


@dataclass(slots=True)
class Connections:
    """Everything outside of the request itself."""

    settings: Settings
    gate: Gate
    hints: Hints
    _parts: Parts | None = None
    _pid: int = 0
    _lock: Lock = field(default_factory=Lock)

    @property
    def parts(self) -> Parts:
        """The engine's, with MongoDB's indexes there; raises ``Unavailable`` while they cannot
        be."""
        if self._parts is None or self._pid != os.getpid():
            with self._lock:
                self._connect()
        assert self._parts is not None  # noqa: S101 - connected, or raised
        return self._parts

    def _connect(self) -> None:
        if self._parts is not None and self._pid == os.getpid():
            return
        parts = parts_of(self.settings)
        with translated(), pymongo.timeout(PATIENCE_SECONDS):
            models.ensure_indexes()
        self._parts, self._pid = parts, os.getpid()


def attach(app: Flask, connections: Connections) -> None:
    app.extensions[_KEY] = connections


def connections() -> Connections:
    """Those of the application that answers the current request."""
    found: Connections = current_app.extensions[_KEY]
    return found
