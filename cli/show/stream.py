"""A workflow's events and log as they come, through lost connections, until its final state."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any, Final

from cli.api import Api, of_workflow
from cli.show.failures import ConnectionLost
from cli.show.progress import FINAL

Json = Any
AGAIN_SECONDS: Final = 2.0
_MOST_IN_VAIN: Final = 30
"""So many connections in a row that brought nothing: about a minute."""


def events(api: Api, workflow_id: str) -> Iterator[Json]:
    """Every event from the first on. Raises ``ConnectionLost`` after a minute without the API."""
    last, in_vain = 0, 0
    while True:
        before = last
        try:
            for event in _one(api, workflow_id, last):
                last = event["id"]
                yield event
            if last == before:
                if _state(api, workflow_id) in FINAL:
                    return
                time.sleep(AGAIN_SECONDS)
        except ConnectionLost:
            in_vain = 0 if last > before else in_vain + 1
            if in_vain > _MOST_IN_VAIN:
                raise
            time.sleep(AGAIN_SECONDS)


def log(api: Api, workflow_id: str, tail: int | None) -> Iterator[str]:
    """Every line of the log, or first the last ``tail``, then what comes."""
    query: dict[str, Json] = {"follow": "true"} | ({} if tail is None else {"tail": tail})
    seen, in_vain = 0, 0
    while True:
        before = seen
        try:
            for number, line in enumerate(api.lines(of_workflow(workflow_id, "/log"), **query), 1):
                if number > seen:
                    seen = number
                    yield line
            if _state(api, workflow_id) in FINAL:
                return
        except ConnectionLost:
            in_vain = 0 if seen > before else in_vain + 1
            if tail is not None or in_vain > _MOST_IN_VAIN:
                raise
            time.sleep(AGAIN_SECONDS)


def _one(api: Api, workflow_id: str, last: int) -> Iterator[Json]:
    """The events of one connection."""
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": str(last)} if last else {})
    for line in api.lines(of_workflow(workflow_id, "/events"), headers):
        if line.startswith("data:"):
            yield json.loads(line.removeprefix("data:"))


def _state(api: Api, workflow_id: str) -> str:
    return str(api.get(of_workflow(workflow_id, "/status"))["status"])
