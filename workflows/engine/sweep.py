"""The sweep: finds due work in MongoDB that no message has announced. Its cost follows the due
work."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog

from workflows.backends.breakers import SEVERAL
from workflows.engine.advance import CHUNK
from workflows.engine.context import EngineContext
from workflows.model.errors import ServiceError, Unauthorized
from workflows.store import due
from workflows.store.due import Work
from workflows.store.jobs import polling
from workflows.store.processes import service_status
from workflows.store.users import credentials
from workflows.store.users.credentials import Credential

log = structlog.get_logger(__name__)

POLLED_TOGETHER: Final = 16
"""Users in one poll task."""
_FIRST = timedelta(seconds=1)
"""The code that stores a change acts on it at once; the sweep takes up changes older than this."""
_MOMENT = timedelta(seconds=1)
"""How long AppService's reported state is believed."""
_TOKENS = 50
"""The longest-lived tokens among which some are chosen."""
_ASKED = 3
"""Users with whose tokens AppService is asked whether it takes submissions."""
_NEXT_SECONDS = 2.0
"""How long to wait for an answer before the next user's token is tried."""

Status = tuple[bool, str]
"""Whether submissions are enabled, and what the service says about it."""


@dataclass(frozen=True, slots=True)
class Due:
    """The due work; each entry becomes one message."""

    advances: Sequence[Sequence[str]] = ()
    """Workflows in chunks."""
    polls: Sequence[Sequence[str]] = ()
    """Users whose jobs may be polled, in chunks."""
    batches: Sequence[str] = ()
    works: frozenset[Work] = frozenset()
    taken: bool = field(default=True)
    """False where another beat has swept in this interval already."""


def sweep(context: EngineContext) -> Due:
    """Once an interval, however many beats ask."""
    if not polling.take_locks(["sweep"], context.limits.polling_interval * 0.5):
        return Due(taken=False)
    found = due.due(_FIRST, _MOMENT)
    return Due(
        advances=chunks(found.workflows, CHUNK),
        polls=chunks(polling.owners(), POLLED_TOGETHER),
        batches=found.batches,
        works=found.works,
    )


def chunks(found: Sequence[str], size: int) -> list[Sequence[str]]:
    return [found[start : start + size] for start in range(0, len(found), size)]


def check_service(context: EngineContext) -> None:
    """Ask AppService whether it accepts submissions, and store the answer for every process.

    It may take as long as any call, so the sweep sends the messages of due work first.
    """
    answers = ask_status(context)
    said = next((answer for answer in answers.values() if isinstance(answer, tuple)), None)
    if said is not None:
        enabled, text = said
        service_status.report(
            service_status.APPSERVICE,
            service_status.UP if enabled else service_status.DISABLED,
            text,
        )
        return
    away = _ping(context)
    if away:
        context.breakers.note_dead()
    if away or len(answers) >= SEVERAL:
        reason = away or next(str(failure) for failure in answers.values())
        service_status.report(service_status.APPSERVICE, service_status.AWAY, reason)
    elif (
        not answers
        and service_status.health(service_status.APPSERVICE).state == service_status.AWAY
    ):
        service_status.report(service_status.APPSERVICE, service_status.UP)


def ask_status(context: EngineContext) -> dict[str, Status | ServiceError]:
    """The answers of ``service_status`` for a few users, by user, up to the first success. If a
    call hangs or fails, another user's token is tried.
    """
    found = credentials.some_usable(context.vault, _TOKENS)
    random.shuffle(found)
    found.sort(key=lambda credential: context.breakers.opened_for(credential.owner))
    answers: dict[str, Status | ServiceError] = {}
    pool = ThreadPoolExecutor(_ASKED, "status")
    asked: dict[Future[Status | ServiceError | None], str] = {}
    try:
        for credential in found[:_ASKED]:
            asked[pool.submit(_status, context, credential)] = credential.owner
            if _collect(asked, answers, _NEXT_SECONDS):
                return answers
        while asked:
            if _collect(asked, answers, None):
                return answers
    finally:
        pool.shutdown(wait=False)
    return answers


def _collect(
    asked: dict[Future[Status | ServiceError | None], str],
    answers: dict[str, Status | ServiceError],
    patience: float | None,
) -> bool:
    """Move what has come to the answers; whether there is one that is no failure."""
    for done in wait(asked, patience, return_when=FIRST_COMPLETED).done:
        owner, answer = asked.pop(done), done.result()
        if answer is not None:
            answers[owner] = answer
    return any(isinstance(answer, tuple) for answer in answers.values())


def _status(context: EngineContext, credential: Credential) -> Status | ServiceError | None:
    """None where the token is refused, which says nothing of the service."""
    try:
        with context.breakers.call(credential.owner):
            return context.appservice.client.status(credential.token)
    except Unauthorized as refusal:
        credentials.mark_refused(context.vault, credential, refusal)
        return None
    except ServiceError as away:
        return away


def _ping(context: EngineContext) -> str:
    """Why the service cannot be reached without a token; empty where it can."""
    try:
        context.appservice.client.ping()
    except ServiceError as away:
        return str(away)
    return ""
