"""The Celery application: configured by celeryconfig.py, with the tasks of this package."""

from __future__ import annotations

from celery import Celery
from kombu.transport.redis import QoS

from config import celery_logging
from config.settings import load_settings

# Where Redis dies while a task is under way, giving its message back fails on the connection that
# is being closed, with an AttributeError that ends the worker. The task goes on anyway.
QoS.restore_at_shutdown = False

celery_logging.connect(load_settings())
app = Celery("tasks", include=["tasks.advance", "tasks.jobs", "tasks.companion"])
app.config_from_object("celeryconfig")
