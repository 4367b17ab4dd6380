"""What BV-BRC keeps of a job that ended, as the genuine service recorded it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from simulator.client import Simulator
from workflows.bvbrc.job_records import Account, JobRecords, clean
from workflows.bvbrc.rpc import Rpc
from workflows.bvbrc.wire import Wire
from workflows.bvbrc.workspace import Workspace

ALICE = "alice@patricbrc.org"
PARAMS = {"output_path": f"/{ALICE}/home/out", "output_file": "d"}


def records(simulator: Simulator) -> JobRecords:
    long = timedelta(seconds=60)
    workspace = Workspace(Rpc(Wire()), simulator.workspace_url, timeout=long)
    return JobRecords(Rpc(Wire()), simulator.app_service_url, workspace, timeout=long)


@pytest.fixture
def job(simulator: Simulator) -> str:
    """A job that failed."""
    quick = {"queue_seconds": 0, "run_seconds": 0, "lag_seconds": 0}
    simulator.app(outcome="failed", exit_code=5376, stderr="one\ntwo\nthree\n", **quick)
    params = {"base_url": "https://www.bv-brc.org", "user_metadata": "wf/0/1"}
    (row,) = simulator.rpc(simulator.token(ALICE), "AppService.start_app2", "Date", PARAMS, params)
    return str(row["id"])


def test_each_record_is_read(simulator: Simulator, job: str) -> None:
    token, found = simulator.token(ALICE), records(simulator)
    account = found.account(token, "wf/0/1", job)

    assert found.exit_code(token, job) == 21
    assert (account.word, account.cluster_status) == ("Failed", "FAILED")
    assert account.memory
    assert account.runtime > timedelta(0)
    assert found.end_of(token, job, "stderr", limit_bytes=1000) == "one\ntwo\nthree\n"
    assert found.note(token, PARAMS, limit_bytes=1000) == "one\ntwo\nthree\n"


def test_of_a_long_text_the_last_whole_lines_are_kept(simulator: Simulator, job: str) -> None:
    token, found = simulator.token(ALICE), records(simulator)

    assert found.end_of(token, job, "stderr", limit_bytes=8) == "three\n"
    assert found.note(token, PARAMS, limit_bytes=8) == "three\n"


def test_what_is_not_there_is_empty(simulator: Simulator, job: str) -> None:
    token, found = simulator.token(ALICE), records(simulator)

    assert found.account(token, "another", job) == Account()
    assert found.exit_code(token, "999") is None
    assert found.end_of(token, "999", "stdout", limit_bytes=10) == ""
    assert found.note(token, PARAMS | {"output_file": "other"}, limit_bytes=10) == ""
    assert found.note(token, {}, limit_bytes=10) == ""


def test_a_secret_that_a_cut_begins_in_is_left_out() -> None:
    signature = "0a" * 40

    assert clean(f"{signature}\nnext\n".encode()[-30:], cut=True) == "next\n"
    assert clean(f"{signature} next".encode()[-20:], cut=True) == "next"
    assert "0a0a" not in clean(f"un=a|sig={signature}\n".encode(), cut=False)
