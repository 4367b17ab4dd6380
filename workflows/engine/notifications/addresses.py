"""Where a webhook may lead: a guard against requests into the networks around us (SSRF).

A URL is taken apart once, here, and only what this module understands is connected to. A host's
name is resolved by us, every address that it leads to must be a public one, and the connection goes
to one of those that were checked: a name that leads elsewhere a moment later changes nothing.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from threading import BoundedSemaphore, Thread
from typing import Final
from urllib.parse import urlsplit

from workflows.model.errors import WorkflowsError

LONGEST: Final = 2_000
"""Characters of a URL."""
RESOLVE_SECONDS: Final = 5.0
"""How long a name server may take."""
_RESOLVING: Final = BoundedSemaphore(64)
"""A name server that hangs holds so many threads of a process at most."""
_HOST: Final = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?|\[[0-9a-f:.]+\]")
_TEXT: Final = re.compile(r"[\x21-\x5b\x5d-\x7e]+")
"""Printable ASCII without a backslash, which some programs read as a slash."""
_PUBLIC_V6: Final = IPv6Network("2000::/3")
"""All of IPv6 that is assigned to hosts of the Internet."""
_SPECIAL: Final = tuple(
    map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "3fff::/20"))
)
"""Networks for special purposes that older releases of Python take for public ones."""
_SYSTEM_PORTS: Final = 1024

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolver = Callable[[str, int], Sequence[Address]]
"""All addresses of a host, for a port. Raises ``UnfitAddress`` where it has none."""


class UnfitAddress(WorkflowsError):
    """A URL that nothing is sent to; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart."""

    url: str
    scheme: str
    host: str
    """In lower case; an address of IPv6 without brackets."""
    port: int
    authority: str
    """For the Host header."""


def parse_target(url: str) -> Target:
    """Raises ``UnfitAddress``. It resolves nothing."""
    if len(url) > LONGEST or not _TEXT.fullmatch(url):
        raise UnfitAddress(
            f"a URL has at most {LONGEST} printable ASCII characters, and no backslash"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UnfitAddress("it is no URL") from error
    if parts.scheme not in ("https", "http"):
        raise UnfitAddress("it must begin with https://")
    if "@" in parts.netloc:
        raise UnfitAddress("it must not hold a user name or password")
    authority = parts.netloc.lower()
    has_port = port is not None or authority.endswith(":")
    host = authority.rpartition(":")[0] if has_port else authority
    if not _HOST.fullmatch(host):
        raise UnfitAddress("its host cannot be read: write names of other scripts as xn--…")
    if parts.fragment or "#" in url:
        raise UnfitAddress("it must not hold a fragment (#…)")
    usual = 443 if parts.scheme == "https" else 80
    return Target(url, parts.scheme, host.strip("[]"), usual if port is None else port, authority)


def check_target(
    target: Target, allowed: Collection[str], resolver: Resolver | None = None
) -> list[str]:
    """The addresses to connect to, in the resolver's order. Raises ``UnfitAddress``.

    ``allowed``: networks that may be reached although they are not public, and without TLS.
    ``resolver``: None: that of this machine.
    """
    addresses = (resolver or resolve)(target.host, target.port)
    if all(_is_within(address, allowed) for address in addresses):
        return [str(address) for address in addresses]
    if target.scheme != "https":
        raise UnfitAddress("it must begin with https://")
    if target.port != 443 and target.port < _SYSTEM_PORTS:  # noqa: PLR2004 - that of HTTPS
        raise UnfitAddress(f"its port must be 443, or {_SYSTEM_PORTS} or above")
    for address in addresses:
        if not is_public(address) and not _is_within(address, allowed):
            raise UnfitAddress("its host leads to an address that is not public")
    return [str(address) for address in addresses]


def is_public(address: Address) -> bool:
    """Whether it is the address of a single host on the Internet."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is not None:
            return is_public(inner)
        if address not in _PUBLIC_V6 or address.teredo is not None:
            return False
    special = address.is_multicast or address.is_reserved
    return address.is_global and not special and not any(address in each for each in _SPECIAL)


def resolve(host: str, port: int) -> Sequence[Address]:
    """All addresses of a host, once each. Raises ``UnfitAddress`` where it has none."""
    answer: Future[list[str]] = Future()
    if not _RESOLVING.acquire(blocking=False):
        raise UnfitAddress("too many names are being resolved: try again later")
    Thread(target=_ask, args=(host, port, answer), name="resolve", daemon=True).start()
    try:
        found = answer.result(RESOLVE_SECONDS)
    except TimeoutError:
        raise UnfitAddress("its host's name could not be resolved in time") from None
    except (OSError, UnicodeError):
        raise UnfitAddress("its host's name cannot be resolved") from None
    return [ip_address(text) for text in dict.fromkeys(found)]


def _ask(host: str, port: int, answer: Future[list[str]]) -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        answer.set_result([str(each[4][0]) for each in found])
    except BaseException as failure:  # noqa: BLE001 - raised to the one who waits for it
        answer.set_exception(failure)
    finally:
        _RESOLVING.release()


def _is_within(address: Address, allowed: Collection[str]) -> bool:
    inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return any((inner or address) in _network(text) for text in allowed)


@lru_cache(maxsize=64)
def _network(text: str) -> Network:
    return ip_network(text)
