"""Messages in, engine calls out. ``celery -A tasks worker`` finds the application here."""

from tasks.celery import app

__all__ = ["app"]
