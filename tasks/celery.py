"""The Celery application: configured by celeryconfig.py, with the tasks of this package."""

from __future__ import annotations

import sys

from celery import Celery
from kombu.transport.virtual import QoS

from config.settings import load_settings
from observability import celery_logging
from runtime import redis_transport
from runtime.worker_options import refuse_unfit

redis_transport.register()
# A message is not restored when its connection closes: the task goes on, or the sweep finds it.
QoS.restore_at_shutdown = False

celery_logging.connect(load_settings())
app = Celery(
    "tasks",
    amqp="runtime.reconnection:Amqp",
    task_cls="runtime.forwarding:ForwardingTask",
    include=[
        "tasks.advance",
        "tasks.batches",
        "tasks.durations",
        "tasks.jobs",
        "tasks.notifications",
        "tasks.retention",
        "tasks.tokens",
        "runtime.heartbeat",
    ],
)
# `runtime` sends messages through celery.current_app, from every thread.
app.set_default()
app.config_from_object("celeryconfig")
refuse_unfit(sys.argv, {queue.name for queue in app.conf.task_queues})
