"""The production commands: they start on good settings and end at once on bad ones."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from celery import Celery
from cryptography.fernet import Fernet

from devstack import processes
from devstack.processes import Process

ROOT = Path(__file__).parent.parent
BAD = {"WORKFLOW_LOGGING__LEVEL": "LOUD"}


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "gunicorn", "wsgi:app", "--bind", "127.0.0.1:0"],
        ["-m", "gunicorn", "--config", os.devnull, "wsgi:app", "--bind", "127.0.0.1:0"],
        ["-m", "celery", "-A", "tasks", "worker"],
        ["-m", "celery", "-A", "tasks", "beat"],
    ],
    ids=["gunicorn", "gunicorn without our file", "worker", "beat"],
)
def test_a_bad_setting_ends_a_process_at_once(tmp_path: Path, command: list[str]) -> None:
    process = start(command, tmp_path, BAD)

    processes.wait_until(lambda: not process.alive, "it ended")

    assert process.exit_code == 4
    assert "bad setting logging.level (WORKFLOW_LOGGING__LEVEL)" in process.tail()
    assert "Traceback" not in process.tail()


def start(command: list[str], folder: Path, env: dict[str, str]) -> Process:
    keys = f'["{Fernet.generate_key().decode()}"]'
    return processes.start(
        "process",
        [sys.executable, *command],
        log=folder / "log",
        env={"WORKFLOW_AUTH__TOKEN_KEYS": keys, **env},
        folder=ROOT,
    )


def test_a_request_id_follows_into_the_workers_log(
    tmp_path: Path, mongo_uri: str, redis_uri: str
) -> None:
    servers = {"WORKFLOW_MONGODB__URI": mongo_uri, "WORKFLOW_BROKER__URL": redis_uri}
    file = tmp_path / "executor.log"
    env = {**servers, "WORKFLOW_LOGGING__EXECUTOR_LOG_FILE": str(file)}
    worker = start(["-m", "celery", "-A", "tasks", "--quiet", "worker"], tmp_path, env)
    try:
        with Celery(broker=redis_uri) as sender:
            # It has no such argument, so Celery logs a failure in the task's name.
            sender.send_task(
                "tasks.start_jobs", ("unknown",), queue="submissions", headers={"request_id": "r-1"}
            )

        processes.wait_until(
            lambda: file.exists() and "TypeError" in file.read_text(), "it failed", process=worker
        )
    finally:
        worker.kill()

    failures = [json.loads(line) for line in file.read_text().splitlines() if "TypeError" in line]
    assert [line["request_id"] for line in failures] == ["r-1"]
    assert [line["task"] for line in failures] == ["tasks.start_jobs"]
