"""Masks what must never be in a log: tokens, seals, keys and passwords, in any text."""

from __future__ import annotations

import re

# A BV-BRC token is `un=…|tokenid=…|…|sig=<hex>`; AppService's stack traces hold its head alone
# (protocol 1.4), URLs hold it quoted, and a log line may cut it anywhere.
_EQUALS, _BAR = r"(?:=|%3[Dd])", r"(?:\||%7[Cc])"
_PLAIN = r"[^|=\s\"'\\,;%]"
_USER = rf"{_PLAIN}{{1,200}}(?:%40{_PLAIN}{{1,200}})?"
_FIELD = rf"[\w.\-]{{1,40}}{_EQUALS}(?:{_PLAIN}|%(?!7[Cc]))*"
_RULES = (
    (re.compile(rf"\bun{_EQUALS}{_USER}(?:{_BAR}(?:{_FIELD})?)+"), "[token]"),
    (re.compile(rf"\b(sig|tokenid){_EQUALS}[0-9A-Fa-f\-]{{6,}}"), r"\1=[masked]"),
    (re.compile(r"\bgAAAA[\w\-]{20,}={0,2}"), "[sealed]"),
    (re.compile(r"(?<=://)([^\s:/@\"']*):[^\s/@\"']+@"), r"\1:[masked]@"),
    (
        re.compile(
            r"((?:[Aa]uthorization|auth_token|access_token|[Pp]assword|secret|token_keys)"
            r"[\"']?\s?[:=]\s?[\"']?)(?:(?:[Bb]earer|[Oo][Aa]uth|[Bb]asic)\s+)?[^\s\"',}\[]+"
        ),
        r"\1[masked]",
    ),
)
_SUSPICIOUS = re.compile(r"un=|un%3|sig|tokenid|gAAAA|@|uth|assword|secret|token_keys")
"""Nearly every line has none of these, and is spared the rules."""


def redact(text: str) -> str:
    """The same text without a secret in it; what is not secret is kept letter for letter."""
    if not _SUSPICIOUS.search(text):
        return text
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text
