"""The production commands: they start on good settings and end at once on bad ones."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from celery import Celery
from cryptography.fernet import Fernet
from pymongo import MongoClient

from config.sections import Broker
from devstack import processes
from devstack.processes import Process

ROOT = Path(__file__).parents[2]
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


def test_a_beat_that_shall_resume_nothing_sets_aside_what_is_under_way(
    tmp_path: Path, mongo: MongoClient, mongo_uri: str, redis_uri: str, database: str
) -> None:
    env = {
        "WORKFLOW_MONGODB__URI": mongo_uri,
        "WORKFLOW_MONGODB__DATABASE": database,
        "WORKFLOW_MONGODB__COLLECTION": "runs",
        "WORKFLOW_BROKER__URL": redis_uri,
        "WORKFLOW_EXECUTOR__ENABLE_AUTO_RESUME": "false",
    }
    runs = mongo[database]["runs"]
    runs.insert_many([{"_id": "one", "state": "running"}, {"_id": "two", "state": "succeeded"}])

    schedule = str(tmp_path / "schedule")
    beat = start(["-m", "celery", "-A", "tasks", "beat", "-s", schedule], tmp_path, env)
    try:
        processes.wait_until(
            lambda: runs.find_one({"_id": "one", "paused": True}), "it is set aside", process=beat
        )
    finally:
        beat.kill()

    assert runs.count_documents({"paused": True}) == 1


def start(command: list[str], folder: Path, env: dict[str, str]) -> Process:
    keys = f'["{Fernet.generate_key().decode()}"]'
    return processes.start(
        "process",
        [sys.executable, *command],
        log=folder / "log",
        env={"WORKFLOW_AUTH__TOKEN_KEYS": keys, **env},
        folder=ROOT,
    )


def failures_in(log: Path) -> list[dict[str, object]]:
    """Its whole lines that name the error; the last line may be written now."""
    lines = log.read_text().splitlines(keepends=True) if log.exists() else []
    return [json.loads(line) for line in lines if "TypeError" in line and line.endswith("\n")]


def test_a_request_id_follows_into_the_workers_log(
    tmp_path: Path, mongo_uri: str, redis_uri: str
) -> None:
    servers = {"WORKFLOW_MONGODB__URI": mongo_uri, "WORKFLOW_BROKER__URL": redis_uri}
    file = tmp_path / "executor.log"
    env = {**servers, "WORKFLOW_LOGGING__EXECUTOR_LOG_FILE": str(file)}
    worker = start(["-m", "celery", "-A", "tasks", "--quiet", "worker"], tmp_path, env)
    try:
        with Celery(broker=redis_uri, set_as_current=False) as sender:
            sender.conf.broker_transport_options = {"global_keyprefix": Broker().key_prefix}
            # It has no such argument, so Celery logs a failure in the task's name.
            sender.send_task(
                "tasks.start_jobs", ("unknown",), queue="submissions", headers={"request_id": "r-1"}
            )

        processes.wait_until(lambda: bool(failures_in(file)), "it failed", process=worker)
    finally:
        worker.kill()

    failures = failures_in(file)
    assert [line["request_id"] for line in failures] == ["r-1"]
    assert [line["task"] for line in failures] == ["tasks.start_jobs"]
