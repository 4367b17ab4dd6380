"""Times as people give them: ISO 8601, or how long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import click

_AGO: Final = re.compile(r"(\d{1,6})\s*(m|h|d|w)")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Moment(click.ParamType[str]):
    """``2026-01-19``, ``2026-01-19T10:00Z``, or ``30m``, ``12h``, ``2d``, ``1w`` ago; as the API
    takes it."""

    name = "time"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value).strip()
        if ago := _AGO.fullmatch(text):
            at = datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            return at.isoformat(timespec="seconds")
        try:
            datetime.fromisoformat(text)
        except ValueError:
            self.fail(
                f"{text!r} is no time: write 2026-01-19T10:00:00Z, or 2d for two days ago",
                param,
                ctx,
            )
        return text
