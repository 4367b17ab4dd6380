"""JSON-RPC as BV-BRC's services speak it: one call, answered by its return values or an exception.

Each exception says what may be done next (``errors.py``). A call that starts something is made
``once``: a failure that leaves its outcome open raises ``InDoubt``. All others can be repeated, so
that a lost answer is only ``ServiceAway``.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final
from uuid import uuid4

from structlog.contextvars import get_contextvars

from workflows.bvbrc.refusals import refusal
from workflows.bvbrc.token import parse
from workflows.bvbrc.wire import LIMIT_BYTES, Answer, Request, Wire
from workflows.model.errors import (
    BadToken,
    InDoubt,
    Rejected,
    ServiceAway,
    ServiceError,
    Unauthorized,
)

INTERNAL_ERROR: Final = -32603
TURNED_AWAY: Final = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})
_CODE: Final = re.compile(r"-?[0-9]{1,6}")
_CLOUDFLARE: Final = re.compile(rb"cloudflare|error code: 1\d\d\d", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Call:
    """A method of a service and its arguments, by position."""

    url: str
    method: str
    """With the service's name: ``AppService.query_tasks``."""
    params: Sequence[Any]
    timeout: timedelta
    once: bool = False
    """It starts something: it must not be sent twice."""
    send_by: float | None = None
    """An instant of the monotonic clock after which it must not be sent at all."""
    may_leave: Callable[[], bool] | None = None
    """Asked just before the first byte leaves; if false, the call is ``Withheld``."""
    limit_bytes: int = LIMIT_BYTES
    """Of the answer; a longer one counts as none."""


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was made, as metrics count it."""

    call: Call
    duration: timedelta
    failure: ServiceError | None = None


class Rpc:
    """Calls over one wire. Threads may share it. ``report`` is called after every call."""

    def __init__(self, wire: Wire, report: Callable[[Made], None] = lambda _: None) -> None:
        self._wire = wire
        self._report = report

    def call(self, token: str, call: Call) -> list[Any]:
        """The method's return values. Raises the ``ServiceError`` that says what to do next."""
        begun = time.monotonic()
        failure: ServiceError | None = None
        try:
            return self._call(token, call)
        except ServiceError as raised:
            failure = raised
            raise
        finally:
            self._report(Made(call, timedelta(seconds=time.monotonic() - begun), failure))

    def _call(self, token: str, call: Call) -> list[Any]:
        call_id = uuid4().hex
        request = Request(
            "POST",
            call.url,
            {"Content-Type": "application/json", "Authorization": _bare(token), **_request_id()},
            call.timeout,
            _body(call, call_id),
            once=call.once,
            send_by=call.send_by,
            may_leave=call.may_leave,
            limit_bytes=call.limit_bytes,
        )
        return _result(self._exchange(request), call_id, once=call.once)

    def fetch(
        self,
        token: str,
        url: str,
        *,
        timeout: timedelta,
        limit_bytes: int = LIMIT_BYTES,
        keep_end: bool = False,
    ) -> Answer:
        """A file of `task_info` or Shock, which want the token's kind before it. ``keep_end``: the
        end of a longer file, not its beginning."""
        headers = {"Authorization": f"OAuth {_bare(token)}"}
        answer = self._exchange(
            Request("GET", url, headers, timeout, limit_bytes=limit_bytes, keep_end=keep_end)
        )
        if _turned_away(answer):
            raise ServiceAway(_error_text(answer))
        return answer

    def ping(self, url: str, *, timeout: timedelta) -> None:
        """Raises if only a proxy answers. A 404 of the service counts as its answer."""
        answer = self._exchange(Request("GET", url, {}, timeout))
        if _turned_away(answer) or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise ServiceAway(_error_text(answer))

    def _exchange(self, request: Request) -> Answer:
        try:
            return self._wire.exchange(request)
        except InDoubt as loss:
            if request.once:
                raise
            raise ServiceAway(str(loss)) from loss


def local_time() -> datetime:
    """This host's clock, which may be wrong."""
    return datetime.now(UTC)


def require_alive(token: str, now: datetime) -> None:
    """Raises ``Unauthorized`` for a token that has expired; for services that do not say so."""
    try:
        expires_at = parse(token).expires_at
    except BadToken as failure:
        raise Unauthorized(str(failure), by_service=False) from failure
    if now >= expires_at:
        raise Unauthorized("the token has expired", by_service=False)


def _request_id() -> dict[str, str]:
    """The id under which our log lines tell of this, for the service's own."""
    found = str(get_contextvars().get("request_id") or "")
    return {"X-Request-ID": found} if found.isascii() and found.isprintable() and found else {}


def _bare(token: str) -> str:
    """The token as a header value, checked here because `requests` quotes a value that it
    refuses."""
    if not token or not token.isascii() or not token.isprintable():
        raise Unauthorized("there is no usable token", by_service=False)
    return token


def _body(call: Call, call_id: str) -> bytes:
    message = {"jsonrpc": "2.0", "id": call_id, "method": call.method, "params": list(call.params)}
    try:
        return json.dumps(message, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as failure:
        raise Rejected(f"the arguments of {call.method} are not JSON") from failure


def _result(answer: Answer, call_id: str, *, once: bool) -> list[Any]:
    try:
        envelope = answer.json()
    except ValueError:
        envelope = None
    if isinstance(envelope, dict):
        if error := _error(envelope):
            raise refusal(*error, once=once)
        result = envelope.get("result")
        # Another id means that a proxy or the connection has mixed up answers.
        if isinstance(result, list) and envelope.get("id") == call_id:
            return result
    raise _useless(answer, once=once)


def _error(envelope: Mapping[str, Any]) -> tuple[int, str] | None:
    """Code and message. Version 1.0 of the protocol may have a bare string for both."""
    error = envelope.get("error")
    if isinstance(error, str) and error and "result" in envelope:
        return INTERNAL_ERROR, error
    if not isinstance(error, Mapping) or not isinstance(error.get("message"), str):
        return None
    code = str(error.get("code"))
    return int(code) if _CODE.fullmatch(code) else INTERNAL_ERROR, error["message"]


def _useless(answer: Answer, *, once: bool) -> ServiceError:
    """An answer that is not the service's: a proxy's page, a half, or nonsense."""
    said = _error_text(answer)
    if _turned_away(answer) or (answer.status in TURNED_AWAY and "CF-Ray" in answer.headers):
        return ServiceAway(said)
    if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return Rejected(said)
    busy = answer.status in {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
    overload = busy or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return InDoubt(said, overload=overload) if once else ServiceAway(said)


def _turned_away(answer: Answer) -> bool:
    """Whether Cloudflare refused before the service saw anything. ``CF-Ray`` alone proves
    nothing: it is on the service's own answers too.
    """
    if answer.status not in TURNED_AWAY:
        return False
    return "CF-Mitigated" in answer.headers or bool(_CLOUDFLARE.search(answer.body))


def _error_text(answer: Answer) -> str:
    if answer.cut:
        return f"the answer is longer than {len(answer.body)} bytes"
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = "no known status"
    return f"HTTP {answer.status} ({phrase}) instead of an answer of the service"
