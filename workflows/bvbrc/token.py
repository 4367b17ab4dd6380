"""Parses and verifies BV-BRC tokens. ``signers.py`` fetches the keys.

A token is text, ``un=alice@bvbrc|tokenid=…|expiry=…|SigningSubject=<url>|…|sig=<hex>``: fields in
any order, the signature last, RSA with SHA-1 over all before it. The order of the checks and their
words are those of the services (P3TokenValidator: validate).
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA1

from workflows.model.errors import BadToken, TokenExpired

LIMIT_BYTES: Final = 8 * 1024
REMEMBERED: Final = 4096

Keys = Callable[[str], RSAPublicKey]
"""The public key of a trusted signer; raises ``Unavailable`` while it cannot be had."""

_PREFIX: Final = re.compile(r"(?:bearer|oauth)\s+", re.IGNORECASE)
_USER: Final = re.compile(r"[^\s/|]+")
_EXPIRY: Final = re.compile(r"[0-9]{1,12}")
_SIGNATURE: Final = re.compile(r"(?:[0-9a-fA-F]{2})+")


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a token, verified or not."""

    user: str
    """``un`` as it stands; the realm is a part of Workspace paths."""
    expires_at: datetime
    signer: str
    """``SigningSubject``: the address of the key."""
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """The user of a genuine token and its expiry."""

    user: str
    expires_at: datetime


def strip(header: str) -> str:
    """The token in an Authorization header, which may say ``Bearer`` or ``OAuth`` before it."""
    return _PREFIX.sub("", header.strip(), count=1).strip()


def parse(token: str) -> Claims:
    """Parses a token without verifying it. Raises ``BadToken`` if the text is ambiguous: the
    services take the first ``un=`` that they find anywhere.
    """
    if len(token) > LIMIT_BYTES:
        raise BadToken("the token is too long")
    if not (token.isascii() and token.isprintable()):
        raise BadToken("the token has characters that no token has")
    signed, separator, signature = token.rpartition("|sig=")
    if not separator or not _SIGNATURE.fullmatch(signature):
        raise BadToken("the token has no signature")
    if "sig" in _names(signed):
        raise BadToken("the token has two signatures")
    user, expiry = _field(signed, "un"), _field(signed, "expiry")
    if not _USER.fullmatch(user) or not _EXPIRY.fullmatch(expiry):
        raise BadToken("the token names no user, or no time at which it ends")
    return Claims(
        user=user,
        expires_at=_time(int(expiry)),
        signer=_field(signed, "SigningSubject"),
        signed=signed.encode(),
        signature=bytes.fromhex(signature),
    )


def verify(token: str, *, keys: Keys, trusted: Collection[str], now: datetime) -> Identity:
    """Whose token this is. Raises ``BadToken``, ``TokenExpired``, and ``Unavailable`` where the
    signer's key cannot be had.
    """
    claims = parse(token)
    _check(claims, trusted, now)
    _prove(claims, keys(claims.signer))
    return Identity(claims.user, claims.expires_at)


class Verifier:
    """``verify`` for a server: what cannot change is read and proven once for each token."""

    def __init__(self, *, keys: Keys, trusted: Collection[str]) -> None:
        self._keys = keys
        self._trusted = frozenset(trusted)
        self._proven: OrderedDict[bytes, tuple[Claims, RSAPublicKey]] = OrderedDict()
        self._lock = Lock()

    def __call__(self, token: str, now: datetime) -> Identity:
        """As ``verify``. What may change is checked each time: the time, and the signer's key."""
        digest = _digest(token)
        claims, proven_by = self._proven.get(digest) or (parse(token), None)
        _check(claims, self._trusted, now)
        key = self._keys(claims.signer)
        if key is not proven_by:
            _prove(claims, key)
            self._remember(digest, claims, key)
        return Identity(claims.user, claims.expires_at)

    def _remember(self, digest: bytes, claims: Claims, key: RSAPublicKey) -> None:
        with self._lock:
            self._proven[digest] = (claims, key)
            if len(self._proven) > REMEMBERED:
                self._proven.popitem(last=False)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def _check(claims: Claims, trusted: Collection[str], now: datetime) -> None:
    if now >= claims.expires_at:
        raise TokenExpired(f"the token expired at {claims.expires_at:%Y-%m-%dT%H:%M:%SZ}")
    if claims.signer not in trusted:
        raise BadToken("the token is signed by an unknown signer")


def _prove(claims: Claims, key: RSAPublicKey) -> None:
    try:
        key.verify(claims.signature, claims.signed, PKCS1v15(), SHA1())  # noqa: S303 - BV-BRC's own
    except (InvalidSignature, ValueError) as failure:
        raise BadToken("the token's signature is not genuine") from failure


def _names(signed: str) -> list[str]:
    return [part.partition("=")[0] for part in signed.split("|")]


def _field(signed: str, name: str) -> str:
    """The one value of that name. The services look for ``\\bname=`` in the whole text."""
    if len(re.findall(rf"\b{name}=", signed)) != 1 or name not in _names(signed):
        raise BadToken(f"the token has no {name}, or more than one")
    return next(p.partition("=")[2] for p in signed.split("|") if p.startswith(f"{name}="))


def _time(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError):  # past the year 9999
        return datetime.max.replace(tzinfo=UTC)
