"""Refuses options of ``celery worker`` that this engine does not support, with the reason.

Celery itself ignores ``-P prefork`` if the settings name a pool, starts an ``--autoscale`` that has
no effect with threads, and reports an unknown queue with a traceback.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

import click
from celery.bin.worker import worker as worker_command

from config.settings import EXIT_CODE

POOLS: Final = ("threads", "solo")
_COMMANDS: Final = ("worker", "multi")
_OF_SOME_NODES: Final = re.compile(r"^(--?[\w-]+):[\w,-]+")
"""``multi`` takes ``-Q:w1,w2 polls``: an option of these workers alone."""


def refuse_unfit(argv: Sequence[str], queues: Collection[str]) -> None:
    """Ends a process with an unsupported command line: one line, ``EXIT_CODE``."""
    words = worker_words(argv)
    reason = find_unfit(parse_options(words), queues) if words is not None else ""
    if reason:
        sys.stderr.write(f"{reason}\n")
        raise SystemExit(EXIT_CODE)


def worker_words(argv: Sequence[str]) -> Sequence[str] | None:
    """What follows ``worker``, or ``multi``; None where neither is started."""
    begin = next((number for number, word in enumerate(argv) if word in _COMMANDS), 0)
    if not begin:
        return None
    return [_OF_SOME_NODES.sub(r"\1", word) for word in argv[begin + 1 :]]


def parse_options(words: Sequence[str]) -> Mapping[str, Any]:
    """Celery's names of the given options to their texts; Celery answers for the unknown ones."""
    context = click.Context(worker_command, ignore_unknown_options=True, allow_extra_args=True)
    try:
        return worker_command.make_parser(context).parse_args(list(words))[0]
    except click.UsageError:
        return {}


def find_unfit(options: Mapping[str, Any], queues: Collection[str]) -> str:
    """Why the worker cannot run with these options; empty where it can."""
    pool = str(options.get("pool", POOLS[0]))
    if pool not in POOLS:
        return (
            f"-P {pool} is not supported: a worker waits for BV-BRC most of its time, which threads"
            " do best, and shares its connections and limits between them. Leave -P out; -c sets"
            " the number of threads, and further workers use further cores."
        )
    if "autoscale" in options:
        return (
            "--autoscale is not supported: a thread without work costs nothing."
            f" Set the largest number instead: -c {str(options['autoscale']).partition(',')[0]}"
        )
    names = [name for each in ("queues", "exclude_queues") for name in _names(options.get(each))]
    return next((_unknown(name, queues) for name in names if name not in queues), "")


def _names(texts: object) -> list[str]:
    """Of ``-Q a,b``, which may be given several times."""
    given = texts if isinstance(texts, list) else [texts or ""]
    return [name for text in given for name in str(text).split(",") if name]


def _unknown(name: str, queues: Collection[str]) -> str:
    near = get_close_matches(name, queues, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(queues))}"
    return f"no queue is called {name!r}: {hint}"
