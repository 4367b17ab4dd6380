"""The Celery application: configured by celeryconfig.py, with the tasks of this package."""

from __future__ import annotations

from celery import Celery

from config import celery_logging
from config.settings import load_settings

celery_logging.connect(load_settings())
app = Celery("tasks", include=["tasks.advance", "tasks.jobs", "tasks.companion"])
app.config_from_object("celeryconfig")
