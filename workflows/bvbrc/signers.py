"""The public keys of BV-BRC's token signers, fetched from a pinned list of addresses and cached."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from threading import Lock
from typing import Final

import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from workflows.bvbrc.wire import Request, Wire
from workflows.model.errors import BadToken, ServiceAway, ServiceError, Unavailable

log = structlog.get_logger()

TIMEOUT: Final = timedelta(seconds=10)
LIFETIME: Final = timedelta(hours=24)
PAUSE: Final = timedelta(seconds=30)
"""How long to wait before asking a signer again that did not answer."""
SHORT_PAUSE: Final = timedelta(seconds=2)
"""The same while there is no key at all: until then every token is refused."""
LIMIT_BYTES: Final = 64 * 1024


@dataclass(slots=True)
class _Entry:
    """The cached key of one signer; both times are on the monotonic clock."""

    lock: Lock
    key: RSAPublicKey | None = None
    due: float = 0.0
    """When to ask (again)."""


class SignerKeys:
    """Signers' addresses to their keys; threads may share it."""

    def __init__(
        self,
        wire: Wire,
        trusted: Collection[str],
        *,
        lifetime: timedelta = LIFETIME,
        pause: timedelta = PAUSE,
    ) -> None:
        self._wire = wire
        self._lifetime, self._pause = lifetime, pause
        self._entries = {signer: _Entry(Lock()) for signer in trusted}

    def __call__(self, signer: str) -> RSAPublicKey:
        """The key, an old one while the signer is away. Raises ``Unavailable`` where there is none,
        and ``BadToken`` for a signer that is not on the list; no other address is ever asked.
        """
        entry = self._entries.get(signer)
        if entry is None:
            raise BadToken("the token is signed by an unknown signer")
        # A thread that has a key uses it while another thread fetches a newer one.
        if entry.lock.acquire(blocking=entry.key is None):
            try:
                self._refresh(signer, entry)
            finally:
                entry.lock.release()
        if entry.key is None:
            raise Unavailable("the signer of the token cannot be asked for its key now")
        return entry.key

    def _refresh(self, signer: str, entry: _Entry) -> None:
        if time.monotonic() < entry.due:
            return
        try:
            entry.key, keep = self._fetch(signer, entry.key), self._lifetime
        except (ServiceError, ValueError, UnsupportedAlgorithm) as failure:
            keep = self._pause if entry.key else min(self._pause, SHORT_PAUSE)
            log.warning("signer gave no key", signer=signer, error=type(failure).__name__)
        entry.due = time.monotonic() + keep.total_seconds()

    def _fetch(self, signer: str, known: RSAPublicKey | None) -> RSAPublicKey:
        """The signer answers ``{"pubkey": "<PEM>", "valid": 1}``. An unchanged key stays the same
        object: proofs hold for it.
        """
        answer = self._wire.exchange(
            Request("GET", signer, headers={}, timeout=TIMEOUT, limit_bytes=LIMIT_BYTES)
        )
        reply = answer.json() if answer.status == HTTPStatus.OK else None
        pem = reply.get("pubkey") if isinstance(reply, dict) else None
        key = load_pem_public_key(pem.encode()) if isinstance(pem, str) else None
        if not isinstance(key, RSAPublicKey):
            raise ServiceAway("the signer's answer holds no RSA key")
        return known if known is not None and key == known else key
