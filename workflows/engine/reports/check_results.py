"""Looks in the Workspace for the results of workflows that have just ended, once: a job may be done
and have left nothing, and later the token or the files may be gone.

Reading changes nothing: a process that dies costs a repetition.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from workflows.engine.context import EngineContext
from workflows.engine.reports.outputs import find_sizes, list_results
from workflows.model.errors import NotFound, Rejected, ServiceError, Unauthorized
from workflows.store import clock
from workflows.store.users import credentials
from workflows.store.workflows import result_checks, stored
from workflows.store.workflows.result_checks import Ended

log = structlog.get_logger(__name__)

MOST_PATHS: Final = 2_000
"""Of one workflow."""
_TOGETHER: Final = 16
"""Workflows that are begun together."""
_AGAIN: Final = timedelta(minutes=1)
_LONGEST: Final = timedelta(hours=1)
"""So long after the end it is tried: what is there later says little of the end."""


def check_results(context: EngineContext, limit: int = 200) -> None:
    """Look for the results of the due workflows; a user's Workspace that hangs delays no other."""
    for _ in range(0, limit, _TOGETHER):
        calls = _due_checks(context)
        context.searches.run(calls, lambda _: None)
        if sum(map(len, calls.values())) < _TOGETHER:
            break


def _due_checks(context: EngineContext) -> Mapping[str, list[Callable[[], None]]]:
    """By owner; none of users whose calls hang."""
    calls: dict[str, list[Callable[[], None]]] = defaultdict(list)
    busy = context.searches.busy()
    for _ in range(_TOGETHER):
        ended = None if context.stopping.is_set() else result_checks.take(_AGAIN, busy)
        if ended is None:
            break
        calls[ended.owner].append(partial(_check, context, ended))
    return calls


def _check(context: EngineContext, ended: Ended) -> None:
    try:
        sizes = _look(context, ended)
    except NotFound:
        return  # it was deleted
    if sizes is not None:
        result_checks.record(ended, sizes)
    elif clock.now() - ended.finished_at > _LONGEST:
        result_checks.give_up(ended)


def _look(context: EngineContext, ended: Ended) -> Mapping[str, int | None] | None:
    """None where the Workspace cannot be asked now."""
    paths = list_results(stored.get(ended.id))[:MOST_PATHS]
    if not paths:
        return {}
    credential = credentials.usable(context.vault, ended.owner)
    workspace = context.appservice.workspace
    if credential is None or workspace is None:
        return None
    try:
        return find_sizes(paths, partial(workspace.ls_many, credential.token))
    except Unauthorized as refusal:
        credentials.mark_refused(context.vault, credential, refusal)
        return None
    except Rejected:
        return {}  # a folder that its owner may not see: nothing can be said
    except ServiceError as away:
        log.info("Results cannot be looked for now", workflow_id=ended.id, error=str(away))
        return None
