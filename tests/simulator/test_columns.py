"""The simulator takes and refuses odd values as the genuine service was seen to."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from simulator.client import Refused, Simulator
from tests.simulator.test_faults import ALICE

HOME = f"/{ALICE}/home"


@pytest.fixture
def token(simulator: Simulator) -> str:
    return simulator.token(ALICE)


def start(
    simulator: Simulator, token: str, *, app: str = "Date", name: str = "o", **fields: Any
) -> Any:
    params = {"output_path": f"{HOME}/out", "output_file": name} | fields.pop("params", {})
    return simulator.rpc(token, "AppService.start_app2", app, params, fields)[0]


@pytest.mark.parametrize(
    ("value", "text"),
    [(5, "5"), (0, "0"), ({"a": 1}, "HASH(0x55a9328f9610)"), ([1], "ARRAY(0x55a9328f9610)")],
)
def test_metadata_that_is_no_text_is_made_one(
    simulator: Simulator, token: str, value: object, text: str
) -> None:
    assert start(simulator, token, user_metadata=value)["user_metadata"] == text
    assert simulator.jobs()[0]["user_metadata"] == text


@pytest.mark.parametrize(
    "fields",
    [
        {"base_url": "https://x/" + "y" * 246},
        {"user_metadata": "y" * 65_536},
        {"user_metadata": "株"},
        {"params": {"note": "株"}},
        {"parent_id": "21000001xyz"},
        {"parent_id": [1]},
    ],
)
def test_what_a_column_does_not_take_is_refused_without_a_reason(
    simulator: Simulator, token: str, fields: dict[str, Any]
) -> None:
    start(simulator, token)

    with pytest.raises(Refused, match=r"^Error submitting job: \n"):
        start(simulator, token, **fields)

    assert len(simulator.jobs()) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"base_url": "https://x/" + "y" * 245},
        {"user_metadata": "y" * 65_535},
        {"params": {"note": "Köln – 5 €"}},
    ],
)
def test_what_just_fits_is_taken(simulator: Simulator, token: str, fields: dict[str, Any]) -> None:
    assert start(simulator, token, **fields)["state_code"] == "Q"


@pytest.mark.parametrize("kind", [int, str])
def test_a_parent_is_a_number_in_a_task_and_as_sent_in_the_row(
    simulator: Simulator, token: str, kind: type
) -> None:
    parent = kind(start(simulator, token)["id"])

    row = start(simulator, token, parent_id=parent)
    task = simulator.rpc(token, "AppService.query_tasks", [row["id"]])[0][str(row["id"])]

    assert (row["parent_task"], task["parent_id"]) == (parent, int(parent))


@pytest.mark.parametrize("params", [None, "text", 5])
def test_params_that_are_neither_list_nor_object_are_unreadable(
    simulator: Simulator, token: str, params: object
) -> None:
    answer = requests.post(
        simulator.app_service_url,
        json={"version": "1.1", "id": "1", "method": "AppService.version", "params": params},
        headers={"Authorization": token},
        timeout=60,
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == (500, -32700)


def test_the_listing_by_key_takes_a_negative_offset_for_none(
    simulator: Simulator, token: str
) -> None:
    start(simulator, token)

    rows, total = simulator.rpc(token, "AppService.enumerate_tasks_qstat", -5, 10, {})

    assert (len(rows), total) == (1, 1)


def test_digits_beyond_ascii_reach_the_database_and_are_no_number_there(
    simulator: Simulator, token: str
) -> None:
    with pytest.raises(Refused, match="Unknown column '１２' in 'where clause'"):
        simulator.rpc(token, "AppService.query_tasks", ["１２"])

    killed = simulator.rpc(token, "AppService.kill_task", "１２")
    assert killed == [0, "Task not found"]


def test_a_job_whose_token_ended_is_found_out_at_the_schedulers_check(
    simulator: Simulator,
) -> None:
    simulator.switch(check_seconds=120.0)
    simulator.app(queue_seconds=0, run_seconds=60, lag_seconds=2)
    start(simulator, simulator.token(ALICE, seconds=30))

    simulator.advance(100)
    [running] = simulator.jobs()
    simulator.advance(90)
    [ended] = simulator.jobs()

    assert (running["state"], ended["state"]) == ("S", "F")
    assert ended["ended"] is not None


def test_two_jobs_of_an_app_with_a_folder_of_results_may_share_a_place(
    simulator: Simulator, token: str
) -> None:
    simulator.app(queue_seconds=0, run_seconds=0, lag_seconds=0)
    params = {"genome_ids": ["1.1", "2.2"]}
    for _ in range(2):
        start(simulator, token, app="CodonTree", name="tree", params=params)

    assert [job["state"] for job in simulator.jobs()] == ["C", "C"]
    assert simulator.rpc(token, "AppService.version") == ["0.1.0"]
