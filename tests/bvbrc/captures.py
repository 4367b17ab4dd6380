"""Recorded answers of the genuine AppService, replayed byte for byte over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.bvbrc.loopback import Received, Server, answering, reply, serving
from tests.shared import shared_path
from workflows.backends.appservice.client import AppService
from workflows.bvbrc.rpc import Rpc
from workflows.bvbrc.wire import Wire

Capture = dict[str, Any]


def every() -> dict[str, Capture]:
    """Names without their ending to captures."""
    folder = shared_path("bvbrc/captures")
    return {path.stem: json.loads(path.read_text("utf-8")) for path in folder.glob("*.json")}


def capture(number: str) -> Capture:
    """The one capture whose name begins with this: ``021``, or ``221-task_info-post-pid``."""
    [path] = shared_path("bvbrc/captures").glob(f"{number}-*.json")
    found: Capture = json.loads(path.read_text("utf-8"))
    return found


def asked(of: Capture) -> tuple[str, list[Any]]:
    """The method without its service, and the params, of a captured request."""
    request = json.loads(of["request"]["body"])
    return request["method"].rpartition(".")[2], request["params"]


def result(of: Capture) -> Any:
    """The return values in a captured answer."""
    return json.loads(of["response"]["body"])["result"]


def replayed(of: Capture, request: Received) -> bytes:
    """The captured answer; only its id is that of the request, as the service would have it."""
    body = of["response"]["body"] or ""
    if request.method == "POST" and (answer := json.loads(body)).get("id") is not None:
        body = json.dumps(answer | {"id": request.json()["id"]}, ensure_ascii=False)
    headers = dict(of["response"]["headers"])
    headers.pop("Content-Length", None)
    if headers.get("Transfer-Encoding") == "chunked":
        content = body.encode()
        chunks = (b"%x\r\n%b\r\n" % (len(content), content) if content else b"") + b"0\r\n\r\n"
        head = reply(of["response"]["status"], b"", headers)
        return head.replace(b"Content-Length: 0\r\n", b"") + chunks
    return reply(of["response"]["status"], body, headers)


@dataclass(slots=True)
class Replay:
    """Answers each method (or path) with its capture, and notes what was asked."""

    answers: Mapping[str, Capture]
    seen: list[Received] = field(default_factory=list)

    def __call__(self, request: Received) -> bytes:
        self.seen.append(request)
        if request.method == "GET":
            return replayed(self.answers[request.path], request)
        return replayed(self.answers[request.json()["method"].rpartition(".")[2]], request)

    def params(self, method: str) -> list[list[Any]]:
        """The params of every call of that method, in order."""
        calls = [request.json() for request in self.seen if request.method == "POST"]
        return [call["params"] for call in calls if call["method"] == f"AppService.{method}"]


def appservice(server: Server, timeout: timedelta = timedelta(seconds=30)) -> AppService:
    return AppService(Rpc(Wire()), server.url, timeout=timeout, submit_timeout=timeout)


@contextmanager
def replaying(**numbers: str) -> Iterator[tuple[AppService, Replay]]:
    """An AppService in front of captured answers: ``replaying(query_tasks="115")``."""
    replay = Replay({method: capture(number) for method, number in numbers.items()})
    with serving(answering(replay)) as server:
        yield appservice(server), replay
