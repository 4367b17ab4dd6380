"""The engine as admins read it in a terminal."""

from __future__ import annotations

from cli.show.engine import overview
from cli.show.views import moment
from tests.cli.show.test_views import drawn

STAMP = "2026-01-19T10:00:00.000Z"
WORKFLOW = "wf_5f1d2c3b4a59687786a5b4c3d2e1f001"
FOUND = {
    "at": STAMP,
    "version": "1.0.0",
    "progress": {"jobs": {"active": 2}, "submission_limit": {"latency_seconds": 0.72603227}},
    "queues": [{"name": "advances", "waiting": 0, "oldest_seconds": None}],
    "services": None,
    "processes": [{"name": "worker@here:1", "seen_seconds": 93.919, "breaker_open": False,
                   "broken_tasks": [{"task": "sweep", "error": "Boom", "count": 2}]}],
    "users": [{"owner": "alice@bvbrc", "bytes": 3_857_256}],
    "stuck": [{"workflow_id": WORKFLOW, "since": STAMP, "why": "no worker has done it"}],
    "incomplete": ["services"],
}  # fmt: skip


def test_what_is_stuck_comes_first_and_numbers_have_units() -> None:
    shown = drawn(overview(FOUND))

    assert shown.index("stuck") < shown.index(WORKFLOW) < shown.index("progress")
    assert "no worker has done it" in shown
    for each in ("jobs active 2", "latency 0.7 s", "93.9 s", "3.9 MB", "task sweep, error Boom",
                 "incomplete: services", "services: –", f"at: {moment(STAMP)}"):  # fmt: skip
        assert each in shown
    assert "0.7260" not in shown
