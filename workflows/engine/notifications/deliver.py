"""Delivers messages that are due, each at least once: claim, send, record.

A message is stored in the transaction of its event; this sends what is stored. Each webhook or
address that waits gets a thread, round-robin over users and at most ``_OF_ONE_USER`` for each, so
that slow receivers of one user hold up no other user; and letters have ``_OF_LETTERS`` at most, so
that the mail server, which all users share, holds up no webhook. A process that dies between
sending and recording leaves a claim that ends, and the same bytes go out again under the same id.
"""

from __future__ import annotations

import random
import secrets
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta
from typing import Final
from uuid import uuid4

import structlog

from workflows.engine.context import EngineContext
from workflows.engine.notifications.context import Notifications
from workflows.engine.notifications.letters import send_letter
from workflows.model.errors import Unavailable
from workflows.model.webhooks import Channel, WebhookState
from workflows.rules.webhooks.attempts import Answer, Outcome, Verdict, judge, write_secret
from workflows.store import clock
from workflows.store.webhooks import changes, claims
from workflows.store.webhooks.claims import Claimed, Endpoint, Waiting

log = structlog.get_logger(__name__)

THREADS: Final = 32
_OF_ONE_USER: Final = 4
_OF_LETTERS: Final = 4
_LOOK_SECONDS: Final = 1.0
"""How long new messages wait while all that goes on is slow."""
_PAUSE_SECONDS: Final = 0.05
KEY_BYTES: Final = 32
_GONE: Final = {
    Channel.WEBHOOK: "the receiver answered 410: it wants no more messages",
    Channel.EMAIL: "the mail server says that there is no such address",
}


def new_secret() -> str:
    """What a receiver verifies signatures with."""
    return write_secret(secrets.token_bytes(KEY_BYTES))


def deliver_due(context: EngineContext) -> None:
    """Returns when nothing can be sent now."""
    settings = context.notifications
    if settings is None:
        return
    going: dict[Future[bool], Waiting] = {}
    with ThreadPoolExecutor(THREADS, "notify") as pool:
        while not context.stopping.is_set():
            waiting = claims.find_waiting(settings.channels)
            for each in choose(waiting, list(going.values())):
                going[pool.submit(_serve, context, settings, each.webhook)] = each
            if not going:
                return
            done = wait(going, _LOOK_SECONDS, FIRST_COMPLETED).done
            for future in done:
                del going[future]
            if not all(future.result() for future in done):  # other processes have their slots
                context.stopping.wait(_PAUSE_SECONDS)


def choose(waiting: Sequence[Waiting], going: Sequence[Waiting]) -> list[Waiting]:
    """Which webhooks get a thread now; those that wait longest come first."""
    threads, users = THREADS - len(going), Counter(each.owner for each in going)
    busy, letters = Counter(each.webhook for each in going), sum(map(_is_letter, going))
    chosen: list[Waiting] = []
    for each in waiting:
        if len(chosen) >= threads:
            break
        room = min(each.free, claims.SLOTS - busy[each.webhook], _OF_ONE_USER - users[each.owner])
        if _is_letter(each):
            room = min(room, _OF_LETTERS - letters)
        for _ in range(min(room, threads - len(chosen))):
            chosen.append(each)
            users[each.owner] += 1
            letters += _is_letter(each)
    return chosen


def _is_letter(waiting: Waiting) -> bool:
    return waiting.channel is Channel.EMAIL


def _serve(context: EngineContext, settings: Notifications, webhook: str) -> bool:
    """Send what waits for one webhook, for a while; false where nothing was done."""
    token = uuid4().hex
    try:
        endpoint = claims.take_slot(context.vault, webhook, token, settings.lease)
        if endpoint is None:
            return _clear(webhook)
        try:
            return _send_all(context, settings, endpoint, token)
        finally:
            claims.give_slot_back(webhook, token)
    except Unavailable as away:
        log.warning("Messages to a webhook wait", webhook_id=webhook, error=str(away))
        return False
    except Exception as defect:
        log.exception("Messages to a webhook cannot be sent", webhook_id=webhook)
        context.broken(defect)
        return False


def _clear(webhook: str) -> bool:
    """Messages that an advance stored while their webhook was being disabled or deleted."""
    live = claims.is_live(webhook)
    if live is None:
        changes.remove(webhook)
    elif not live:
        changes.fail_waiting(webhook)
    return not live


def _send_all(
    context: EngineContext, settings: Notifications, endpoint: Endpoint, token: str
) -> bool:
    """For a third of the lease, so that the last attempt ends within it; then others have the
    thread."""
    until, count = time.monotonic() + settings.lease.total_seconds() / 3, 0
    while time.monotonic() < until and not context.stopping.is_set():
        claimed = claims.take_next(endpoint.webhook, token, settings.lease)
        if claimed is None:
            break
        count += 1
        verdict = _send(context, settings, endpoint, claimed, token)
        if verdict.hold or verdict.outcome is Outcome.GONE:
            break
        if not claims.is_live(endpoint.webhook):
            break
    return count > 0


def _send(
    context: EngineContext,
    settings: Notifications,
    endpoint: Endpoint,
    claimed: Claimed,
    token: str,
) -> Verdict:
    begun = time.monotonic()
    answer = _attempt(settings, endpoint, claimed)
    chance = random.random()  # noqa: S311 - spreads retries
    verdict = judge(answer, claimed.attempts + 1, settings.schedule, chance)
    _record(claimed, token, answer, verdict)
    if verdict.outcome is not Outcome.DELIVERED and answer.is_the_receivers:
        _judge_receiver(settings, endpoint, verdict)
    took = timedelta(seconds=time.monotonic() - begun)
    context.delivered(endpoint.channel, verdict.outcome, took)
    return verdict


def _attempt(settings: Notifications, endpoint: Endpoint, claimed: Claimed) -> Answer:
    if endpoint.channel is Channel.EMAIL:
        if settings.mail is None:
            return Answer(error="not sent: e-mail is switched off", is_outage=True)
        return send_letter(settings.mail, claimed.message, endpoint.url)
    if settings.poster is None:
        return Answer(error="not sent: webhooks are switched off", is_outage=True)
    if not endpoint.secrets:
        return Answer(error="not sent: its secret cannot be opened; rotate it")
    return settings.poster.post(claimed.message, endpoint.url, endpoint.secrets, clock.now())


def _record(claimed: Claimed, token: str, answer: Answer, verdict: Verdict) -> None:
    if verdict.outcome is Outcome.DELIVERED:
        claims.record_delivered(claimed, token, answer.status or 0)
        return
    if answer.is_outage and verdict.wait:
        claims.record_outage(claimed, token, answer.error, verdict.wait)
    else:
        claims.record_failure(claimed, token, answer.status, answer.error, verdict.wait)
    log.warning(
        "A message was not delivered",
        webhook_id=claimed.message.webhook,
        message_id=claimed.message.id,
        outcome=verdict.outcome,
        status=answer.status,
        error=answer.error,
    )


def _judge_receiver(settings: Notifications, endpoint: Endpoint, verdict: Verdict) -> None:
    """Disable what is gone, or has failed for long. An address that is not confirmed stays as it
    was: its user learns nothing of it."""
    webhook, enabled = endpoint.webhook, {"state": str(WebhookState.ENABLED)}
    if verdict.outcome is Outcome.GONE:
        changes.disable(webhook, _GONE[endpoint.channel], enabled)
    elif claims.note_failing(webhook, verdict.hold, settings.disable_after):
        days = settings.disable_after / timedelta(days=1)
        changes.disable(webhook, f"every attempt has failed for {days:g} days", enabled)
