"""Renews the tokens of users who have work under way, before they end.

Nothing fails for it: a token that cannot be renewed stays as it is, and is tried again until its
end. Then its steps are parked, as they are without renewal.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any, Final

import structlog

from workflows.bvbrc.users.user_service import FreshToken, UserService
from workflows.engine.context import EngineContext
from workflows.engine.reports.views import stamp
from workflows.model.errors import BadToken, ServiceError, Unavailable
from workflows.rules.tokens.renewal import next_try
from workflows.store.users import preferences as users
from workflows.store.users import renewals
from workflows.store.users.renewals import DueToken

log = structlog.get_logger(__name__)

MOST: Final = 200
"""Tokens that are looked at together."""
_THREADS: Final = 8
"""The user service may take its whole timeout for each call."""
_SPARE: Final = timedelta(seconds=5)
"""How much longer than its call a process may hold a token."""


def renew_tokens(context: EngineContext) -> int:
    """Look at every token whose time has come; returns how many were renewed."""
    service = context.user_service
    if service is None:
        return 0
    renewed = 0
    while not context.stopping.is_set() and (due := renewals.due_tokens(MOST)):
        renewed += _renew_some(context, service, due)
        if len(due) < MOST:
            break
    return renewed


def _renew_some(context: EngineContext, service: UserService, due: Sequence[DueToken]) -> int:
    owners = [token.owner for token in due if not token.hopeless]
    wanted = renewals.with_work(owners) - users.without_renewal(owners) if owners else set()
    chosen = [token for token in due if token.owner in wanted]
    renewals.postpone([(token, _look_again(token)) for token in due if token not in chosen])
    if not chosen:
        return 0
    with ThreadPoolExecutor(min(_THREADS, len(chosen)), "renew") as pool:
        return sum(pool.map(partial(_renew, context, service), chosen))


def _look_again(token: DueToken) -> Any:
    """Of a token that is not renewed now: its user may begin to work before it ends."""
    return None if token.hopeless else next_try(token.now, token.expires_at, random.random())  # noqa: S311


def _renew(context: EngineContext, service: UserService, due: DueToken) -> bool:
    """Renews one token, if no other process is doing so."""
    patience = min(service.timeout, (due.expires_at - due.now) / 3)
    if not renewals.claim(due, patience + _SPARE):
        return False
    token = context.vault.open(due.sealed)
    if token is None:  # sealed with a key that is gone: it counts as absent
        return False
    try:
        fresh = service.refresh(due.owner, token, patience)
    except (ServiceError, BadToken, Unavailable) as failure:
        _fail(context, due, failure)
        return False
    return _keep(context, due, fresh)


def _keep(context: EngineContext, due: DueToken, fresh: FreshToken) -> bool:
    if fresh.expires_at <= due.expires_at:
        _fail(context, due, ServiceError("the new token ends no later than the old one"))
        return False
    if not renewals.replace(context.vault, due, fresh.token, fresh.expires_at):
        return False  # the user has handed in another token, or deleted this one
    context.renewed("renewed")
    log.info("A token was renewed", user=due.owner, expires_at=stamp(fresh.expires_at))
    return True


def _fail(context: EngineContext, due: DueToken, failure: Exception) -> None:
    context.renewed("failed")
    again = next_try(due.now, due.expires_at, random.random())  # noqa: S311 - spreads the load
    renewals.note_failure(due, again, str(failure))
    # A token that is not genuine, or of another user, comes from a service that cannot be trusted.
    write = log.error if isinstance(failure, BadToken) else log.warning
    write(
        "A token was not renewed",
        user=due.owner,
        reason=str(failure),
        expires_at=stamp(due.expires_at),
        again_at=stamp(again),
    )
