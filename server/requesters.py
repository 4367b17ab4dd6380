"""Who sent a request, as far as the head and what the application said of earlier ones tell."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Final

_MOST: Final = 10_000
"""Credentials that are remembered, as digests."""


class Requesters:
    """Threads may share it.

    A credential that the application has not accepted counts as its address: else a client who
    invents one for each request would be another requester each time.
    """

    def __init__(self) -> None:
        self._users: OrderedDict[bytes, str] = OrderedDict()
        self._lock = Lock()

    def find(self, headers: Mapping[str, str], address: str) -> str:
        """The user, or the address."""
        credential = _credential(headers)
        with self._lock:
            user = self._users.get(credential) if credential else None
        return f"user {user}" if user is not None else f"address {address}"

    def learn(self, headers: Mapping[str, str], user: str) -> None:
        """The application has accepted the credential as this user's."""
        credential = _credential(headers)
        with self._lock:
            if credential:
                self._users[credential] = user
                self._users.move_to_end(credential)
            while len(self._users) > _MOST:
                self._users.popitem(last=False)


def _credential(headers: Mapping[str, str]) -> bytes:
    """A digest: tokens are kept nowhere. Empty where nothing was shown."""
    shown = headers.get("AUTHORIZATION") or headers.get("COOKIE") or ""
    return hashlib.sha256(shown.encode("latin-1", "replace")).digest() if shown else b""
