"""How many workflows one API process takes in: ``python -m benchmarks.api [--seconds 10]``.

Ten-step workflows, no two alike, verified, validated and stored durably; one gunicorn worker. The
yardstick, measured in turn with it, is a bare Flask route that stores the same body as one
document. Real MongoDB and Redis; the simulator only signs the token. Results go to
``benchmarks/results/api.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import urlopen

from cryptography.fernet import Fernet

from benchmarks.parts.validate import workflow
from benchmarks.tools.load import load, request
from benchmarks.tools.measure import cpu_seconds, medians, result, table
from devstack import embedded, processes
from simulator.client import Simulator
from tests.simulated import simulator_process

ROOT = Path(__file__).parents[1]
SUBMIT = "/api/v1/workflows/submit"
BARE = (*("--config", "/dev/null"), *("--worker-class", "gthread"), *("--threads", "32"))
"""The same kind of server, without what gunicorn.conf.py does for ours."""
BODIES = 500
STEPS = 10


@contextmanager
def gunicorn(
    target: str, ready: str, environment: dict[str, str], *options: str
) -> Iterator[tuple[int, int]]:
    """The port and the worker's process id of one gunicorn worker."""
    port = processes.free_port()
    command = [sys.executable, "-m", "gunicorn", "--workers", "1", "--bind", f"127.0.0.1:{port}"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [*command, *options, target],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=log,
            stderr=log,
        )
        try:
            wait_for(f"http://127.0.0.1:{port}{ready}")
            yield port, worker_of(process.pid)
        finally:
            process.terminate()
            process.wait(30)


def wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urlopen(url, timeout=5):  # noqa: S310 - our own server
                return
        except OSError as failure:
            if getattr(failure, "code", 0) == 405:
                return
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def worker_of(master: int) -> int:
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return int(children[0])


def settings(mongo: str, redis: str, simulator: Simulator, folder: str) -> dict[str, str]:
    return {
        "WORKFLOW_MONGODB__URI": mongo,
        "WORKFLOW_BROKER__URL": redis,
        "WORKFLOW_SCHEDULER__URL": simulator.app_service_url,
        "WORKFLOW_AUTH__TOKEN_KEYS": json.dumps([Fernet.generate_key().decode()]),
        "WORKFLOW_AUTH__TRUSTED_SIGNERS": json.dumps([simulator.signer]),
        # One user submits all of it, and no worker ends any.
        "WORKFLOW_QUOTAS__ACTIVE_WORKFLOWS": "10000000",
        "WORKFLOW_QUOTAS__REQUESTS_PER_MINUTE": "10000000",
        "WORKFLOW_QUOTAS__CPU_SECONDS_PER_MINUTE": "10000000",
        "WORKFLOW_METRICS__MULTIPROC_DIR": f"{folder}/metrics",
        "WORKFLOW_LOGGING__WORKFLOW_LOG_DIR": f"{folder}/workflows",
        "WORKFLOW_LOGGING__EXECUTOR_LOG_FILE": f"{folder}/executor.log",
        "YARDSTICK_URI": mongo,
    }


def bodies() -> list[bytes]:
    """Workflows of which no two are alike."""
    found = []
    for number in range(BODIES):
        document = workflow(STEPS) | {"workflow_name": f"workflow {number}"}
        for step in document["steps"]:
            step["params"]["output_file"] += f"_{number}"
        found.append(json.dumps(document).encode())
    return found


def measured(
    server: tuple[int, int], requests: Sequence[bytes], clients: int, seconds: float
) -> dict[str, float]:
    port, worker = server
    before = cpu_seconds(worker)
    seen = load(port, requests, clients=clients, seconds=seconds, status=201)
    used = cpu_seconds(worker) - before
    unexpected = {status: count for status, count in seen.statuses.items() if status != 201}
    assert not unexpected, unexpected
    return seen.figures() | {"worker_cpu_ms": round(used / len(seen.latencies) * 1000, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16])
    asked = parser.parse_args()
    with result("api", vars(asked)) as found, servers() as (api, bare, token):
        headers = {"Authorization": token, "Content-Type": "application/json"}
        sent = bodies()
        ours = [request("POST", SUBMIT, headers, body) for body in sent]
        theirs = [request("POST", "/", headers, body) for body in sent]
        measured(api, ours, 16, 2)  # warm
        measured(bare, theirs, 16, 2)
        found["clients"] = {}
        for clients in asked.clients:
            runs = [
                {
                    "submit": measured(api, ours, clients, asked.seconds),
                    "bare": measured(bare, theirs, clients, asked.seconds),
                }
                for _ in range(asked.runs)
            ]
            middle = medians(runs)
            ratio = middle["submit"]["per_second"] / middle["bare"]["per_second"]
            found["clients"][clients] = {"median": middle, "ratio": round(ratio, 3), "runs": runs}
        found["bars"] = {"per_second": 400, "p99_ms at 16 clients": 50}
        table(
            [
                {"clients": clients, "of": kind, **each["median"][kind]}
                for clients, each in found["clients"].items()
                for kind in ("submit", "bare")
            ]
        )


@contextmanager
def servers() -> Iterator[tuple[tuple[int, int], tuple[int, int], str]]:
    """Our API and the bare route, and a token that ours takes."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        mongo = stack.enter_context(embedded.mongod())
        redis = stack.enter_context(embedded.redis())
        simulator = stack.enter_context(simulator_process())
        environment = settings(mongo, redis, simulator, folder)
        api = stack.enter_context(gunicorn("wsgi:app", "/api/v1/health", environment))
        bare = stack.enter_context(
            gunicorn("benchmarks.tools.yardstick:app", "/", environment, *BARE)
        )
        yield api, bare, simulator.token("alice@bvbrc")


if __name__ == "__main__":
    main()
