"""Masks secrets: tokens and pieces of them, sealed tokens, keys and passwords.

For texts of any origin: our log lines, what BV-BRC's services answer, what jobs print.
"""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "[token]"

_RUN: Final = re.compile(r"[^\s\"'<>]+")
# A BV-BRC token is `un=…|tokenid=…|…|sig=<hex>`. AppService's stack traces hold its head alone
# (protocol 1.4: arguments up to their 64th character), URLs hold it quoted, a line may be cut.
_TOKEN: Final = re.compile(
    r"""(?<![a-z0-9])un(?:=|%3d)
      | (?:tokenid|client_id|token_type|SigningSubject)(?:=|%3d)
      | (?:\||%7c)(?:expiry|scope|roles|realm|sig)(?:=|%3d)
      | (?<![a-z0-9])sig(?:=|%3d)[0-9a-f]{8}
      | [0-9a-f]{64}""",
    re.IGNORECASE | re.VERBOSE,
)
_SCHEME: Final = re.compile(r"\b(bearer|oauth|basic)\s+[^\s\"'<>]{20,}", re.IGNORECASE)
_OTHERS: Final = (
    (re.compile(r"\bgAAAA[\w\-]{20,}={0,2}"), "[sealed]"),
    (re.compile(r"\bwhsec_[\w+/\-]{16,}={0,2}"), "[secret]"),
    (re.compile(r"(?<=://)([^\s:/@\"']*):[^\s/@\"']+@"), r"\1:[masked]@"),
    (
        re.compile(
            r"((?:[Aa]uthorization|auth_token|access_token|[Pp]assword|secret|token_keys)"
            r"[\"']?\s?[:=]\s?[\"']?)(?!(?:(?:[Bb]earer|[Oo][Aa]uth|[Bb]asic)\s+)?\[)"
            r"(?:(?:[Bb]earer|[Oo][Aa]uth|[Bb]asic)\s+)?[^\s\"',}\[]+"
        ),
        r"\1[masked]",
    ),
)
_MARKS: Final = (
    *("un=", "un%3", "sig", "token", "client_id", "gaaaa", "://", "auth", "bearer", "basic"),
    *("password", "secret", "whsec_", "|", "%7c"),
)
_DIGEST: Final = re.compile(r"[0-9a-fA-F]{64}")
"""Nearly every line contains none of these and skips the rules."""


def redact(text: str) -> str:
    """The same text without a secret in it; what is not secret is kept letter for letter.

    Of a run of characters that looks like a token, or a piece of one, nothing is kept: blanks,
    quotes and angle brackets end it. The time is linear in the text.
    """
    lower = text.lower()
    if not (any(mark in lower for mark in _MARKS) or _DIGEST.search(text)):
        return text
    text = _SCHEME.sub(lambda found: f"{found[1]} {MASK}", text)
    text = _RUN.sub(lambda run: MASK if _TOKEN.search(run[0]) else run[0], text)
    for pattern, replacement in _OTHERS:
        text = pattern.sub(replacement, text)
    return text
