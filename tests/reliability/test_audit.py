"""The chaos driver's judge: what it forgives, and what it does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from benchmarks.chaos.audit import Facts, Verdict, audit
from benchmarks.chaos.report import aftermath
from benchmarks.chaos.workload import Promise


def judged(
    failed_step: int = 0,
    last: str = "failed",
    heard: Mapping[str, Sequence[int]] | None = None,
    spoilt: Sequence[str] = (),
    **job: Any,
) -> Verdict:
    """The verdict on a workflow that failed although it should have succeeded, for a step that is
    not always the one whose job is described."""
    promise = Promise("wf_1", "ann@bvbrc", "storm", 2, "succeeded", accepted_at=0, ended="failed")
    key = "wf_1/0/1"
    row = {"id": "1", "user_metadata": key, "output_path": "/o", "output_file": "f", "created": 0}
    ended = {"state": "F", "killed_at": None, "started": 1, "ended": 5, "finished": 5, **job}
    moves = [("step", 0, "queued"), ("step", failed_step, "failed"), ("workflow", None, last)]
    return audit(
        Facts(
            promises=[promise],
            bvbrc_jobs=[{**row, "token_expiry": 10, "gone": False, **ended}],
            starts=[],
            stored_jobs={
                key: {
                    "job_id": "1",
                    "workflow": "wf_1",
                    "intended_at": datetime.fromtimestamp(1, UTC),
                    "finished_at": datetime.fromtimestamp(6, UTC),
                }
            },
            events={
                "wf_1": [
                    {
                        "sequence": number,
                        "at": datetime.fromtimestamp(number, UTC),
                        "subject": subject,
                        "step": step,
                        "after": after,
                    }
                    for number, (subject, step, after) in enumerate(moves, 1)
                ]
            },
            peaks={},
            cap=2,
            heard=heard,
            spoilt_messages=spoilt,
        )
    )


def test_a_workflow_that_failed_for_no_reason_is_lost() -> None:
    found = judged()

    assert (found.lost_workflows, found.failed_by_token) == (1, 0)
    assert not found.kept


def test_a_job_that_outlived_its_token_is_nobodys_fault() -> None:
    found = judged(token_expiry=4)

    assert (found.lost_workflows, found.failed_by_token) == (0, 1)
    assert found.kept


def test_a_job_that_was_deleted_is_nobodys_fault() -> None:
    found = judged(gone=True)

    assert (found.lost_workflows, found.failed_by_token) == (0, 0)
    assert found.kept


@pytest.mark.parametrize("spoilt", [{"token_expiry": 4}, {"gone": True}])
def test_what_befell_one_step_excuses_no_other(spoilt: dict[str, Any]) -> None:
    found = judged(failed_step=1, **spoilt)

    assert (found.lost_workflows, found.failed_by_token) == (1, 0)


def test_a_history_that_does_not_end_as_the_workflow_did_is_broken() -> None:
    assert judged().broken_histories == 0
    assert judged(last="running").broken_histories == 1


def test_the_longest_stall_is_told_with_its_place() -> None:
    found = judged()

    assert found.longest_stall_seconds == 3
    assert found.longest_stall == "wf_1: from event 3 at 3 to finished_at of wf_1/0/1"


def test_an_event_that_no_webhook_heard_of_and_a_message_with_two_contents_count() -> None:
    found = judged(gone=True, heard={"wf_1": [1, 3]}, spoilt=["msg_1 came with two contents"])

    assert (found.lost_messages, found.spoilt_messages) == (1, 1)
    assert not found.kept
    assert judged(gone=True, heard={"wf_1": [1, 2, 3]}).kept


def test_what_comes_after_the_faults_is_measured() -> None:
    """Of two workflows the second one has a record 7 s after the last fault and 17 s before it."""
    events = {
        workflow: [
            {
                "sequence": number,
                "at": datetime.fromtimestamp(at, UTC),
                "subject": "step",
                "step": 0,
                "after": "queued",
            }
            for number, at in enumerate(times, 1)
        ]
        for workflow, times in (("wf_1", (10, 22)), ("wf_2", (3, 27)), ("wf_3", (30,)))
    }
    facts = Facts(
        promises=[], bvbrc_jobs=[], starts=[], stored_jobs={}, events=events, peaks={}, cap=2
    )

    found = aftermath([("away", 1.0, 9.0), ("killed", 19.0, 20.0)], facts)

    assert found == {
        "longest": {"kind": "away", "lasted": 8.0, "something": 1.0},
        "last": {"something": 2.0, "everything": 7.0, "slowest": "wf_2", "under_way": 2},
    }
