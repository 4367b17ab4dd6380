"""The cache in front of AppService's listings and summaries: stale by design."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = Any


class Cache:
    """Cached answers by owner; a change of state invalidates them, a kill does not."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._kept: dict[str, dict[str, tuple[float, list[Json]]]] = {}

    def forget(self, owner: str) -> None:
        self._kept.pop(owner, None)

    def or_ask(
        self, owner: str, question: str, seconds: float, ask: Callable[[], list[Json]]
    ) -> list[Json]:
        """The answer of at most ``seconds`` ago, or a new one."""
        kept = self._kept.setdefault(owner, {})
        now = self._now()
        if question not in kept or kept[question][0] + seconds <= now:
            kept[question] = (now, ask())
        return kept[question][1]
