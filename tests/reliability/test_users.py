"""The chaos driver's users: what a broken product answers them is judged, and ends no run."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from benchmarks.chaos.users import Users
from benchmarks.chaos.workload import Promise


class Broken(BaseHTTPRequestHandler):
    """It takes tokens, and has nothing but errors for what is asked of workflows."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(204 if self.path.endswith("/token") else 500)
        if not self.path.endswith("/token"):
            self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = do_PUT = answer  # noqa: N815 - the names that http.server asks for

    def log_message(self, *_: object) -> None:
        """Nothing is told."""


@pytest.fixture
def broken() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Broken) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_cancel_that_gets_no_answer_is_left_to_the_judge(broken: str) -> None:
    users = Users([broken], lambda name, _: name, seed=1, count=1)
    (user,) = users
    promise = Promise("wf_1", user.name, "w", 1, "succeeded", accepted_at=0, cancel_at=0)
    user.promises.append(promise)

    users.finish(seconds=0.1)

    assert users.settle(seconds=0.1) == 1
    promise.ended = "succeeded"
    assert not promise.kept
