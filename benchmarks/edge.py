"""What the API's server costs, and what it holds against: ``python -m benchmarks.edge``.

Three questions, each to our server and to gunicorn's own threads, in turn, on the same stack: POSTs
of 16 clients; what another user waits while an attack goes on, against a quiet server; how much
memory a process takes when it is sent hostile bodies. Results: ``results/edge.json``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import requests

from benchmarks.api import SUBMIT, bodies, gunicorn, measured, settings
from benchmarks.tools.load import request
from benchmarks.tools.measure import medians, percentile, result, table
from devstack import embedded
from tests.security.attacks import SLOW
from tests.security.test_bodies import HOSTILE
from tests.simulated import simulator_process

FORMER = ("--worker-class", "gthread", "--threads", "32")
TIMEOUT_SECONDS = 10.0
"""What an answer that never comes counts as."""
PATHS = {"live": "/api/v1/health/live", "page": "/ui/sign-in", "list": "/api/v1/workflows"}
"""Asked with GET; beside them a workflow is submitted, and its status asked for."""


@contextmanager
def servers() -> Iterator[tuple[dict[str, tuple[int, int]], str]]:
    """One worker process of each server, and a token."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        mongo = stack.enter_context(embedded.mongod())
        redis = stack.enter_context(embedded.redis())
        simulator = stack.enter_context(simulator_process())
        environment = settings(mongo, redis, simulator, folder)
        ready = "/api/v1/health"
        found = {
            "ours": stack.enter_context(gunicorn("wsgi:app", ready, environment)),
            "former": stack.enter_context(gunicorn("wsgi:app", ready, environment, *FORMER)),
        }
        yield found, simulator.token("alice@bvbrc")


def posts(found: dict[str, tuple[int, int]], token: str, asked: argparse.Namespace) -> Any:
    """POSTs of 16 clients, the two servers in turn."""
    headers = {"Authorization": token, "Content-Type": "application/json"}
    sent = [request("POST", SUBMIT, headers, body) for body in bodies()]
    for server in found.values():
        measured(server, sent, 16, 2)  # warm
    runs = [
        {name: measured(server, sent, 16, asked.seconds) for name, server in found.items()}
        for _ in range(asked.runs)
    ]
    middle = medians(runs)
    ratio = {key: round(middle["ours"][key] / middle["former"][key], 3) for key in middle["ours"]}
    return {"median": middle, "ours / former": ratio, "runs": runs}


def waited(port: int, token: str, workflow: str, seconds: float) -> dict[str, float]:
    """p95 in milliseconds of what one user asks, one request after the other."""
    body, status = bodies()[0], f"/api/v1/workflows/{workflow}/status"
    taken: dict[str, list[float]] = {name: [] for name in (*PATHS, "status", "post")}
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for name, path in {**PATHS, "status": status}.items():
            taken[name].append(_asked(port, "GET", path, token))
        taken["post"].append(_asked(port, "POST", SUBMIT, token, body))
    return {name: round(percentile(each, 95) * 1000, 1) for name, each in taken.items()}


def _submitted(port: int, token: str) -> str:
    headers = {"Authorization": token, "Content-Type": "application/json"}
    url = f"http://127.0.0.1:{port}{SUBMIT}"
    return str(
        requests.post(url, data=bodies()[0], headers=headers, timeout=60).json()["workflow_id"]
    )


def _asked(port: int, method: str, path: str, token: str, body: bytes | None = None) -> float:
    headers = {"Authorization": token, "Content-Type": "application/json"}
    url, begun = f"http://127.0.0.1:{port}{path}", time.perf_counter()
    try:
        requests.request(method, url, data=body, headers=headers, timeout=TIMEOUT_SECONDS)
    except requests.RequestException:
        return TIMEOUT_SECONDS
    return time.perf_counter() - begun


def under_attack(server: tuple[int, int], token: str, seconds: float) -> Any:
    port, _ = server
    workflow = _submitted(port, token)  # before an attack, which may let nothing through
    quiet = waited(port, token, workflow, seconds)
    found: dict[str, Any] = {"quiet": quiet}
    for name, attack in SLOW.items():
        with attack(f"http://127.0.0.1:{port}"):  # type: ignore[attr-defined]
            found[name] = waited(port, token, workflow, seconds)
    with _hostile_forms(port):
        found["forms of 16 MB"] = waited(port, token, workflow, seconds)
    worst = {name: max(each[name] for each in found.values()) / quiet[name] for name in quiet}
    return {
        "p95_ms": found,
        "worst / quiet": {name: round(each, 1) for name, each in worst.items()},
    }


@contextmanager
def _hostile_forms(port: int) -> Iterator[None]:
    over, form = threading.Event(), b"a=b&" * 4_000_000

    def send() -> None:
        while not over.is_set():
            try:
                requests.post(
                    f"http://127.0.0.1:{port}/ui/sign-in",
                    data=form,
                    headers={"Content-Type": "application/x-www-form-urlencoded"},
                    timeout=60,
                )
            except requests.RequestException:
                continue

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield
    finally:
        over.set()
        sender.join()


def grown(server: tuple[int, int], token: str) -> dict[str, float]:
    """MiB by which the peak of the process's memory rose, after four of each hostile body."""
    port, worker = server
    before = _peak_mib(worker)
    found = {}
    for name, body in HOSTILE.items():
        senders = [threading.Thread(target=_validate, args=(port, token, body)) for _ in range(4)]
        for each in senders:
            each.start()
        for each in senders:
            each.join()
        found[name] = round(_peak_mib(worker) - before, 1)
    return found


def _validate(port: int, token: str, body: bytes) -> None:
    headers = {"Authorization": token, "Content-Type": "application/json"}
    url = f"http://127.0.0.1:{port}/api/v1/workflows/validate"
    requests.post(url, data=body, headers=headers, timeout=300)


def _peak_mib(worker: int) -> float:
    status = Path(f"/proc/{worker}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    with result("edge", vars(asked)) as found, servers() as (running, token):
        found["posts"] = posts(running, token, asked)
        table([{"of": name, **found["posts"]["median"][name]} for name in running])
        print(json.dumps(found["posts"]["ours / former"]))
        for name, server in running.items():
            found[f"attacks on {name}"] = under_attack(server, token, asked.seconds)
            print(name, json.dumps(found[f"attacks on {name}"]))
            found[f"memory of {name}, MiB"] = grown(server, token)
            print(name, json.dumps(found[f"memory of {name}, MiB"]))


if __name__ == "__main__":
    main()
