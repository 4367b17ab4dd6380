"""What the simulator tells of itself, and that nothing a client sends breaks it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.client import Refused, Simulator
from tests.simulated import simulator_process

ALICE, BOB = "alice@patricbrc.org", "bob@bvbrc"
METHODS = [
    "AppService.start_app2",
    "AppService.query_tasks",
    "AppService.query_task_details",
    "AppService.kill_task",
    "AppService.kill_tasks",
    "AppService.rerun_task",
    "AppService.enumerate_tasks",
    "AppService.enumerate_tasks_filtered",
    "AppService.enumerate_tasks_qstat",
    "AppService.query_task_summary_filtered",
    "Workspace.get",
    "Workspace.ls",
    "Workspace.create",
    "Workspace.copy",
    "Workspace.delete",
    "Workspace.update_metadata",
    "Minhash.compute_genome_distance_for_genome2",
]
words = st.sampled_from(["objects", "paths", "app", "status", "start_time", "query", "Date", "1"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)


def start(simulator: Simulator, token: str, name: str, key: str = "") -> str:
    params = {"output_path": f"/{ALICE}/home", "output_file": name}
    row = simulator.rpc(token, "AppService.start_app2", "Date", params, {"user_metadata": key})[0]
    return str(row["id"])


def test_the_ledger_tells_who_asked_what_and_what_came_of_it(simulator: Simulator) -> None:
    alice, bob = simulator.token(ALICE), simulator.token(BOB)
    job = start(simulator, alice, "a", "wf/0/1")
    simulator.rpc(alice, "AppService.kill_task", job)
    with pytest.raises(Refused):
        simulator.rpc(bob, "AppService.query_tasks", "no list")

    first, killing, asking = simulator.calls()

    assert first["method"] == "AppService.start_app2"
    assert (first["user"], first["app"], first["output_file"]) == (ALICE, "Date", "a")
    assert (first["user_metadata"], first["job_id"], first["answer"]) == ("wf/0/1", job, "ok")
    assert first["began"] <= first["ended"] <= killing["began"]
    assert (killing["job_id"], asking["user"]) == (job, BOB)
    assert asking["answer"] == "Invalid arguments passed to query_tasks:"


def test_the_ledger_is_filtered_and_counted(simulator: Simulator) -> None:
    token = simulator.token(ALICE)
    for name in ("a", "b"):
        start(simulator, token, name)
    simulator.rpc(token, "AppService.version")

    assert len(simulator.calls("start_app2", output_file="b")) == 1
    assert simulator.ledger(method="start_app2", limit="1")["total"] == 2
    assert simulator.ledger()["counts"]["AppService.version"] == {"ok": 1}
    with pytest.raises(Refused, match="nothing to select by 'colour'"):
        simulator.ledger(colour="red")


def test_the_same_request_has_the_same_digest(simulator: Simulator) -> None:
    token = simulator.token(ALICE)
    for name in ("a", "a", "b"):
        start(simulator, token, name)

    digests = [call["digest"] for call in simulator.calls("start_app2")]

    assert digests[0] == digests[1] != digests[2]


def test_a_killed_job_tells_when(simulator: Simulator) -> None:
    simulator.app(queue_seconds=None)
    token = simulator.token(ALICE)
    job = start(simulator, token, "a")
    assert simulator.jobs()[0]["killed_at"] is None

    simulator.rpc(token, "AppService.kill_task", job)

    shown = simulator.jobs()[0]
    assert (shown["state"], shown["killed_at"] >= shown["created"]) == ("T", True)


def test_a_bounded_ledger_still_counts_all() -> None:
    with simulator_process("--ledger-limit", "2") as simulator:
        token = simulator.token(ALICE)
        for _ in range(5):
            simulator.rpc(token, "AppService.version")

        ledger = simulator.ledger()

    assert (len(ledger["calls"]), ledger["counts"]["AppService.version"]) == (2, {"ok": 5})


def test_a_seed_makes_chance_repeatable() -> None:
    def outcomes() -> list[str]:
        with simulator_process("--seed", "7") as simulator:
            simulator.fault("error", "version", probability=0.5, text="boom")
            token, seen = simulator.token(ALICE), []
            for _ in range(12):
                try:
                    seen += simulator.rpc(token, "AppService.version")
                except Refused:
                    seen.append("boom")
            return seen

    first = outcomes()

    assert set(first) == {"0.1.0", "boom"}
    assert outcomes() == first


def test_a_key_can_be_given(tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    pem = serialization.Encoding.PEM
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )

    with simulator_process("--key-file", str(tmp_path / "key.pem")) as simulator:
        shown = requests.get(simulator.signer, timeout=60).json()["pubkey"]

    form = serialization.PublicFormat.SubjectPublicKeyInfo
    assert shown.encode() == key.public_key().public_bytes(pem, form)


def test_an_administrator_sees_the_jobs_of_all(simulator: Simulator) -> None:
    start(simulator, simulator.token(ALICE), "a")
    admin = simulator.token("root@patricbrc.org", roles="admin")

    rows, total = simulator.rpc(admin, "AppService.enumerate_tasks_qstat", 0, 9, {"owner": "alice"})

    assert (total, rows[0]["owner"]) == (1, ALICE)


def test_a_job_can_be_unknown_for_a_while(simulator: Simulator) -> None:
    simulator.app(hidden_seconds=30)
    token = simulator.token(ALICE)
    job = start(simulator, token, "a", "wf/0/1")
    find = ("AppService.enumerate_tasks_qstat", 0, 9, {"user_metadata": "wf/0/1"})

    assert simulator.rpc(token, *find) == [[], 0]
    simulator.advance(31)
    assert simulator.rpc(token, *find)[0][0]["id"] == job


def test_a_routeless_control_request_lists_the_routes(simulator: Simulator) -> None:
    answer = requests.get(f"{simulator.url}/control/nowhere", timeout=60)

    assert answer.status_code == 400
    assert "/control/ledger" in answer.json()["error"]


def test_a_reset_forgets_all_but_the_key(simulator: Simulator) -> None:
    token = simulator.token(ALICE)
    start(simulator, token, "a")
    simulator.fault("lost")
    simulator.switch(qstat=False)
    simulator.app(outcome="failed")

    simulator.reset()

    assert simulator.jobs() == simulator.calls() == []
    assert simulator.switch()["qstat"] is True
    assert start(simulator, token, "a") == "21000001"


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(method=st.sampled_from(METHODS), params=values)
def test_no_arguments_break_it(simulator: Simulator, method: str, params: Any) -> None:
    url = simulator.workspace_url if method.startswith("W") else simulator.app_service_url
    url = simulator.minhash_url if method.startswith("M") else url
    body = json.dumps({"version": "1.1", "id": 1, "method": method, "params": params})
    headers = {"Authorization": simulator.token(ALICE)}

    answer = requests.post(url, body, headers=headers, timeout=60)

    assert answer.status_code in {200, 500}
    assert answer.json()["version"] == "1.1"
