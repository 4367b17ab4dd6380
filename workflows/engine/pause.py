"""Pauses the workflows under way at a restart, if executor.enable_auto_resume is false."""

from __future__ import annotations

from datetime import timedelta

from workflows.store.batches import user_commands
from workflows.store.processes import heartbeats
from workflows.store.workflows import paused

PATIENCE = 3
"""Intervals within which a beat that has not left counts as running."""


def hold(interval: timedelta) -> int:
    """Pause all workflows under way and return their number: jobs at BV-BRC are polled and decided
    jobs are sent, but no further step starts. None if a beat is running already: then the executor
    was not restarted.
    """
    present = heartbeats.list_heartbeats()
    if any(each.kind == "beat" and each.seen <= PATIENCE * interval for each in present):
        return 0
    user_commands.pause_all()
    return paused.hold()
