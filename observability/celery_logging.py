"""Routes Celery's log lines through our logging, and passes request ids on with messages."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from celery import signals
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

from config.settings import Settings
from observability.logging import configure

HEADER = "request_id"
_DEFAULT_NODE: Final = "celery"
"""What Celery calls a worker without ``-n``."""


def connect(settings: Settings) -> None:
    """Call it once where the Celery application is made, so that Celery sets up no logging
    itself."""
    process = next((word for word in ("worker", "beat") if word in sys.argv), "celery")
    name = process

    def take_name(sender: str, **_: object) -> None:
        """A worker's node name, e.g. ``polls@host``; Celery sends it before it sets up logging."""
        nonlocal name
        name = sender.partition("@")[0]

    def set_up(**_: object) -> None:
        of_executor = process in ("worker", "beat")
        file = file_of(settings.logging.executor_log_file, name) if of_executor else None
        configure(settings.logging, process, file=file)

    signals.celeryd_init.connect(take_name, weak=False)
    signals.setup_logging.connect(set_up, weak=False)
    signals.before_task_publish.connect(send_request_id, weak=False)
    signals.task_prerun.connect(_bind, weak=False)
    signals.task_postrun.connect(_clear, weak=False)


def file_of(file: Path, name: str) -> Path:
    """The log file of one process: ``executor.log`` of a worker without a name of its own,
    ``executor-beat.log`` of beat, ``executor-polls.log`` of the worker ``polls@host``. Files that
    several processes rotate lose lines."""
    if name == _DEFAULT_NODE:
        return file
    tail = re.sub(r"[^\w.-]", "_", name)
    return file.with_stem(f"{file.stem}-{tail}")


def send_request_id(headers: dict[str, Any], **_: object) -> None:
    """Sends the current request's id, unless the sender names one."""
    if request_id := get_contextvars().get(HEADER):
        headers.setdefault(HEADER, request_id)


def _bind(task_id: str, task: Any, **_: object) -> None:
    """Binds the message's request id; the pool reuses threads, so earlier fields are cleared."""
    clear_contextvars()
    sent: Mapping[str, Any] = getattr(task.request, "headers", None) or {}
    bind_contextvars(task=task.name, **{HEADER: sent.get(HEADER) or task_id})


def _clear(**_: object) -> None:
    clear_contextvars()
