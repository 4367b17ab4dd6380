"""The simulated AppService: submissions, how jobs move, kills."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.client import Refused, Simulator

ALICE, BOB = "alice@patricbrc.org", "bob@bvbrc"
PARAMS = {
    "contigs": "/alice@patricbrc.org/home/c.fasta",
    "scientific_name": "Escherichia coli",
    "output_path": "/alice@patricbrc.org/home/out",
    "output_file": "ann",
}


@pytest.fixture
def token(simulator: Simulator) -> str:
    return simulator.token(ALICE)


def submit(simulator: Simulator, token: str, key: str = "wf/0/1", **params: Any) -> str:
    start = {"user_metadata": key}
    app, asked = "GenomeAnnotation", {**PARAMS, **params}
    return str(simulator.rpc(token, "AppService.start_app2", app, asked, start)[0]["id"])


def task(simulator: Simulator, token: str, job: str) -> dict[str, Any]:
    return simulator.rpc(token, "AppService.query_tasks", [job])[0][job]


def test_a_job_moves_from_queued_to_completed(simulator: Simulator, token: str) -> None:
    hour = 3600
    simulator.app(queue_seconds=hour, pending_seconds=hour, run_seconds=hour, lag_seconds=hour)
    job = submit(simulator, token)
    seen = []

    for _ in range(5):
        shown = task(simulator, token, job)
        seen.append((shown["status"], bool(shown["start_time"]), bool(shown["completed_time"])))
        simulator.advance(hour)

    assert seen == [
        ("queued", False, False),
        ("in-progress", False, False),
        ("in-progress", True, False),
        ("in-progress", True, False),  # ended, and nobody has noticed yet
        ("completed", True, True),
    ]


def test_a_queued_job_is_killed_at_once(simulator: Simulator, token: str) -> None:
    simulator.app(queue_seconds=None)
    job = submit(simulator, token)

    answer = simulator.rpc(token, "AppService.kill_task", job)

    assert answer == [1, "Terminated"]
    shown = task(simulator, token, job)
    assert (shown["status"], shown["completed_time"]) == ("failed", "")


def test_a_killed_running_job_stays_in_progress_for_a_while(
    simulator: Simulator, token: str
) -> None:
    simulator.app(queue_seconds=0, run_seconds=None)
    simulator.switch(kill_lag_seconds=60.0)
    job = submit(simulator, token)

    answer = simulator.rpc(token, "AppService.kill_task", job)

    assert answer == [1, "Canceled 900001"]
    assert task(simulator, token, job)["status"] == "in-progress"
    simulator.advance(61)
    assert task(simulator, token, job)["status"] == "failed"
    assert simulator.rpc(token, "AppService.kill_task", job) == [0, "Task in non-running state F"]


def test_a_kill_with_a_sloppy_id_hits_and_denies_it(simulator: Simulator, token: str) -> None:
    simulator.app(queue_seconds=None)
    job = submit(simulator, token)

    answer = simulator.rpc(token, "AppService.kill_task", f"{job}xyz")

    assert answer == [0, "Task not found"]
    assert task(simulator, token, job)["status"] == "failed"


def test_nobody_kills_jobs_of_others(simulator: Simulator, token: str) -> None:
    job = submit(simulator, token)

    answer = simulator.rpc(simulator.token(BOB), "AppService.kill_tasks", [job, "99"])

    assert answer[0] == {
        job: {"killed": 0, "msg": "Permission denied"},
        "99": {"killed": 0, "msg": "Task not found"},
    }


def test_at_most_so_many_jobs_of_a_user_are_at_the_cluster(
    simulator: Simulator, token: str
) -> None:
    simulator.app(queue_seconds=0, run_seconds=3600, lag_seconds=0)
    simulator.switch(max_submitted=2)
    jobs = [submit(simulator, token, output_file=f"a{n}") for n in range(3)]
    simulator.advance(1)

    words = [task(simulator, token, job)["status"] for job in jobs]

    assert words == ["in-progress", "in-progress", "queued"]
    simulator.advance(3600)
    assert task(simulator, token, jobs[2])["status"] == "in-progress"


def test_a_job_outlives_its_token_only_to_fail(simulator: Simulator, token: str) -> None:
    simulator.app(queue_seconds=0, run_seconds=100, lag_seconds=0)
    short = simulator.token(ALICE, seconds=50)
    job = submit(simulator, short)

    simulator.advance(103)

    assert task(simulator, token, job)["status"] == "failed"


def test_rules_apply_by_name_and_only_so_often(simulator: Simulator, token: str) -> None:
    simulator.app(queue_seconds=0, run_seconds=0, lag_seconds=0)
    simulator.app(output_file="bad*", count=1, outcome="failed", cluster_status="OUT_OF_MEMORY")
    jobs = [submit(simulator, token, output_file=name) for name in ("good", "bad1", "bad2")]
    simulator.advance(1)

    words = [task(simulator, token, job)["status"] for job in jobs]

    assert words == ["completed", "failed", "completed"]
    rows = simulator.rpc(token, "AppService.enumerate_tasks_qstat", 0, 9, {"status": "F"})[0]
    assert [row["cluster_job_status"] for row in rows] == ["OUT_OF_MEMORY"]


def test_jobs_can_be_lost_hidden_and_ended_by_order(simulator: Simulator, token: str) -> None:
    simulator.app(queue_seconds=None)
    ended, failed, hidden, gone = (submit(simulator, token) for _ in range(4))

    simulator.act("finish", ended)
    simulator.act("fail", failed)
    simulator.act("hide", hidden, seconds=60)
    simulator.act("vanish", gone)

    found = simulator.rpc(token, "AppService.query_tasks", [ended, failed, hidden, gone])[0]
    words = {job: shown["status"] for job, shown in found.items()}
    assert words == {ended: "completed", failed: "failed"}
    simulator.advance(61)
    assert task(simulator, token, hidden)["status"] == "queued"


def test_a_submission_is_found_again_by_its_metadata(simulator: Simulator, token: str) -> None:
    job = submit(simulator, token, key="wf1/0/1")
    submit(simulator, token, key="wf1/1/1")

    wanted = {"user_metadata": "wf1/0/1", "include_parameters": 1}
    rows, total = simulator.rpc(token, "AppService.enumerate_tasks_qstat", 0, 9, wanted)

    assert total == 1
    assert (rows[0]["id"], rows[0]["parameters"]["output_file"]) == (job, "ann")


def test_summaries_are_cached_and_a_kill_does_not_clear_them(
    simulator: Simulator, token: str
) -> None:
    simulator.app(queue_seconds=None)
    job = submit(simulator, token)
    simulator.rpc(token, "AppService.query_task_summary")

    simulator.rpc(token, "AppService.kill_task", job)

    assert simulator.rpc(token, "AppService.query_task_summary") == [{"queued": 1}]
    simulator.advance(301)
    assert simulator.rpc(token, "AppService.query_task_summary") == [{"failed": 1}]


@pytest.mark.parametrize(
    ("params", "head"),
    [
        ({"contigs": None}, ""),
        ({"domain": "Fungi"}, "Error submitting job: Invalid enum value 'Fungi' passed for domain"),
        ({"scientific_name": "x" * 70_000}, "Error submitting job: \n"),
        ({"scientific_name": "株"}, "Error submitting job: \n"),
    ],
)
def test_parameters_are_checked_as_shallowly_as_at_the_service(
    simulator: Simulator, token: str, params: dict[str, Any], head: str
) -> None:
    if head:
        with pytest.raises(Refused) as caught:
            submit(simulator, token, **params)
        assert str(caught.value).startswith(head)
    else:
        assert submit(simulator, token, **params)


def test_the_summary_shows_duplicates_and_peaks(simulator: Simulator, token: str) -> None:
    simulator.app(queue_seconds=None)
    first, second = submit(simulator, token), submit(simulator, token)

    summary = simulator.summary()

    assert summary["duplicates_by_user_metadata"] == {"wf/0/1": [first, second]}
    assert summary["duplicates_by_output"] == {f"{PARAMS['output_path']}/ann": [first, second]}
    assert summary["peak_in_flight_by_workflow"] == {"wf": 2}
    assert summary["calls"]["AppService.start_app2"] == {"ok": 2}
