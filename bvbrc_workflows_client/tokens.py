"""Finds the BV-BRC token and reads its claims; the API verifies it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

VARIABLES: Final = ("BVBRC_TOKEN", "P3_AUTH_TOKEN", "KB_AUTH_TOKEN")
FILE: Final = ".patric_token"


@dataclass(frozen=True, slots=True)
class Token:
    """A token and where it was found."""

    text: str = field(repr=False)
    source: str

    @property
    def user(self) -> str:
        """The user that the token names; empty if it names none."""
        return self._claim("un")

    @property
    def expires_at(self) -> datetime | None:
        """None if the token does not say."""
        seconds = self._claim("expiry")
        return datetime.fromtimestamp(int(seconds), UTC) if seconds.isdecimal() else None

    def _claim(self, name: str) -> str:
        parts = (part.partition("=") for part in self.text.split("|"))
        return next((value for key, _, value in parts if key == name), "")


def find(environment: Mapping[str, str], home: Path, named: Path | None = None) -> Token | None:
    """The token of the named file, otherwise of the first variable that is set, otherwise of the
    usual file.

    Raises ``OSError`` where the named file cannot be read.
    """
    if named is not None:
        return Token(_read(named), str(named))
    for variable in VARIABLES:
        if text := environment.get(variable, "").strip():
            return Token(text, f"${variable}")
    path = home / FILE
    if path.is_file() and (text := _read(path)):
        return Token(text, str(path))
    return None


def _read(path: Path) -> str:
    """Also what Windows writes: UTF-16, or UTF-8 with a byte-order mark."""
    content = path.read_bytes()
    coding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return content.decode(coding, errors="replace").strip()
