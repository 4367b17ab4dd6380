"""The embedded servers are real, private, and gone afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pymongo import MongoClient
from redis import Redis

from devstack import embedded, processes


def test_the_embedded_mongodb_has_transactions(mongo: MongoClient, database: str) -> None:
    accounts = mongo[database].accounts

    with mongo.start_session() as session, session.start_transaction():
        accounts.insert_one({"_id": 1}, session=session)
        accounts.insert_one({"_id": 2}, session=session)

    assert accounts.count_documents({}) == 2


def test_the_embedded_redis_answers(redis_uri: str) -> None:
    with Redis.from_url(redis_uri) as client:
        client.set("key", "value")

        assert client.get("key") == b"value"


def test_a_killed_mongod_starts_again_with_its_documents(tmp_path: Path) -> None:
    server = embedded.start_mongod(tmp_path)
    with MongoClient(server.uri) as client:
        client.test.things.insert_one({"_id": 1})

        server.kill()
        server.start()

        assert client.test.things.find_one() == {"_id": 1}
    server.kill()


def test_a_mongod_on_ever_other_ports_serves_the_same_files(tmp_path: Path) -> None:
    uris = set()
    for number in range(4):
        server = embedded.start_mongod(tmp_path)
        uris.add(server.uri)
        with MongoClient(server.uri) as client:
            assert client.test.things.count_documents({}) == number
            client.test.things.insert_one({"_id": number})
        server.stop()

    assert len(uris) > 1


def test_files_whose_making_was_interrupted_are_made_again(tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    (tmp_path / "db/WiredTiger").write_text("half")
    (tmp_path / "db.unfinished").touch()

    server = embedded.start_mongod(tmp_path)

    assert not (tmp_path / "db.unfinished").exists()
    server.kill()


def test_a_missing_wheel_is_named_with_what_brings_it() -> None:
    with pytest.raises(embedded.Missing, match=r"requirements-embedded\.txt"):
        embedded.in_wheel("no-such-distribution", "bin/mongod")


KILLED_PARENT = """
import pathlib, sys
from devstack import processes
with processes.temporary_folder("workflows-test-") as folder:
    child = processes.start("child", ["sh", "-c", "sleep 600 & sleep 600"], log=folder / "log")
    print(child.pid, folder, flush=True)
    sys.stdin.read()
"""


def test_nothing_is_left_when_the_parent_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED_PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        group, folder = parent.stdout.readline().decode().split()
        assert group_exists(int(group))

        parent.send_signal(signal.SIGKILL)

        processes.wait_until(lambda: not group_exists(int(group)), "the group is gone")
        processes.wait_until(lambda: not Path(folder).exists(), "the folder is gone")


def group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_waiting_for_a_process_that_ended_says_why(tmp_path: Path) -> None:
    process = processes.start(
        "server", ["sh", "-c", "echo no such option; exit 3"], log=tmp_path / "log"
    )

    with pytest.raises(processes.NotReady, match=r"(?s)exit code 3 .*no such option"):
        processes.wait_until(lambda: False, "it listens", process=process)
