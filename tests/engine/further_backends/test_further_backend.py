"""A further backend is a folder: the engine runs, looks up and kills its jobs, and takes their
outputs, by the protocol alone (docs/how-to/add-a-backend.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.engine.conftest import Engine, document
from tests.engine.further_backends.toolserver.backend import ToolServerBackend
from workflows import backends
from workflows.backends import declared_apps
from workflows.backends.base import by_name
from workflows.engine.commands import cancel


class ToolServer(ThreadingHTTPServer):
    """Runs jobs at once; one with the text ``long`` until it is killed."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.jobs: list[dict[str, str]] = []
        self.lost_answers = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Requests(BaseHTTPRequestHandler):
    server: ToolServer

    def log_message(self, *_: Any) -> None:
        """Nothing is written."""

    def do_GET(self) -> None:
        self._answer(self.server.jobs)

    def do_DELETE(self) -> None:
        self.server.jobs[int(self.path.rpartition("/")[2])]["state"] = "killed"
        self._answer({})

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        state = "running" if sent["text"] == "long" else "done"
        job_id, result = str(len(self.server.jobs)), sent["text"][::-1]
        job = {"id": job_id, "key": sent["key"], "state": state, "result": result}
        self.server.jobs.append(job)
        if self.server.lost_answers:
            self.server.lost_answers -= 1
            self.close_connection = True
        else:
            self._answer(job)

    def _answer(self, content: Any) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def forget_apps() -> None:
    for read in (declared_apps.apps, declared_apps.specs, declared_apps.cwl_specs):
        read.cache_clear()
    declared_apps._by_id.cache_clear()


@pytest.fixture(scope="module", autouse=True)
def folder() -> Iterator[None]:
    """The folder stands beside those of the other backends."""
    here = str(Path(__file__).parent)
    backends.__path__.append(here)
    forget_apps()
    yield
    with suppress(ValueError):
        backends.__path__.remove(here)
    forget_apps()


@pytest.fixture
def tools() -> Iterator[ToolServer]:
    with ToolServer() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def tooled(engine: Engine, tools: ToolServer) -> Engine:
    known = {**engine.context.backends, **by_name(ToolServerBackend(tools.url))}
    return replace(engine, context=replace(engine.context, backends=known))


def twice(text: str) -> dict[str, Any]:
    """A step, and a second one that takes its output."""
    texts = (text, "${steps.a.outputs.reversed}")
    names = ("a", "b")
    return document(
        steps=[
            {
                "step_name": name,
                "app": "Reverse",
                "params": {"text": given},
                "outputs": {},
                "depends_on": list(names[: names.index(name)]),
            }
            for name, given in zip(names, texts, strict=True)
        ]
    )


def test_a_job_of_it_hands_its_outputs_on(tooled: Engine, tools: ToolServer) -> None:
    assert tooled.ends(tooled.submit(twice("abc"))) == "succeeded"

    assert [job["result"] for job in tools.jobs] == ["cba", "abc"]


def test_a_job_of_it_whose_answer_is_lost_is_found_by_its_key(
    tooled: Engine, tools: ToolServer
) -> None:
    tools.lost_answers = 1

    assert tooled.ends(tooled.submit(twice("abc"))) == "succeeded"

    assert [job["result"] for job in tools.jobs] == ["cba", "abc"]


def test_a_job_of_it_is_killed(tooled: Engine, tools: ToolServer) -> None:
    workflow = tooled.submit(twice("long"))
    tooled.until(lambda: tooled.states(workflow)[0] == "running")

    cancel(tooled.context, workflow)

    assert tooled.ends(workflow) == "cancelled"
    assert [job["state"] for job in tools.jobs] == ["killed"]
