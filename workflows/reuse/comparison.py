"""Why no earlier job has the same key: the first part in which the most similar one differs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from workflows.model.values import Json
from workflows.reuse.key import EPOCH, SPECIFICATION, Parts

_LONGEST: Final = 200
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """One part that differs."""

    part: str
    """``params.contigs``, ``the app's specification`` or ``reuse.epoch``."""
    before: str
    """Of the earlier job, as short JSON; ``none`` where it has no such part."""
    now: str


def differences(now: Parts, before: Parts) -> list[str]:
    """The names of the parts that differ, in order."""
    names = [*now, *(name for name in before if name not in now)]
    return [name for name in names if now.get(name, _ABSENT) != before.get(name, _ABSENT)]


def nearest(now: Parts, others: Sequence[Parts]) -> int:
    """The position of the one that differs least; of equals the first."""
    return min(range(len(others)), key=lambda each: len(differences(now, others[each])))


def first_difference(now: Parts, before: Parts) -> Difference | None:
    """None where the two have the same key."""
    found = differences(now, before)
    if not found:
        return None
    part = found[0]
    return Difference(part, _show(before.get(part, _ABSENT)), _show(now.get(part, _ABSENT)))


def tell_difference(found: Difference, job: str) -> str:
    """As a sentence. ``job``: how people know the earlier one."""
    if found.part == SPECIFICATION:
        return f"BV-BRC has changed the app's specification since {job}."
    if found.part == EPOCH:
        return f"The operator says that the app has changed since {job} (reuse.epoch)."
    return f"{found.part} was {found.before} in {job} and is {found.now} now."


def _show(value: Json) -> str:
    if value is _ABSENT:
        return "none"
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
