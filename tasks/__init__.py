"""Celery tasks: each message becomes a call of the engine. ``celery -A tasks worker`` finds the
application here."""

from tasks.celery import app

__all__ = ["app"]
