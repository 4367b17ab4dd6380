"""Cleans a text of a BV-BRC service for display: no stack trace, and no token."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from workflows.model.redaction import redact

SCANNED: Final = 64 * 1024
LONGEST: Final = 2000
"""Characters of a message that are kept."""

# Carp::Always ends each message like this (AppServiceImpl.pm:36); then, a line each, the calls.
_TRACE: Final = re.compile(r"\n? at (?:\S+|\(eval \d+\)) line \d+\b|\n\t[\w:]+::\w+\(")


def message(text: str) -> str:
    """A service's message without stack trace and tokens, cut to a length that can be stored."""
    text = text[:SCANNED].encode("utf-8", "replace").decode()
    if trace := _TRACE.search(text):
        text = text[: trace.start()]
    return redact(text).strip()[:LONGEST]


def plain(value: object) -> str:
    """A text that can be stored; empty for anything that is no text."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else ""


def moment(value: object) -> datetime | None:
    """``2026-11-23 05:28:19`` and ``2026-11-23T05:28:19Z`` are the same instant."""
    try:
        found = datetime.fromisoformat(plain(value))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
