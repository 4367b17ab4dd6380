"""A process has one client of MongoDB, whichever thread asks first."""

from __future__ import annotations

import subprocess
import sys

import pytest

SLOWLY = """
import threading
import mongoengine.connection as theirs
from workflows.store import connection, documents, mongo

begun, go_on = threading.Event(), threading.Event()
create, made = theirs._create_connection, []

def slowly(*args, **options):
    made.append(threading.current_thread().name)
    begun.set()
    go_on.wait(1)
    return create(*args, **options)

theirs._create_connection = slowly

"""
"""It takes a second to make a client, or until ``go_on``."""

READS = """
def connect():
    connection.open_database("mongodb://127.0.0.1:1/", "x")

opening = threading.Thread(target=connect)
opening.start()
begun.wait(10)
early = threading.Thread(target=lambda: mongo.collection(documents.Job))
early.start()
early.join(0.3)
go_on.set()
opening.join()
early.join()
client = mongo.collection(documents.Job).database.client
assert len(made) == 1, made
assert mongo.collection(documents.Workflow).database.client is client
with mongo.client().start_session() as session:
    assert session.client is client
"""
"""A thread reads while another one is connecting."""

CLOSES = """
connection.open_database("mongodb://127.0.0.1:1/", "x")
theirs._connections.clear()
begun.clear()
early = threading.Thread(target=lambda: mongo.collection(documents.Job))
early.start()
begun.wait(10)
closing = threading.Thread(target=connection.close_database)
closing.start()
closing.join(0.3)
go_on.set()
early.join()
closing.join()
connection.open_database("mongodb://127.0.0.1:2/", "y")
assert mongo.collection(documents.Job).database.name == "y"
"""
"""A thread asks for the client while another one closes it."""


@pytest.mark.parametrize("script", [READS, CLOSES])
def test_threads_that_open_read_and_close_at_once_leave_one_client(script: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SLOWLY + script],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
