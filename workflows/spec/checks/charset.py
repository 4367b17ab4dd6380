"""Checks that AppService can keep a text: its columns hold fewer characters than JSON does.

A submission with any other is refused without a reason (capture 048).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from workflows.model.json_path import Path, format_path
from workflows.model.values import Json
from workflows.spec.checks.diagnostics import Diagnostics

BASE_URL_CHARACTERS: Final = 255
"""Of AppService's column for ``base_url``."""
KNOWN: Final = frozenset(
    bytes([octet]).decode("cp1252", "ignore") or chr(octet) for octet in range(256)
)
"""What MySQL calls latin1: Windows-1252, with control codes where that has nothing. It is the only
charset under which AppService's schema can be created (capture 048)."""
_HINT: Final = "write it with Latin letters"


def check_texts(value: Json, path: Path, diagnostics: Diagnostics) -> None:
    """Finds every text and key that AppService would refuse without a reason."""
    for at, text in _foreign(value, path):
        if format_path(at) in diagnostics.faulty:
            continue
        missing = "".join(dict.fromkeys(each for each in text if each not in KNOWN))[:10]
        diagnostics.problem(
            at, "bad_text", f"AppService cannot keep the characters {missing}", _HINT
        )


def is_known(text: str) -> bool:
    """Whether AppService can keep a text."""
    return text.isascii() or KNOWN.issuperset(text)


def _foreign(value: Json, path: Path) -> Iterator[tuple[Path, str]]:
    """Texts and keys with a character that the columns do not know, and their places."""
    if isinstance(value, str):
        if not is_known(value):
            yield path, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            if not is_known(key):
                yield (*path, key), key
            yield from _foreign(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _foreign(inner, (*path, number))
