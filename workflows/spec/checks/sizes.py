"""Limits the size of a step's parameters: AppService keeps them, indented, in a column of 64
KiB."""

from __future__ import annotations

import json
from typing import Final

from workflows.model.values import Json
from workflows.spec.resolver import UNKNOWN_UNTIL_RUN

COLUMN_BYTES: Final = 65_000
"""The column takes 65,535 bytes, and the service adds its own ``_preflight``."""
SMALL_BYTES: Final = 5_000
"""Parameters below this size stay small enough in every attempt: a name grows by twelve
characters."""
LATER_BYTES: Final = 1_000
"""Bytes that are reserved for a value known only at run time."""


def too_large(params: dict[str, Json], most_bytes: int) -> str:
    """Why the resolved parameters of a step cannot be kept; empty if they can."""
    compact = _bytes(as_text(params))
    if compact > most_bytes:
        return f"they are {compact} bytes long; at most {most_bytes} can be kept"
    indented = _bytes(_indented(params))
    if indented > COLUMN_BYTES:
        return f"AppService would keep them as {indented} bytes; it has {COLUMN_BYTES} for them"
    return ""


def _later(value: object) -> str:
    if value is UNKNOWN_UNTIL_RUN:
        return "x" * LATER_BYTES
    raise TypeError(f"not JSON: {type(value).__name__}")


as_text = json.JSONEncoder(ensure_ascii=False, default=_later).encode
"""Parameters as JSON."""
_indented = json.JSONEncoder(ensure_ascii=False, default=_later, indent=3).encode


def is_small(text: str) -> bool:
    """Whether parameters with this JSON are so small that no exact check is needed."""
    return _bytes(text) <= SMALL_BYTES


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
