"""Celery's settings, in Celery's own names, for worker, beat and senders of messages.

A message is a hint that carries ids: it may be lost, duplicated or late, since MongoDB holds the
state. So the settings favour quick failure over durability: no fault of Redis blocks a process.
"""

from __future__ import annotations

from datetime import timedelta

from kombu import Queue

from config.celery_broker import celery_broker
from config.settings import load_settings

_settings = load_settings()
_broker = celery_broker(_settings.broker)
_interval = _settings.executor.polling_interval_seconds

broker_url = _broker.url
broker_use_ssl = _broker.use_ssl
broker_transport_options = _broker.transport_options
broker_connection_retry_on_startup = True
broker_connection_timeout = 2
# A Redis that refuses commands (a full disk, too few replicas, a key of another type) is waited
# for, as one that is away.
broker_channel_error_retry = True
broker_connection_max_retries = None
worker_consumer = "runtime.reconnection:Consumer"

# Ids and nothing else: no result is kept, and nothing but JSON is read.
task_ignore_result = True
task_serializer = "json"
result_serializer = "json"
accept_content = ["json"]

# A plain worker without -Q consumes every queue.
task_default_queue = "advance"
task_create_missing_queues = False
task_queues = (Queue("advance"), Queue("submissions"), Queue("polls"), Queue("notifications"))
task_routes = {
    "tasks.start_jobs": {"queue": "submissions"},
    "tasks.poll_jobs": {"queue": "polls"},
    "tasks.poll_young_jobs": {"queue": "polls"},
    "tasks.resolve_jobs": {"queue": "polls"},
    "tasks.find_results": {"queue": "polls"},
    "tasks.collect_evidence": {"queue": "polls"},
    "tasks.renew_tokens": {"queue": "polls"},
    "tasks.check_reuse": {"queue": "polls"},
    "tasks.note_results": {"queue": "polls"},
    "tasks.count_durations": {"queue": "polls"},
    # Seconds of computing each, so not among the turns, which take milliseconds.
    "tasks.replan_workflows": {"queue": "polls"},
    # Receivers may be slow: of their own, so that a worker of its own can be given to them.
    "tasks.deliver_notifications": {"queue": "notifications"},
    "tasks.announce_expiring_tokens": {"queue": "notifications"},
}
# A sender that cannot reach Redis gives up at once: the sweep finds what it would have said.
task_publish_retry_policy = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1}

task_acks_late = True
task_reject_on_worker_lost = True
# These end a task in the prefork pool only; in threads, timeouts on every socket do.
task_time_limit = int(_settings.scheduler.submit_timeout) + 120
task_soft_time_limit = int(_settings.scheduler.submit_timeout) + 60

# Threads, because the work is waiting for BV-BRC (measured: 84 slow calls a second, prefork 3).
worker_pool = "threads"
worker_concurrency = 16
worker_prefetch_multiplier = 1
worker_soft_shutdown_timeout = 10.0
worker_cancel_long_running_tasks_on_connection_loss = False
worker_hijack_root_logger = False
worker_redirect_stdouts = False
# For Flower and celery-exporter.
worker_send_task_events = True
task_send_sent_event = True

timezone = "UTC"
# Keeps no file, so it runs on a read-only disk; two of them at once do no harm, since what is due
# is claimed in MongoDB.
beat_scheduler = "celery.beat:Scheduler"
beat_schedule = {
    "advance_active_workflows": {
        "task": "tasks.advance_active_workflows",
        "schedule": _interval,
        # No "expires": a worker whose clock is ahead of beat's would throw every sweep away.
    },
    "announce_expiring_tokens": {
        "task": "tasks.announce_expiring_tokens",
        "schedule": timedelta(minutes=10),
    },
    "count_durations": {"task": "tasks.count_durations", "schedule": timedelta(minutes=10)},
    "purge_workflows": {"task": "tasks.purge_workflows", "schedule": timedelta(minutes=10)},
}
