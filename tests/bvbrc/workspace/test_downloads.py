"""Content of any size is read part by part, below a limit, from the Workspace's host alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from tests.bvbrc.loopback import Received, answering, reply, serving
from tests.bvbrc.workspace.test_workspace import HOME, SECONDS, TOKEN, meta, shock
from workflows.bvbrc.downloads import Downloads
from workflows.bvbrc.rpc import Rpc
from workflows.bvbrc.wire import Wire
from workflows.bvbrc.workspace import Workspace
from workflows.model.errors import Conflict, NotFound, ServiceAway

LIMIT = 1024 * 1024


def downloads(url: str) -> Downloads:
    workspace = Workspace(Rpc(Wire()), url, timeout=SECONDS)
    return Downloads(workspace, url, limit_bytes=LIMIT, longest=timedelta(seconds=120))


@contextmanager
def described(found: list[object]) -> Iterator[str]:
    def script(request: Received) -> bytes:
        envelope = {"jsonrpc": "2.0", "id": request.json()["id"], "result": [[[found]]]}
        return reply(200, json.dumps(envelope))

    with serving(answering(script)) as server:
        yield server.url


def test_content_in_shock_comes_in_parts_with_the_token() -> None:
    script, seen = shock(reply(200, b"x" * 500_000))
    with serving(answering(script)) as server:
        found = downloads(server.url).open(TOKEN, f"{HOME}/x")
        parts = list(found.parts)

    assert b"".join(parts) == b"x" * 500_000
    assert len(parts) > 1
    assert seen[0].headers["authorization"] == f"OAuth {TOKEN}"


def test_more_than_the_limit_breaks_off() -> None:
    script, _ = shock(reply(200, b"x" * (LIMIT + 1)))
    with serving(answering(script)) as server:
        found = downloads(server.url).open(TOKEN, f"{HOME}/x")
        with pytest.raises(ServiceAway):
            list(found.parts)


def test_an_error_of_shock_is_known_before_anything_is_sent() -> None:
    script, _ = shock(reply(500, ""))
    with serving(answering(script)) as server, pytest.raises(ServiceAway):
        downloads(server.url).open(TOKEN, f"{HOME}/x")


def test_what_is_too_large_a_folder_or_elsewhere_is_refused() -> None:
    large = meta(f"{HOME}/x", size=LIMIT + 1)
    folder = meta(f"{HOME}/x", "folder")
    elsewhere = meta(f"{HOME}/x", shock="http://127.0.0.1:9/node/1")
    for found in (large, folder, elsewhere):
        with described(found) as url, pytest.raises(Conflict):
            downloads(url).open(TOKEN, f"{HOME}/x")


def test_what_is_gone_is_not_found() -> None:
    def script(request: Received) -> bytes:
        error = {"code": -32603, "message": "_ERROR_Object not found!_ERROR_"}
        return reply(500, json.dumps({"id": request.json()["id"], "error": error}))

    with serving(answering(script)) as server, pytest.raises(NotFound):
        downloads(server.url).open(TOKEN, f"{HOME}/x")
