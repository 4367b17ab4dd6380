"""The application as its documents describe it, for tests that start no server."""

from __future__ import annotations

from flask import Flask

from app import create_app
from config.settings import load_settings


def documented_app() -> Flask:
    """It counts nothing: sharing of metrics would be for the whole process, other tests too."""
    found = load_settings()
    metrics = found.metrics.model_copy(update={"enable_prometheus": False})
    return create_app(found.model_copy(update={"metrics": metrics}))
