"""The sweep: find in MongoDB whatever is due, whoever forgot it. Its cost follows what is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from workflows.engine.advance import CHUNK
from workflows.engine.context import Parts
from workflows.model.errors import ServiceError, Unauthorized
from workflows.store import credentials, due, service_status
from workflows.store.due import Work
from workflows.store.jobs import polling

log = structlog.get_logger(__name__)

_USERS = 16
"""Users in one poll task."""
_FIRST = timedelta(seconds=1)
"""Whoever stores news acts on it at once; the sweep waits so long before it takes them up."""
_MOMENT = timedelta(seconds=1)
"""How long it is believed what AppService said of itself."""


@dataclass(frozen=True, slots=True)
class Due:
    """What somebody must do now; each entry becomes one message."""

    advances: Sequence[Sequence[str]] = ()
    """Workflows in chunks."""
    polls: Sequence[Sequence[str]] = ()
    """Users whose jobs may be asked about, in chunks."""
    works: frozenset[Work] = frozenset()
    taken: bool = field(default=True)
    """False where another beat has swept in this interval already."""


def sweep(parts: Parts) -> Due:
    """Once an interval, however many beats ask."""
    if not polling.take_turns(["sweep"], parts.limits.polling_interval * 0.5):
        return Due(taken=False)
    found = due.due(_FIRST, _MOMENT)
    return Due(
        advances=chunks(found.workflows, CHUNK),
        polls=chunks(polling.owners(), _USERS),
        works=found.works,
    )


def chunks(found: Sequence[str], size: int) -> list[Sequence[str]]:
    return [found[start : start + size] for start in range(0, len(found), size)]


def check_service(parts: Parts) -> None:
    """Ask AppService whether it takes submissions, and tell every process.

    It may take as long as any call, so whoever sweeps hands out what is due first.
    """
    credential = credentials.any_usable(parts.vault)
    if credential is None:
        return
    try:
        with parts.breaker:
            enabled, text = parts.appservice.status(credential.token)
    except Unauthorized:
        credentials.refused(parts.vault, credential)
    except ServiceError as away:
        service_status.report(service_status.APPSERVICE, service_status.AWAY, str(away))
    else:
        service_status.report(
            service_status.APPSERVICE,
            service_status.UP if enabled else service_status.DISABLED,
            text,
        )
