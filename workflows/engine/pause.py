"""What a restart does to workflows that are under way where they shall not resume by themselves."""

from __future__ import annotations

from datetime import timedelta

from workflows.store import heartbeats
from workflows.store.workflows import paused

PATIENCE = 3
"""Intervals within which a beat that has not left counts as running."""


def hold(interval: timedelta) -> int:
    """Set aside all that is under way, and answer how many workflows that were: jobs at BV-BRC are
    followed and what was decided is handed over, but nothing further begins. None where a beat is
    there already: then the executor goes on and was not restarted.
    """
    present = heartbeats.list_heartbeats()
    if any(each.kind == "beat" and each.seen <= PATIENCE * interval for each in present):
        return 0
    return paused.hold()
