"""The Celery application: configured by celeryconfig.py, with the tasks of this package."""

from __future__ import annotations

from celery import Celery

app = Celery("tasks", include=["tasks.advance", "tasks.jobs"])
app.config_from_object("celeryconfig")
