"""Events, logs and states as they come, through lost connections, until the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

from bvbrc_workflows_client.errors import ConnectionLost
from bvbrc_workflows_client.session import Session, events_of, of_batch, of_workflow
from bvbrc_workflows_client.states import FINAL

Json = Any
AGAIN_SECONDS: Final = 2.0
_MOST_IN_VAIN: Final = 30
"""So many connections in a row that brought nothing: about a minute."""
_EVENTS: Final = {"Accept": "text/event-stream"}


def events(session: Session, workflow_id: str) -> Iterator[Json]:
    """Every event from the first on. Raises ``ConnectionLost`` after a minute without the API."""
    last, in_vain = 0, 0
    while True:
        before = last
        try:
            for event in _connection(session, workflow_id, last):
                last = event["id"]
                yield event
            if last == before:
                if _state(session, workflow_id) in FINAL:
                    return
                time.sleep(AGAIN_SECONDS)
        except ConnectionLost:
            in_vain = 0 if last > before else in_vain + 1
            if in_vain > _MOST_IN_VAIN:
                raise
            time.sleep(AGAIN_SECONDS)


def log(session: Session, workflow_id: str, tail: int | None) -> Iterator[str]:
    """Every line of the log, or first the last ``tail``, then what comes."""
    query: dict[str, Json] = {"follow": "true"} | ({} if tail is None else {"tail": tail})
    seen, in_vain = 0, 0
    while True:
        before = seen
        try:
            lines = session.lines(of_workflow(workflow_id, "/log"), **query)
            for number, line in enumerate(lines, 1):
                if number > seen:
                    seen = number
                    yield line
            if _state(session, workflow_id) in FINAL:
                return
        except ConnectionLost:
            in_vain = 0 if seen > before else in_vain + 1
            if tail is not None or in_vain > _MOST_IN_VAIN:
                raise
            time.sleep(AGAIN_SECONDS)


def batch_states(session: Session, batch_id: str) -> Iterator[Json]:
    """The batch whenever its counts have changed. Raises ``ConnectionLost`` after a minute without
    the API."""
    seen: Json = None
    in_vain = 0
    while seen is None or seen["status"] not in FINAL:
        try:
            for state in events_of(session.lines(of_batch(batch_id, "/events"), _EVENTS)):
                in_vain = 0
                if state != seen:
                    seen = state
                    yield state
        except ConnectionLost:
            in_vain += 1
            if in_vain > _MOST_IN_VAIN:
                raise
        if seen is None or seen["status"] not in FINAL:
            time.sleep(AGAIN_SECONDS)


def _connection(session: Session, workflow_id: str, last: int) -> Iterator[Json]:
    """The events of one connection, after the last one seen."""
    headers = _EVENTS | ({"Last-Event-ID": str(last)} if last else {})
    return events_of(session.lines(of_workflow(workflow_id, "/events"), headers))


def _state(session: Session, workflow_id: str) -> str:
    return str(session.get(of_workflow(workflow_id, "/status"))["status"])
