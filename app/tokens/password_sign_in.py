"""Signing in with BV-BRC's user name and password, which are passed on and forgotten.

Guesses are limited for each account, from all addresses together, and for each address as bad
tokens are. The attempts under way are few, so that a user service that hangs holds few threads.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from flask import request

from app.http.errors import TooManyFailures
from app.http.throttle import Throttle
from app.quotas.slots import Slots
from workflows.bvbrc.users.password_login import PasswordLogin
from workflows.model.errors import BadToken

LONGEST: Final = 1_000
"""Characters of a user name, and of a password."""
_AT_ONCE: Final = 8
_AT_ONCE_EACH: Final = 4
_BUSY: Final = "Too many sign-ins are under way. Try again in some seconds."
_MINUTE: Final = 60


class PasswordSignIn:
    """Threads may share it."""

    def __init__(self, login: PasswordLogin, addresses: Throttle, per_minute: int) -> None:
        """``addresses``: the throttle of bad tokens; ``per_minute``: wrong passwords an account."""
        self._login, self._addresses = login, addresses
        self._accounts = Throttle(burst=per_minute, per_second=per_minute / _MINUTE)
        self._slots = Slots(_AT_ONCE, _AT_ONCE_EACH, _BUSY)

    def __call__(self, address: str, user: str, password: str) -> str:
        """A token that is not verified yet. Raises ``BadToken``, ``TooManyFailures``,
        ``TooManyRequests`` and ``ServiceError``.
        """
        if not user or not password or max(len(user), len(password)) > LONGEST:
            raise BadToken("Give your BV-BRC user name and your password.")
        account = user.lower()
        with self._slots.take(address):
            self._refuse_guesses(account, address)
            try:
                return self._login(user, password)
            except BadToken:
                self._accounts.record_failure(account)
                self._addresses.record_failure(address)
                raise

    def _refuse_guesses(self, account: str, address: str) -> None:
        wait = max(self._accounts.wait_seconds(account), self._addresses.wait_seconds(address))
        if wait:
            message = (
                "Too many wrong passwords were sent. Try again later, or sign in with a token."
            )
            raise TooManyFailures(wait, message)


def is_safe_here() -> bool:
    """Whether a password reaches us by TLS, or does not leave this machine."""
    host = urlsplit(f"//{request.host}").hostname or ""
    return request.is_secure or (_is_loopback(host) and _is_loopback(request.remote_addr or ""))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
