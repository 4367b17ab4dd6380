"""Live streams through gunicorn: events as they happen, and clients that do not read."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from pymongo import MongoClient

from app.live.stream import BEAT_SECONDS, LOOK_SECONDS
from devstack.processes import wait_until
from tests.product import ALICE, GROUP, Product, document

pytestmark = GROUP
CAROL = "carol@bvbrc"


def events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def headers(product: Product) -> dict[str, str]:
    return {"Authorization": product.token(ALICE), "Accept": "text/event-stream"}


def test_events_come_while_the_workflow_runs_and_end_with_it(product: Product) -> None:
    product.simulator.app(user=ALICE, run_seconds=None)  # until the event has come
    workflow = product.submit(document({"a": "", "b": "a"}))
    url = f"{product.url}/api/v1/workflows/{workflow}/events"

    with requests.get(url, headers=headers(product), stream=True, timeout=60) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        seen = []
        for event in events(answer.iter_lines(1, decode_unicode=True)):
            if event["after"] == "running" and event["subject"] == "step":
                assert product.state(workflow) == "running"
                product.simulator.act("finish", event["job_id"])
            seen.append(event)

    assert [event["id"] for event in seen] == list(range(1, len(seen) + 1))
    assert (seen[-1]["subject"], seen[-1]["after"]) == ("workflow", "succeeded")
    assert seen == product.ask("GET", f"/workflows/{workflow}/events")["events"]


@contextmanager
def narrow(product: Product) -> Iterator[str]:
    """Another API, of one process that has room for one stream."""
    stack, before = product.stack, dict(product.stack.env)
    stack.env["WORKFLOW_API__MAX_STREAMS"] = "1"
    try:
        yield stack.add_api("--workers", "1")
    finally:
        stack.env = before
        stack.api_urls.pop()
        stack.apis.pop().kill()


def long_history(product: Product) -> str:
    """A workflow with more events than any socket holds."""
    workflow = product.submit(document({"a": ""}))
    product.ends(workflow)
    database = os.environ.get("WORKFLOW_MONGODB__DATABASE", "workflows")
    with MongoClient(product.stack.env["WORKFLOW_MONGODB__URI"]) as client:
        client[database]["events"].insert_many(
            {
                "workflow": workflow,
                "sequence": 1000 + number,
                "at": datetime.now(UTC),
                "subject": "step",
                "before": "queued",
                "after": "running",
                "step": 0,
                "step_name": "a",
                "app": "Date",
                "reason": "x" * 1000,
            }
            for number in range(20_000)
        )
    return workflow


def test_who_leaves_makes_room_before_the_next_sign_of_life(product: Product) -> None:
    product.simulator.app(user=CAROL, run_seconds=None)
    workflow = product.submit(document({"a": ""}), CAROL)
    product.reaches(workflow, "a", "running")
    with narrow(product) as url:
        path = f"{url}/api/v1/workflows/{workflow}/events"
        known = {**headers(product), "Authorization": product.token(CAROL)}

        def watched() -> requests.Response:
            return requests.get(path, headers=known, stream=True, timeout=60)

        def is_free() -> bool:
            with watched() as answer:
                return answer.ok

        answers: list[requests.Response] = []
        wait_until(lambda: answers.append(watched()) or answers[-1].ok, "the API is up")
        assert not is_free()

        answers[-1].close()

        wait_until(is_free, "the place is free", seconds=BEAT_SECONDS - 2 * LOOK_SECONDS)
    product.ask("POST", f"/workflows/{workflow}/cancel", CAROL)


def test_a_client_that_does_not_read_is_dropped(product: Product) -> None:
    history = long_history(product)
    with narrow(product) as url:
        address = urlsplit(url)
        with socket.socket() as lazy:
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            lazy.connect((address.hostname, address.port))
            lines = [f"{name}: {value}" for name, value in headers(product).items()]
            request = [f"GET /api/v1/workflows/{history}/events HTTP/1.1", "Host: x", *lines]
            lazy.sendall(("\r\n".join(request) + "\r\n\r\n").encode())
            assert lazy.recv(12) == b"HTTP/1.1 200"

            path = f"{url}/api/v1/workflows/{history}/events"

            def status() -> int:
                known = headers(product)
                with requests.get(path, headers=known, stream=True, timeout=60) as answer:
                    return answer.status_code

            assert status() == 503
            wait_until(lambda: status() == 200, "the place is free", every_seconds=0.5)


@pytest.mark.parametrize(
    ("request_line", "code"),
    [(b"GET /" + b"x" * 9_000 + b" HTTP/1.1", 414), (b"nonsense", 400)],
)
def test_what_gunicorn_refuses_itself_has_the_one_body(
    product: Product, request_line: bytes, code: int
) -> None:
    where = urlsplit(product.url)
    with socket.create_connection((where.hostname, where.port), timeout=30) as connection:
        connection.sendall(request_line + b"\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))

    head, _, body = answer.decode().partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {code} ")
    assert "Content-Type: application/json" in head
    assert set(json.loads(body)) == {"detail", "errors"}
