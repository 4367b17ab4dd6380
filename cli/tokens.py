"""Where the BV-BRC token comes from, and what it says of itself; the API judges it."""

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
        """Whose it claims to be; empty where it does not say."""
        return self._claim("un")

    @property
    def expires_at(self) -> datetime | None:
        """None where it does not say."""
        seconds = self._claim("expiry")
        return datetime.fromtimestamp(int(seconds), UTC) if seconds.isdecimal() else None

    def _claim(self, name: str) -> str:
        parts = (part.partition("=") for part in self.text.split("|"))
        return next((value for key, _, value in parts if key == name), "")


def find(environment: Mapping[str, str], home: Path, named: Path | None = None) -> Token | None:
    """The named file's; else the first variable's that is set; else that of the usual file.

    Raises ``OSError`` where the named file cannot be read.
    """
    if named is not None:
        return Token(named.read_text().strip(), str(named))
    for variable in VARIABLES:
        if text := environment.get(variable, "").strip():
            return Token(text, f"${variable}")
    path = home / FILE
    if path.is_file() and (text := path.read_text().strip()):
        return Token(text, str(path))
    return None
