"""Tokens for tests: signed for real, by a key that exists only here."""

from __future__ import annotations

import json
import re
from functools import cache
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from tests.shared import shared_path

SIGNER = "https://user.patricbrc.org/public_key"
SECRET = str(UUID(int=0x3F0C2F2E6A5D4D559A3F0D6F6F6C1A11))


@cache
def private_key(number: int) -> rsa.RSAPrivateKey:
    """One of the signers' keys; number 0 is the genuine one."""
    return rsa.generate_private_key(65537, 2048 if number == 0 else 1024)


def pem(key: rsa.RSAPublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def signer_answer(key: rsa.RSAPublicKey) -> str:
    return json.dumps({"pubkey": pem(key), "valid": 1})


def sign(signed: str, number: int = 0) -> str:
    """The text with a genuine signature."""
    signature = private_key(number).sign(signed.encode(), PKCS1v15(), SHA1())  # noqa: S303 - theirs
    return f"{signed}|sig={signature.hex()}"


def claims(user: str = "alice@bvbrc", expiry: int = 1893456000, signer: str = SIGNER) -> str:
    """The signed part of a token; 1893456000 is the start of 2030."""
    return (
        f"un={user}|tokenid={SECRET}|expiry={expiry}|client_id={user}|token_type=Bearer"
        f"|scope=user|SigningSubject={signer}"
    )


def example() -> tuple[str, rsa.RSAPublicKey]:
    """The token and key of the reference material, made with the services' own tools."""
    text = shared_path("bvbrc/protocol.md").read_text("utf-8")
    token = re.search(r"^un=alice@.*\|sig=[0-9a-f]+$", text, re.MULTILINE)
    key = re.search(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", text, re.DOTALL)
    assert token
    assert key
    public = load_pem_public_key(key[0].encode())
    assert isinstance(public, rsa.RSAPublicKey)
    return token[0], public
