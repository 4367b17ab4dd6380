"""The set-ups of the scripts: they work, what they share is shared, and nothing is left of them."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from devstack import processes, servers, setups
from devstack.processes import wait_until
from tests.devstack.conftest import LONG, Marked


def test_the_demo_runs_the_example_to_its_end_and_leaves_nothing(marked: Marked) -> None:
    ended = marked.run("demo")

    assert ended.returncode == 0, ended.stderr
    assert "/user@bvbrc/home/output/Annotation/.ann/ann.genome" in ended.stdout
    assert "Submitted step 'assemble' to app 'GenomeAssembly2' | task_id=" in ended.stdout
    # Two jobs of two seconds: a line of progress comes where no terminal shows the table.
    assert " s: the workflow is " in ended.stderr
    wait_until(lambda: not marked.alive(), "nothing is left")


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_ended_demo_leaves_nothing(marked: Marked, number: signal.Signals) -> None:
    demo = marked.start("demo")
    wait_until(lambda: bool(marked.alive("mongod")), "it runs", seconds=LONG, process=demo)

    demo.signal(number)

    wait_until(lambda: not demo.alive, "it ends", seconds=120)
    wait_until(lambda: not marked.alive(), "nothing is left", seconds=120)
    assert demo.exit_code == (130 if number == signal.SIGINT else -signal.SIGKILL)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("words", [("demo", "--keep"), ("up", "--port={free}")])
def test_what_would_go_on_does_not_where_its_start_is_interrupted(
    marked: Marked, words: tuple[str, ...]
) -> None:
    free = processes.free_port()
    start = marked.start(*(word.format(free=free) for word in words))
    wait_until(lambda: bool(marked.alive("mongod")), "it starts", seconds=LONG, process=start)

    start.signal(signal.SIGINT)

    wait_until(lambda: not start.alive, "it ends", seconds=120)
    wait_until(lambda: not marked.alive(), "nothing is left", seconds=120)


def test_everything_in_the_background_goes_on_until_it_is_stopped(marked: Marked) -> None:
    port = processes.free_port()

    up = marked.run("up", f"--port={port}")

    assert up.returncode == 0, up.stderr
    assert f"http://127.0.0.1:{port}" in up.stdout
    assert_each_process_says_it_is_healthy(port)
    assert_closed_to_others(marked, up.stdout)
    assert_probes_have_a_socket_of_their_own(marked, up.stdout)
    status = marked.run("run", "flask", "db", "status")
    assert (status.returncode, "pending" in status.stdout) == (0, True), status.stderr
    assert_agents_are_served_without_keys(marked, up.stdout)
    # A process that is killed is started again.
    (worker,) = marked.alive("\0worker")
    old = setups.TOO_SHORT_SECONDS + 1
    wait_until(lambda: age_seconds(worker) > old, "it has lived for a while")
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: marked.alive("\0worker") not in ([], [worker]), "another one is there")

    down = marked.run("down")

    assert down.returncode == 0, down.stderr
    assert down.stdout.startswith("stopped all")
    wait_until(lambda: not marked.alive(), "nothing is left")
    assert marked.run("down").stdout == "nothing was running\n"


def assert_each_process_says_it_is_healthy(port: int) -> None:
    """Now that ``up`` has returned; each request goes to any of the API's processes."""
    for _ in range(8):
        found = health(port)
        while is_slow(found):
            found = health(port)
        assert found["status"] == "healthy", found["causes"]


def health(port: int) -> dict[str, Any]:
    answer = requests.get(f"http://127.0.0.1:{port}/api/v1/health", timeout=60)
    return dict(answer.json())


def is_slow(found: Mapping[str, Any]) -> bool:
    """Whether MongoDB or Redis took longer than health waits, and nothing else is wrong."""
    causes = found["causes"]
    slow = ("no answer for", "cannot be used now")
    return bool(causes) and all(any(word in each for word in slow) for each in causes)


def assert_closed_to_others(marked: Marked, printed: str) -> None:
    """Flower's page wants the password that was printed; logs and metrics are for us alone."""
    flower = str(marked.record("all")["flower"])
    assert flower in printed
    wait_until(lambda: status_of(flower) == 200, "Flower answers")
    assert status_of(f"http://{flower.rpartition('@')[2]}") == 401
    logs = [path for path in marked.folder.rglob("*.log") if path.parent.name == "log"]
    assert {path.stat().st_mode & 0o777 for path in logs} == {0o600}
    for pid in marked.alive("\0worker"):
        environment = Path(f"/proc/{pid}/environ").read_text().split("\0")
        assert "WORKFLOW_METRICS__HOST=127.0.0.1" in environment


def assert_probes_have_a_socket_of_their_own(marked: Marked, printed: str) -> None:
    address = str(marked.record("all")["probes"])
    assert address in printed
    assert status_of(address) == 200
    assert status_of(address.replace("health/live", "workflows")) == 404


def assert_agents_are_served_without_keys(marked: Marked, printed: str) -> None:
    """The MCP server's address is printed and recorded; it is a client of the API alone."""
    address = str(marked.record("all")["mcp"])
    assert address in printed
    assert requests.post(address, json={}, timeout=60).status_code == 401
    (pid,) = marked.alive("\0agents")
    environment = Path(f"/proc/{pid}/environ").read_text().split("\0")
    ours = [line for line in environment if line.startswith("WORKFLOW_")]
    assert ours
    assert all(line.startswith("WORKFLOW_AGENTS__") for line in ours)


def status_of(url: str) -> int:
    try:
        return requests.get(url, timeout=60).status_code
    except (requests.ConnectionError, requests.Timeout):
        return 0


def age_seconds(pid: int) -> float:
    began = float(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    up = float(Path("/proc/uptime").read_text().split()[0])
    return up - began / os.sysconf("SC_CLK_TCK")


def test_api_and_executor_share_servers_that_end_with_the_last_of_them(marked: Marked) -> None:
    port = processes.free_port()
    api = marked.start("api", f"--port={port}")
    wait_until(lambda: processes.listens(port), "the API listens", seconds=LONG, process=api)
    executor = marked.start("executor")
    wait_until(lambda: bool(marked.alive("\0beat")), "beat runs", seconds=LONG, process=executor)
    mongods = marked.alive("mongod")
    assert len(mongods) == 1

    executor.stop(grace_seconds=120)

    assert executor.exit_code == 0
    assert marked.alive("mongod") == mongods

    api.stop(grace_seconds=120)

    wait_until(lambda: not marked.alive(), "the servers ended too")


def test_what_cannot_start_says_why_in_one_line(
    marked: Marked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKFLOW_EXECUTOR__LEASE", "3")

    up = marked.run("up", f"--port={processes.free_port()}")

    assert up.returncode == 1
    assert "unknown setting WORKFLOW_EXECUTOR__LEASE" in up.stderr
    assert "Traceback" not in up.stderr
    wait_until(lambda: not marked.alive(), "nothing is left")


def test_a_server_that_is_named_is_used_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKFLOW_MONGODB__URI", "mongodb://db.example.org/")
    monkeypatch.setenv("WORKFLOW_BROKER__URL", "redis://cache.example.org/0")
    monkeypatch.setenv("WORKFLOW_SCHEDULER__URL", "http://bvbrc.example.org/app_service")
    monkeypatch.setenv("WORKFLOW_AUTH__TOKEN_KEYS", servers.token_keys(tmp_path))

    started = servers.start(tmp_path)

    assert started.started == []
    assert started.env == {"WORKFLOW_METRICS__HOST": "127.0.0.1"}  # metrics stay on loopback
    assert servers.broker(started.env) == "redis://cache.example.org/0"


def test_a_server_named_in_the_file_is_used_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("mongodb: {host: db.example.org}\nbroker: {url: redis://cache.example.org/0}\n")
    monkeypatch.setenv("WORKFLOW_CONFIG_FILE", str(file))

    assert servers.is_configured("mongodb.host")
    assert servers.is_configured("broker.url")
    assert not servers.is_configured("scheduler.url")


def test_keys_are_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    keys = servers.token_keys(tmp_path)

    assert servers.token_keys(tmp_path) == keys
    assert servers.signing_key(tmp_path).read_bytes() == servers.signing_key(tmp_path).read_bytes()
    modes = {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert modes == {0o600}
