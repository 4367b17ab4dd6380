"""Deletes old workflows, a few at a time, so that a purge never delays work."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from workflows.engine.context import EngineContext
from workflows.store import removals
from workflows.store.batches import retention as batches
from workflows.store.jobs import polling, waiting
from workflows.store.mongo import translate_errors
from workflows.store.workflows import retention
from workflows.store.workflows.retention import ENDED, NEVER_STARTED, Kind

log = structlog.get_logger(__name__)

_INTERVAL: Final = timedelta(minutes=5)
"""At most one purge in it, however many beats ask."""
_BATCH: Final = 100
_LONGEST_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Keep:
    """How long workflows are kept; None for ever."""

    ended: timedelta | None = None
    never_started: timedelta | None = None


def purge_in_turn(context: EngineContext, keep: Keep) -> int:
    """The same as ``purge``, unless another process has just done it. Jobs that a dead process left
    parked although their user has a token become due again."""
    if not polling.take_locks(["purge"], _INTERVAL):
        return 0
    with translate_errors():
        waiting.unpark_usable()
    return purge(context, keep)


def purge(context: EngineContext, keep: Keep) -> int:
    """Delete older workflows and return their number. The next purge continues."""
    until = time.monotonic() + _LONGEST_SECONDS
    _finish(context, until)
    removed = sum(
        _purge(context, kind, age, until)
        for kind, age in ((ENDED, keep.ended), (NEVER_STARTED, keep.never_started))
        if age is not None
    )
    if keep.ended is not None:
        batches.remove_old(keep.ended, _BATCH)
    if removed:
        log.info("Old workflows are removed", workflows=removed)
    return removed


def _finish(context: EngineContext, until: float) -> None:
    """Go on with removals whose process died."""
    while time.monotonic() < until and not context.stopping.is_set():
        batch = removals.list_unfinished(_BATCH)
        if not batch:
            break
        for workflow in batch:
            removals.erase(workflow)


def _purge(context: EngineContext, kind: Kind, age: timedelta, until: float) -> int:
    removed, kept = 0, set[str]()
    while time.monotonic() < until and not context.stopping.is_set():
        batch = retention.older(kind, age, _BATCH, kept)
        if not batch:
            break
        for workflow in batch:
            if retention.remove(kind, age, workflow):
                removed += 1
            else:
                kept.add(workflow)
    return removed
