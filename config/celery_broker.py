"""The broker's settings in Celery's own terms: addresses, TLS, transport options."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from config.sections import Broker

Options = dict[str, Any]

DEFAULTS: Final[Mapping[str, Any]] = {
    # Without it `.delay()` waits for ever on a Redis that is frozen.
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
    # Redis keeps no list of unacknowledged messages; the sweep finds a dead worker's work in
    # MongoDB.
    # # Keeping the list ended workers: an ack after a loss of Redis failed for good
    # (docs/decisions/0011).
    "ack_emulation": False,
}
_CERTIFICATES: Final = {
    "required": ssl.CERT_REQUIRED,
    "optional": ssl.CERT_OPTIONAL,
    "none": ssl.CERT_NONE,
}
_TLS: Final = "ssl_"
"""The prefix of TLS options in a URL's query."""


@dataclass(frozen=True, slots=True)
class CeleryBroker:
    """Celery's broker settings."""

    url: str
    """One address, or one of each Sentinel, separated by ``;``, each complete in itself: kombu
    takes user, password and database from the one that it is at."""
    use_ssl: Options | None
    transport_options: Options


def celery_broker(broker: Broker) -> CeleryBroker:
    """``broker.transport_options`` win over what the other settings lead to."""
    parts = [urlsplit(address) for address in broker.addresses]
    tls = _tls(parts)
    options = {**DEFAULTS}
    if broker.key_prefix:
        options["global_keyprefix"] = broker.key_prefix
    given = dict(broker.transport_options)
    if broker.sentinel_master:
        options["master_name"] = broker.sentinel_master
        given["sentinel_kwargs"] = _sentinel_options(options | given, tls)
    return CeleryBroker(_url(parts), tls, {**options, **given})


def _url(parts: list[SplitResult]) -> str:
    """The user, the database and the query may stand in any one of the addresses."""
    user = next((each.netloc.rpartition("@")[0] for each in parts if "@" in each.netloc), "")
    path = next((each.path for each in parts if each.path.strip("/")), "")
    query = urlencode([pair for pair in _query(parts) if not pair[0].startswith(_TLS)])
    hosts = [each.netloc.rpartition("@")[2] for each in parts]
    return ";".join(
        SplitResult(
            parts[0].scheme, f"{user}@{host}" if user else host, path, query, ""
        ).geturl()
        for host in hosts
    )  # fmt: skip


def _query(parts: list[SplitResult]) -> list[tuple[str, str]]:
    return [pair for each in parts for pair in parse_qsl(each.query)]


def _tls(parts: list[SplitResult]) -> Options | None:
    """None without TLS. Certificates are checked unless the URL says otherwise: kombu's own default
    for ``rediss://`` is to check none."""
    options: Options = {name: value for name, value in _query(parts) if name.startswith(_TLS)}
    if not options and parts[0].scheme != "rediss":
        return None
    wanted = options.get("ssl_cert_reqs", "required").lower().removeprefix("cert_")
    options["ssl_cert_reqs"] = _CERTIFICATES[wanted]
    if wanted == "none":
        options["ssl_check_hostname"] = False
    elif "ssl_check_hostname" in options:
        options["ssl_check_hostname"] = options["ssl_check_hostname"].lower() != "false"
    return options


def _sentinel_options(options: Options, tls: Options | None) -> Options:
    """The options for connections to the Sentinels: TLS as for Redis, and Redis's time-outs."""
    timeouts = {name: options[name] for name in ("socket_timeout", "socket_connect_timeout")}
    return {
        **timeouts,
        **({"ssl": True, **tls} if tls else {}),
        **options.get("sentinel_kwargs", {}),
    }
