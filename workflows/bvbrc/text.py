"""What may be shown of a text that came from a BV-BRC service: no stack trace, and no token."""

from __future__ import annotations

import re
from typing import Final

MASK: Final = "[token]"
SCANNED: Final = 64 * 1024
LONGEST: Final = 2000
"""Characters of a message that are kept."""

# Carp::Always ends each message like this (AppServiceImpl.pm:36); then, a line each, the calls.
_TRACE: Final = re.compile(r"\n? at (?:\S+|\(eval \d+\)) line \d+\b|\n\t[\w:]+::\w+\(")
_RUN: Final = re.compile(r"[^\s\"'<>]+")
# A trace quotes arguments up to their 64th character: the head of a token without its signature.
_TOKEN: Final = re.compile(
    r"""(?<![a-z0-9])un(?:=|%3d)
      | (?:tokenid|client_id|token_type|SigningSubject)(?:=|%3d)
      | (?:\||%7c)(?:expiry|scope|roles|realm|sig)(?:=|%3d)
      | (?<![a-z0-9])sig(?:=|%3d)[0-9a-f]{8}
      | [0-9a-f]{64}""",
    re.IGNORECASE | re.VERBOSE,
)
_SCHEME: Final = re.compile(r"\b(bearer|oauth|basic)\s+[^\s\"'<>]{20,}", re.IGNORECASE)


def redacted(text: str) -> str:
    """The text with every run of characters that looks like a token, or a piece of one, masked.

    Blanks, quotes and angle brackets end a run. The time is linear in the text.
    """
    text = _SCHEME.sub(lambda found: f"{found[1]} {MASK}", text)
    return _RUN.sub(lambda run: MASK if _TOKEN.search(run[0]) else run[0], text)


def message(text: str) -> str:
    """What a service says to its user: cut before the stack trace, without tokens, of a length
    that can be stored.
    """
    text = text[:SCANNED].encode("utf-8", "replace").decode()
    if trace := _TRACE.search(text):
        text = text[: trace.start()]
    return redacted(text).strip()[:LONGEST]
