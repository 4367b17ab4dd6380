"""Who sent a request, as far as the head and what the application said of earlier ones tell."""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from ipaddress import IPv6Address, ip_address, ip_network
from threading import Lock
from typing import Final

MOST: Final = 10_000
"""Credentials that are remembered, as digests."""
_SITE_BITS: Final = 64
"""Of an IPv6 address: one client has all addresses that begin alike."""
_PORT: Final = re.compile(r"^\[([^\]]*)\](?::\d+)?$|^([^:]*):\d+$")


class Requesters:
    """Threads may share it. What clients send raises nothing.

    A credential that the application has not accepted counts as its address: else a client who
    invents one for each request would be another requester each time.
    """

    def __init__(self, session_cookie: str = "", trusted_proxies: int = 0) -> None:
        """``session_cookie``: the name of the one cookie that is a credential. ``trusted_proxies``:
        how many of ours a request comes through, each of which notes the address that it saw."""
        self._cookie = re.compile(rf'(?:^|;)\s*{re.escape(session_cookie)}="?([^;"]+)')
        self._has_sessions = bool(session_cookie)
        self._trusted_proxies = trusted_proxies
        self._users: OrderedDict[bytes, str] = OrderedDict()
        self._lock = Lock()

    def find(self, headers: Mapping[str, str], address: str) -> str:
        """The user, or the address."""
        digests = [_digest(shown) for shown in self._credentials(headers)]
        with self._lock:
            user = next((self._users[each] for each in digests if each in self._users), None)
        return f"address {self._client(headers, address)}" if user is None else f"user {user}"

    def learn(self, headers: Mapping[str, str], user: str, *, session: bool = False) -> None:
        """The application has accepted as this user's the session's cookie, or the header."""
        shown = self._session(headers) if session else headers.get("AUTHORIZATION", "")
        if not shown:
            return
        with self._lock:
            self._users[_digest(shown)] = user
            self._users.move_to_end(_digest(shown))
            while len(self._users) > MOST:
                self._users.popitem(last=False)

    def _credentials(self, headers: Mapping[str, str]) -> Iterator[str]:
        """All that are shown: one that was not accepted tells nothing."""
        yield headers.get("AUTHORIZATION", "")
        yield self._session(headers)

    def _session(self, headers: Mapping[str, str]) -> str:
        """Other cookies change from request to request, or are the same for many users."""
        found = self._cookie.search(headers.get("COOKIE", "")) if self._has_sessions else None
        return found[1].strip() if found else ""

    def _client(self, headers: Mapping[str, str], address: str) -> str:
        """The address that the outermost of our proxies saw, where there are any."""
        seen = headers.get("X_FORWARDED_FOR", "").split(",")
        count = self._trusted_proxies
        hop = seen[-count].strip() if 0 < count <= len(seen) else ""
        return _place(hop) or _place(address) or address


def _digest(shown: str) -> bytes:
    """Tokens are kept nowhere."""
    return hashlib.sha256(shown.encode("utf-8", "replace")).digest()


def _place(address: str) -> str:
    """The address without a port, of IPv6 its network; empty for what is no address."""
    if found := _PORT.match(address):
        address = found[1] or found[2]
    try:
        known = ip_address(address)
    except ValueError:
        return ""
    if isinstance(known, IPv6Address):
        return str(ip_network((int(known), _SITE_BITS), strict=False))
    return str(known)
