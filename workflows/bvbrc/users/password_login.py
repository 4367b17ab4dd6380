"""BV-BRC's user service gives a token for a user name and a password (protocol.md 5.3).

The password is sent to that service and to nothing else; no exception and no log line holds it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from workflows.bvbrc.token import LIMIT_BYTES
from workflows.bvbrc.wire import Request, Wire
from workflows.model.errors import BadToken, ServiceAway

_PATH: Final = "/authenticate"
_REFUSALS: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.BAD_REQUEST})


@dataclass(frozen=True, slots=True)
class PasswordLogin:
    """A client of it; threads may share it."""

    wire: Wire
    url: str
    """The user service's."""
    timeout: timedelta

    def __call__(self, user: str, password: str) -> str:
        """A token, not verified yet. Raises ``BadToken`` for a wrong name or password, and
        ``ServiceError`` if the service does not say.
        """
        answer = self.wire.exchange(
            Request(
                "POST",
                self.url + _PATH,
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                timeout=self.timeout,
                content=urlencode({"username": user, "password": password}).encode(),
                limit_bytes=LIMIT_BYTES,
            )
        )
        if answer.status in _REFUSALS:
            raise BadToken("BV-BRC does not know this user name with this password")
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            raise ServiceAway("BV-BRC asks to wait before the next sign-in")
        if answer.status != HTTPStatus.OK or answer.cut:
            raise ServiceAway(f"BV-BRC's user service answered with HTTP {answer.status}")
        return answer.body.decode("ascii", "replace").strip()
