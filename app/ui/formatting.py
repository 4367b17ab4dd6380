"""Times and states as the pages say them; pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_DAY: Final = 86_400
_HOUR: Final = 3_600
_MINUTE: Final = 60


def span(duration: timedelta | None) -> str:
    """``3 s``, ``4 min 05 s``, ``2 h 07 min``, ``3 d 4 h``; empty for None."""
    if duration is None:
        return ""
    seconds = max(int(duration.total_seconds()), 0)
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min {seconds % _MINUTE:02} s"
    if seconds < _DAY:
        return f"{seconds // _HOUR} h {seconds % _HOUR // _MINUTE:02} min"
    return f"{seconds // _DAY} d {seconds % _DAY // _HOUR} h"


def tick(duration: timedelta) -> str:
    """As short as can be: ``15 s``, ``1:15``, ``2 min``, ``1:30 h``, ``4 h``, ``2 d``."""
    seconds = int(duration.total_seconds())
    if seconds < _MINUTE:
        return f"{seconds} s"
    for unit, smaller, name in ((_DAY, _HOUR, "d"), (_HOUR, _MINUTE, "h"), (_MINUTE, 1, "min")):
        if seconds >= unit:
            whole, rest = divmod(seconds, unit)
            mixed = f"{whole}:{rest // smaller:02}" + (f" {name}" if name != "min" else "")
            return mixed if rest else f"{whole} {name}"
    return ""


def moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def machine(at: datetime) -> str:
    """For the ``datetime`` of a ``time`` element."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def state(word: str) -> str:
    return word.replace("_", " ")


def reason(code: str) -> str:
    """Of ``explain``."""
    return state(code).replace("bvbrc", "BV-BRC")


def short(text: str, most: int) -> str:
    """At most so many characters; the middle goes first, since names differ at their ends."""
    if len(text) <= most:
        return text
    front = most // 2
    return f"{text[:front]}…{text[len(text) - (most - front - 1) :]}"


def format_count(number: int, one: str, many: str = "") -> str:
    """``1 step``, ``2 steps``."""
    return f"{number} {one}" if number == 1 else f"{number} {many or one + 's'}"
