"""Sets up logging: one JSON object a line to standard output and to the executor's file.

All lines take this path, also those of Celery, gunicorn and other libraries: one format, one
redaction. Fields bound to the current request, task or workflow are on each of its lines.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

import structlog
from structlog.contextvars import merge_contextvars
from structlog.typing import EventDict, Processor, WrappedLogger

from config.sections import Logging
from observability.log_output import rotating_file, standard_output
from workflows.model.redaction import redact

_LINE: Final = "rendered_line"
"""The attribute of a record that holds its line."""
QUIET = (
    *("pymongo", "urllib3", "werkzeug", "kombu", "amqp", "asyncio", "tornado.access"),
    *("celery.app.trace", "celery.worker.strategy", "celery.beat"),
)
"""Libraries that log too much below WARNING."""


def configure(settings: Logging, process: str, *, file: Path | None = None) -> None:
    """Sets logging up for this process, whose name is on every line; may be called again.

    ``file``: a log file of this process alone, besides standard output. If it cannot be opened, a
    warning is logged and the work goes on.
    """
    handlers = [standard_output()]
    unusable: OSError | None = None
    if file is not None:
        try:
            handlers.append(rotating_file(file))
        except OSError as error:
            unusable = error
    _replace_handlers(handlers, _Lines(process), settings.level)
    _configure_structlog(process)
    if unusable is not None:
        structlog.get_logger(__name__).warning(
            "The log file cannot be opened: lines go to standard output alone"
            " (logging.executor_log_file names another)",
            file=str(file),
            reason=unusable.strerror,
        )


def _replace_handlers(
    handlers: list[logging.Handler], formatter: logging.Formatter, level: str
) -> None:
    """Make these the handlers of every library's log too."""
    for handler in handlers:
        handler.setFormatter(formatter)
    root = logging.getLogger()
    for former in root.handlers[:]:
        root.removeHandler(former)
        former.close()
    root.handlers = handlers
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)


def _configure_structlog(process: str) -> None:
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_shared_processors(process),
            *_RENDERED,
            cast("Processor", _with_line),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _shared_processors(process: str) -> list[Processor]:
    """The fields that are added to every line, ours and the libraries'."""

    def name_process(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event.setdefault("process", process)
        return event

    return [
        merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_process,
    ]


class _Lines(logging.Formatter):
    """A record as its line, rendered once for all handlers. Ours come with it."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._foreign = structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_shared_processors(process), structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_RENDERED],
        )

    def format(self, record: logging.LogRecord) -> str:
        line: str | None = getattr(record, _LINE, None)
        if line is None:
            line = self._foreign.format(record)
            setattr(record, _LINE, line)
        return line


def _with_line(_: WrappedLogger, __: str, line: str) -> tuple[tuple[str], dict[str, Any]]:
    """What the standard logger is called with."""
    return (line,), {"extra": {_LINE: line}}


def _as_json(logger: WrappedLogger, name: str, event: EventDict) -> str:
    """Renders the line and redacts it as the last step, so that it covers all fields and
    tracebacks."""
    return redact(str(_to_json(logger, name, event)))


_to_json = structlog.processors.JSONRenderer(sort_keys=False, default=str, ensure_ascii=False)
_RENDERED: Final[Sequence[Any]] = (
    structlog.processors.format_exc_info,
    structlog.processors.StackInfoRenderer(),
    _as_json,
)
"""From an event to its line."""
