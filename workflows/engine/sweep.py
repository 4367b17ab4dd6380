"""The sweep: find in MongoDB whatever is due, whoever forgot it. Its cost follows what is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from workflows.engine.advance import CHUNK
from workflows.engine.parts import Parts
from workflows.errors import ServiceError, Unauthorized
from workflows.store import credentials, jobs, outbox, services, watch, workflows

log = structlog.get_logger(__name__)

_LIMIT = 2_000
"""Workflows taken up by one sweep; the rest is as due at the next one."""


@dataclass(frozen=True, slots=True)
class Due:
    """What somebody must do now; each entry becomes one message."""

    advances: Sequence[Sequence[str]] = ()
    """Workflows in chunks."""
    polls: Sequence[str] = ()
    """Users whose jobs may be asked about."""
    sends: bool = False
    lookups: bool = False
    kills: bool = False
    taken: bool = field(default=True)
    """False where another beat has swept in this interval already."""


def sweep(parts: Parts) -> Due:
    """Once an interval, however many beats ask."""
    if watch.take_turn("sweep", parts.limits.polling_interval * 0.5) is None:
        return Due(taken=False)
    ids = list(dict.fromkeys(jobs.with_news(_LIMIT) + workflows.due(_LIMIT)))
    waiting = outbox.waiting()
    if waiting or services.health("appservice").state != services.UP:
        check_service(parts)
    return Due(
        advances=[ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)],
        polls=watch.owners(),
        sends=waiting,
        lookups=outbox.doubtful_due(),
        kills=watch.kills_due(),
    )


def check_service(parts: Parts) -> None:
    """Ask AppService whether it takes submissions, and tell every process."""
    credential = credentials.any_usable(parts.vault)
    if credential is None:
        return
    try:
        with parts.breaker:
            enabled, text = parts.appservice.status(credential.token)
    except Unauthorized:
        credentials.refused(parts.vault, credential)
    except ServiceError as away:
        services.report("appservice", services.AWAY, str(away))
    else:
        services.report("appservice", services.UP if enabled else services.DISABLED, text)
