"""Waits for the end of a workflow or a batch."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Any, Final

from bvbrc_workflows_client.errors import RunFailed
from bvbrc_workflows_client.session import Session
from bvbrc_workflows_client.states import FINAL

Json = Any
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 5.0


def wait_for_end(
    session: Session, path: str, timeout: float | None, **query: Json
) -> dict[str, Any]:
    """The answer of ``path`` with a final state. An unchanged one comes without a body (ETag).

    Asks instead of holding a live stream, of which a user has few. Raises ``TimeoutError`` after
    ``timeout`` seconds; what was waited for goes on.
    """
    give_up = None if timeout is None else time.monotonic() + timeout
    pause, headers, answer = _FIRST_PAUSE_SECONDS, dict[str, str](), dict[str, Any]()
    while True:
        response = session.ask("GET", path, headers=headers, params=query)
        if response.status_code != HTTPStatus.NOT_MODIFIED:
            answer = response.json()
            headers = {"If-None-Match": tag} if (tag := response.headers.get("ETag")) else {}
        if answer["status"] in FINAL:
            return answer
        if give_up is not None and time.monotonic() + pause > give_up:
            raise TimeoutError(f"{path} is still {answer['status']} after {timeout} s.")
        time.sleep(pause)
        pause = min(1.5 * pause, _LONGEST_PAUSE_SECONDS)


def raise_if_unsuccessful(identifier: str, answer: dict[str, Any]) -> None:
    if answer["status"] != "succeeded":
        raise RunFailed(identifier, answer)
