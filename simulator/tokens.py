"""The login service in miniature: it issues tokens, publishes its key, and checks tokens.

Checks run in the order of the genuine validator (protocol.md 5.2).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from simulator.http.rpc import RpcError
from simulator.triggers import Unusable

KNOWN_SIGNERS = frozenset(
    {
        "https://user.patricbrc.org/public_key",
        "https://user.beta.patricbrc.org/public_key",
        "https://user.alpha.patricbrc.org/public_key",
        "https://rast.nmpdr.org/goauth/keys",
        "https://nexus.api.globusonline.org/goauth/keys",
    }
)
KINDS = (
    "valid",
    "forged",
    "tampered",
    "unknown_signer",
    "unreachable_signer",
    "unsigned",
    "garbage",
)
SHA1 = hashes.SHA1()  # noqa: S303 - what BV-BRC signs with


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a valid token speaks for, until when (unix seconds)."""

    user: str
    expiry: float
    admin: bool = False


@dataclass(slots=True)
class Tokens:
    """The key pair, the signer's address, and what was expired by order."""

    signer: str
    now: Callable[[], float]
    key: rsa.RSAPrivateKey
    _verified: dict[str, Identity] = field(default_factory=dict)
    _expired: set[str] = field(default_factory=set)
    """Users whose tokens are expired by order, but for the ``_fresh`` ones."""
    _fresh: set[str] = field(default_factory=set)

    @property
    def public_pem(self) -> str:
        encoding = serialization.Encoding.PEM
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.key.public_key().public_bytes(encoding, form).decode()

    def issue(self, user: str, seconds: float, *, kind: str = "valid", roles: str = "") -> str:
        """A token of ``user`` for ``seconds`` from now (negative: expired), or a broken one."""
        if kind not in KINDS:
            raise Unusable(f"no kind {kind!r} of token; there are {', '.join(KINDS)}")
        if kind == "garbage":
            return "not-a-token"
        signer = {
            "unknown_signer": "https://evil.example.org/public_key",
            "unreachable_signer": "https://user.alpha.patricbrc.org/public_key",
        }.get(kind, self.signer)
        text = unsigned_text(user, int(self.now() + seconds), roles, signer)
        if kind == "unsigned":
            return text
        key = self.key if kind != "forged" else rsa.generate_private_key(65537, 2048)
        signature = key.sign(text.encode(), padding.PKCS1v15(), SHA1).hex()
        if kind == "tampered":
            text = text.replace("un=", "un=not", 1)
        token = f"{text}|sig={signature}"
        if user in self._expired:
            self._fresh.add(token)
        return token

    def expire(self, user: str) -> None:
        """From now on the tokens issued to ``user`` so far count as expired."""
        self._expired.add(user)
        self._fresh = {token for token in self._fresh if user_in(token) != user}

    def restore(self) -> None:
        """Takes back what was expired by order."""
        self._expired.clear()
        self._fresh.clear()

    def check(self, token: str, *, signer_reachable: bool = True) -> Identity:
        """Whom ``token`` speaks for; raises ``RpcError`` with the genuine texts."""
        known = self._verified.get(token)
        if known is None:
            known = self._verify(token, signer_reachable=signer_reachable)
            self._verified[token] = known
        if known.expiry <= self.now() or (known.user in self._expired and token not in self._fresh):
            raise invalid("Token expired")
        return known

    def _verify(self, token: str, *, signer_reachable: bool) -> Identity:
        text, mark, signature = token.rpartition("|sig=")
        if not mark:
            raise invalid("Missing signature data")
        expiry = float(part(text, "expiry") or 0)
        if expiry <= self.now():
            raise invalid("Token expired")
        self._check_signer(part(text, "SigningSubject"), signer_reachable=signer_reachable)
        if signature != signature.rstrip():
            place = "/opt/bvbrc/deploy/lib/P3TokenValidator.pm line 60"
            raise RpcError("Signature longer than key", inside=False, place=place)
        try:
            octets = bytes.fromhex(signature)
            self.key.public_key().verify(octets, text.encode(), padding.PKCS1v15(), SHA1)
        except (ValueError, InvalidSignature) as error:
            raise invalid("Token signature did not verify") from error
        admin = "|scope=user|" in token and "|roles=admin|" in token
        return Identity(user_in(token), expiry, admin)

    def _check_signer(self, signer: str, *, signer_reachable: bool) -> None:
        if signer != self.signer and signer not in KNOWN_SIGNERS:
            raise invalid(f"Token signed by unknown signer {signer}")
        if signer != self.signer or not signer_reachable:
            raise invalid(f"Could not retrieve signer pubkey for {signer}")


def unsigned_text(user: str, expiry: int, roles: str, signer: str) -> str:
    """The text that is signed."""
    role = f"|roles={roles}" if roles else ""
    return (
        f"un={user}|tokenid={uuid.uuid4()}|expiry={expiry}|client_id={user}"
        f"|token_type=Bearer|scope=user{role}|SigningSubject={signer}"
    )


def user_in(token: str) -> str:
    """Whom a token claims to be of, unchecked."""
    found = re.search(r"\bun=([^|]+)", token)
    return found[1] if found else ""


def part(text: str, name: str) -> str:
    found = re.search(rf"(?:^|\|){name}=([^|]*)", text)
    return found[1] if found else ""


def invalid(reason: str) -> RpcError:
    return RpcError(f"Token validation failed: {reason}", inside=False)


def load_key(path: Path | None) -> rsa.RSAPrivateKey:
    """The private key (PEM, unencrypted) in a file, or a new one."""
    if path is None:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise Unusable(f"{path} holds no RSA key")
    return key
