"""Every fault the simulator knows, as a client meets it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from devstack.processes import wait_until
from simulator.client import Refused, Simulator

ALICE = "alice@patricbrc.org"
PLACE = {"output_path": "/alice@patricbrc.org/home/out", "output_file": "now"}


@pytest.fixture
def token(simulator: Simulator) -> str:
    return simulator.token(ALICE)


def post(simulator: Simulator, token: str, timeout: float = 30) -> requests.Response:
    """Submits a job over a connection of its own."""
    params = ["Date", PLACE, {"user_metadata": "wf/0/1"}]
    body = {"version": "1.1", "id": "1", "method": "AppService.start_app2", "params": params}
    with requests.Session() as session:
        session.trust_env = False
        headers = {"Authorization": token}
        return session.post(simulator.app_service_url, json=body, headers=headers, timeout=timeout)


def wait_for_jobs(simulator: Simulator, count: int) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 60
    while len(jobs := simulator.jobs()) != count:
        assert time.monotonic() < deadline, f"{len(jobs)} jobs, not {count}"
        threading.Event().wait(0.02)
    return jobs


@pytest.mark.parametrize("kind", ["lost", "reset"])
@pytest.mark.parametrize("done", [True, False])
def test_an_answer_is_lost_with_or_without_the_job(
    simulator: Simulator, token: str, kind: str, done: bool
) -> None:
    simulator.fault(kind, "start_app2", done=done, count=1)

    with pytest.raises(requests.ConnectionError):
        post(simulator, token)

    assert len(simulator.jobs()) == int(done)
    assert post(simulator, token).status_code == 200
    assert [call["answer"] for call in simulator.calls("start_app2")] == [kind, "ok"]


@pytest.mark.parametrize("done", [True, False])
@pytest.mark.parametrize("status", [429, 502, 503, 504, 524])
def test_a_proxy_answers_instead(simulator: Simulator, token: str, done: bool, status: int) -> None:
    simulator.fault("status", "start_app2", status=status, done=done)

    answer = post(simulator, token)

    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "text/html"
    assert len(simulator.jobs()) == int(done)


def test_a_hanging_call_says_nothing_until_it_closes(simulator: Simulator, token: str) -> None:
    simulator.fault("hang", "start_app2", seconds=600, done=True)

    with pytest.raises(requests.ReadTimeout):
        post(simulator, token, timeout=0.2)

    wait_for_jobs(simulator, 1)
    assert simulator.calls("start_app2")[0]["ended"] is None


def test_a_hanging_call_ends_when_its_fault_is_removed(simulator: Simulator, token: str) -> None:
    fault = simulator.fault("hang", "start_app2", seconds=600)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(post, simulator, token, timeout=300)
        wait_until(lambda: bool(simulator.calls("start_app2")), "it is under way")

        simulator.remove_fault(fault)

        with pytest.raises(requests.ConnectionError):
            call.result()


def test_a_slow_preflight_ends_in_a_job_though_the_client_left(
    simulator: Simulator, token: str
) -> None:
    simulator.fault("delay", "start_app2", seconds=0.5)

    with pytest.raises(requests.ReadTimeout):
        post(simulator, token, timeout=0.1)

    (job,) = wait_for_jobs(simulator, 1)
    (call,) = simulator.calls("start_app2")
    assert job["user_metadata"] == "wf/0/1"
    assert job["created"] >= call["began"] + 0.4


def test_a_slow_call_does_not_block_others(simulator: Simulator, token: str) -> None:
    simulator.fault("delay", "start_app2", seconds=600)

    with pytest.raises(requests.ReadTimeout):
        post(simulator, token, timeout=0.1)
    wait_until(lambda: bool(simulator.calls("start_app2")), "it is under way")

    assert simulator.rpc(token, "AppService.service_status") == [["1", ""]]
    assert simulator.calls("start_app2")[0]["ended"] is None


def test_with_workers_slow_calls_block_others(simulator: Simulator, token: str) -> None:
    simulator.switch(workers=1, preflight_seconds=1.0)

    with pytest.raises(requests.ReadTimeout):
        post(simulator, token, timeout=0.1)
    wait_until(lambda: bool(simulator.calls("start_app2")), "it is under way")
    simulator.rpc(token, "AppService.service_status")

    first, second = simulator.calls()
    assert first["ended"] <= second["ended"]
    assert len(simulator.jobs()) == 1


def test_a_dripping_answer_comes_whole(simulator: Simulator, token: str) -> None:
    simulator.fault("drip", "start_app2", seconds=0.2)

    answer = post(simulator, token)

    assert answer.json()["result"][0]["state_code"] == "Q"


def test_an_answer_is_cut(simulator: Simulator, token: str) -> None:
    simulator.fault("cut", "start_app2")

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        post(simulator, token)

    assert len(simulator.jobs()) == 1


def test_garbage_is_no_json(simulator: Simulator, token: str) -> None:
    simulator.fault("garbage", "start_app2")

    answer = post(simulator, token)

    assert answer.status_code == 200
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


def test_a_page_comes_with_status_200(simulator: Simulator, token: str) -> None:
    simulator.fault("html")

    answer = post(simulator, token)

    assert answer.ok
    assert answer.text.startswith("<html>")


def test_cloudflare_refuses(simulator: Simulator, token: str) -> None:
    simulator.fault("cloudflare")

    answer = post(simulator, token)

    assert (answer.status_code, answer.text) == (403, "error code: 1010")
    assert "CF-Ray" in answer.headers


@pytest.mark.parametrize("done", [True, False])
def test_the_reason_is_lost_with_or_without_the_job(
    simulator: Simulator, token: str, done: bool
) -> None:
    simulator.fault("no_reason", "start_app2", done=done)

    with pytest.raises(Refused, match=r"^Error submitting job: \n"):
        simulator.rpc(token, "AppService.start_app2", "Date", PLACE, {})

    assert len(simulator.jobs()) == int(done)


def test_submissions_are_disabled_for_all_or_for_an_app(simulator: Simulator, token: str) -> None:
    simulator.switch(disabled_apps=["Date"])

    with pytest.raises(Refused, match=r"^App service submissions are disabled\n"):
        simulator.rpc(token, "AppService.start_app2", "Date", PLACE, {})
    assert simulator.rpc(token, "AppService.service_status") == [["1", ""]]

    simulator.switch(enabled=False, disabled_apps=[], message="Back at six.\n")
    with pytest.raises(Refused, match=r"^App service submissions are disabled\n"):
        simulator.rpc(token, "AppService.start_app2", "Sleep", {}, {})
    assert simulator.rpc(token, "AppService.service_status") == [["0", "Back at six.\n"]]


def test_workers_lose_their_database_sessions(simulator: Simulator, token: str) -> None:
    simulator.fault("db_lost", "query_tasks", count=3)
    texts = []

    for _ in range(3):
        with pytest.raises(Refused) as caught:
            simulator.rpc(token, "AppService.query_tasks", [])
        texts.append(str(caught.value).partition(" at ")[0])

    lost = "DBD::mysql::st execute failed: TLS/SSL error: unexpected eof while reading"
    assert texts == [lost, lost, "DBD::mysql::st execute failed: Server has gone away"]
    assert simulator.rpc(token, "AppService.query_tasks", []) == [{}]


def test_tokens_expire_in_the_middle(simulator: Simulator, token: str) -> None:
    simulator.rpc(token, "AppService.service_status")

    simulator.expire(ALICE)

    with pytest.raises(Refused, match=r"^Token validation failed: Token expired$"):
        simulator.rpc(token, "AppService.service_status")
    fresh = simulator.token(ALICE)
    assert simulator.rpc(fresh, "AppService.service_status") == [["1", ""]]


@pytest.mark.parametrize(
    ("kind", "seconds", "text"),
    [
        ("valid", -1, "Token expired"),
        ("forged", 60, "Token signature did not verify"),
        ("tampered", 60, "Token signature did not verify"),
        ("unknown_signer", 60, "Token signed by unknown signer https://evil.example.org"),
        ("unreachable_signer", 60, "Could not retrieve signer pubkey for https://user.alpha"),
        ("unsigned", 60, "Missing signature data"),
        ("garbage", 60, "Missing signature data"),
    ],
)
def test_broken_tokens_are_told_apart(
    simulator: Simulator, kind: str, seconds: float, text: str
) -> None:
    broken = simulator.token(ALICE, seconds=seconds, kind=kind)

    with pytest.raises(Refused, match=f"^Token validation failed: {text}"):
        simulator.rpc(broken, "AppService.service_status")


def test_qstat_can_be_missing(simulator: Simulator, token: str) -> None:
    simulator.switch(qstat=False)

    with pytest.raises(Refused, match="'enumerate_tasks_qstat' is not a valid method"):
        simulator.rpc(token, "AppService.enumerate_tasks_qstat", 0, 1, {})


def test_states_nobody_knows_are_shown(simulator: Simulator, token: str) -> None:
    job = str(simulator.rpc(token, "AppService.start_app2", "Date", PLACE, {})[0]["id"])

    simulator.act("word", job, word="suspended")

    shown = simulator.rpc(token, "AppService.query_tasks", [job])[0][job]
    assert shown["status"] == "suspended"


def test_faults_are_limited_by_user_skip_count_and_probability(simulator: Simulator) -> None:
    alice, bob = simulator.token(ALICE), simulator.token("bob@bvbrc")
    simulator.fault("error", "service_status", user=ALICE, skip=1, count=1, text="boom")
    simulator.fault("error", "version", probability=0.0, text="never")

    answers = [simulator.rpc(bob, "AppService.service_status")]
    answers.append(simulator.rpc(alice, "AppService.service_status"))
    with pytest.raises(Refused, match=r"^boom"):
        simulator.rpc(alice, "AppService.service_status")
    answers.append(simulator.rpc(alice, "AppService.service_status"))

    assert answers == [[["1", ""]]] * 3
    assert simulator.rpc(alice, "AppService.version") == ["0.1.0"]


def test_a_fault_ends_when_it_is_removed(simulator: Simulator, token: str) -> None:
    fault = simulator.fault("error", text="boom")
    simulator.remove_fault(fault)

    assert simulator.rpc(token, "AppService.version") == ["0.1.0"]


@pytest.mark.parametrize(
    "mistake",
    [{"kind": "flood"}, {"kind": "lost", "secs": 3}],
)
def test_mistaken_faults_are_refused(simulator: Simulator, mistake: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        simulator.fault(**mistake)


def test_mistaken_switches_and_courses_are_refused(simulator: Simulator) -> None:
    with pytest.raises(Refused, match="no switch 'qstats'"):
        simulator.switch(qstats=False)
    with pytest.raises(Refused, match="qstat is bool"):
        simulator.switch(qstat="no")
    with pytest.raises(Refused, match="no outcome 'maybe'"):
        simulator.app(outcome="maybe")
    with pytest.raises(Refused, match="no run_secs"):
        simulator.app(run_secs=3)


def test_the_public_key_can_be_away(simulator: Simulator) -> None:
    simulator.fault("status", "public_key", count=1)

    answers = [requests.get(simulator.signer, timeout=60) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [503, 200]
    assert answers[1].json()["valid"] == 1
    assert answers[1].json()["pubkey"].startswith("-----BEGIN PUBLIC KEY-----")
