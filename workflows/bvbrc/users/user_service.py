"""BV-BRC's user service: renews a token that is still valid (protocol.md 5.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from workflows.bvbrc.token import LIMIT_BYTES, Identity
from workflows.bvbrc.wire import Request, Wire
from workflows.model.errors import BadToken, ServiceAway, Unauthorized

REFRESH: Final = "/authenticate/refresh"


@dataclass(frozen=True, slots=True)
class FreshToken:
    """A genuine token of the user that it was asked for."""

    token: str = field(repr=False)
    expires_at: datetime


class UserService:
    """A client of it; threads may share it."""

    def __init__(
        self,
        wire: Wire,
        url: str,
        *,
        verify: Callable[[str, datetime], Identity],
        now: Callable[[], datetime],
        timeout: timedelta,
    ) -> None:
        """``verify`` judges what it gives as it judges what a user hands in."""
        self._wire, self._url = wire, url
        self._verify, self._now = verify, now
        self.timeout = timeout

    def refresh(self, user: str, token: str, timeout: timedelta) -> FreshToken:
        """A new token for a valid one; the old one stays valid until its end.

        Raises ``ServiceError`` where there is none, ``BadToken`` for one that is not genuine or of
        another user, and ``Unavailable`` where that cannot be judged now.
        """
        answer = self._wire.exchange(
            Request(
                "GET",
                self._url + REFRESH,
                headers={"Authorization": token},
                timeout=min(timeout, self.timeout),
                limit_bytes=LIMIT_BYTES,
            )
        )
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise Unauthorized("the user service refused the token")
        if answer.status != HTTPStatus.OK or answer.cut:
            raise ServiceAway(f"the user service answered with HTTP {answer.status}")
        fresh = answer.body.decode("ascii", "replace").strip()
        identity = self._verify(fresh, self._now())
        if identity.user != user:
            raise BadToken("the new token belongs to another user")
        return FreshToken(fresh, identity.expires_at)
