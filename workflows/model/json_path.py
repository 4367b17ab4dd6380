"""Paths inside a JSON document, such as ``steps[2].params.contigs``."""

from __future__ import annotations

import re

Path = tuple[str | int, ...]
"""From the root of a document: keys of objects and positions in lists."""

_PLAIN = re.compile(r"[^\W\d][\w-]*\Z")


def format_path(path: Path) -> str:
    """The path as text; a key that is no plain word is quoted: ``params['a b']``."""
    return "".join(_part(part) for part in path).removeprefix(".")


def _part(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if _PLAIN.match(part) else f"[{part[:80]!r}]"
