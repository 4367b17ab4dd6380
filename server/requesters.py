"""Who sent a request, as far as the head and what the application said of earlier ones tell."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Final

from werkzeug.http import parse_cookie

_MOST: Final = 10_000
"""Credentials that are remembered, as digests."""


class Requesters:
    """Threads may share it.

    A credential that the application has not accepted counts as its address: else a client who
    invents one for each request would be another requester each time.
    """

    def __init__(self, session_cookie: str = "", trusted_proxies: int = 0) -> None:
        """``session_cookie``: the name of the one cookie that is a credential. ``trusted_proxies``:
        how many of ours a request comes through, each of which notes the address that it saw."""
        self._session_cookie = session_cookie
        self._trusted_proxies = trusted_proxies
        self._users: OrderedDict[bytes, str] = OrderedDict()
        self._lock = Lock()

    def find(self, headers: Mapping[str, str], address: str) -> str:
        """The user, or the address."""
        credential = self._credential(headers)
        with self._lock:
            user = self._users.get(credential) if credential else None
        return f"address {self._client(headers, address)}" if user is None else f"user {user}"

    def learn(self, headers: Mapping[str, str], user: str) -> None:
        """The application has accepted the credential as this user's."""
        credential = self._credential(headers)
        with self._lock:
            if credential:
                self._users[credential] = user
                self._users.move_to_end(credential)
            while len(self._users) > _MOST:
                self._users.popitem(last=False)

    def _credential(self, headers: Mapping[str, str]) -> bytes:
        """A digest: tokens are kept nowhere. Empty where nothing was shown."""
        shown = headers.get("AUTHORIZATION") or self._session(headers.get("COOKIE", ""))
        return hashlib.sha256(shown.encode("latin-1", "replace")).digest() if shown else b""

    def _session(self, cookies: str) -> str:
        """Other cookies change from request to request, or are the same for many users."""
        return parse_cookie(cookies).get(self._session_cookie, "") if cookies else ""

    def _client(self, headers: Mapping[str, str], address: str) -> str:
        """The address that the outermost of our proxies saw, as the application takes it."""
        seen = headers.get("X_FORWARDED_FOR", "").split(",")
        count = self._trusted_proxies
        return seen[-count].strip() if 0 < count <= len(seen) and seen != [""] else address
