"""One attempt to deliver one message: a POST to an address that was checked for this attempt."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from workflows import __version__
from workflows.bvbrc import wire
from workflows.bvbrc.wire import Request, Wire
from workflows.engine.notifications.addresses import (
    Resolver,
    UnfitAddress,
    check_target,
    parse_target,
)
from workflows.model.errors import InDoubt, NotSent
from workflows.model.webhooks import Message
from workflows.rules.webhooks.attempts import Answer, make_headers, read_retry_after

USER_AGENT: Final = f"bvbrc-workflow-engine/{__version__}"
_ANSWER_BYTES: Final = 64 * 1024
"""What is read of an answer, and thrown away."""


@dataclass(frozen=True, slots=True)
class Poster:
    """Sends messages. It follows no redirect, and reads neither proxies nor passwords from its
    environment."""

    wire: Wire
    allowed: Sequence[str]
    """Networks that may be reached although they are not public."""
    timeout: timedelta
    resolver: Resolver | None = None
    """Of hosts' names; None: that of this machine."""

    def post(self, message: Message, url: str, secrets: Sequence[str], now: datetime) -> Answer:
        """``now``: the true time, which receivers compare with theirs."""
        ends = time.monotonic() + self.timeout.total_seconds()
        try:
            target = parse_target(url)
            addresses = check_target(target, self.allowed, self.resolver)
        except UnfitAddress as unfit:
            return Answer(error=f"not sent: {unfit}")
        headers = make_headers(message, secrets, now, USER_AGENT)
        headers |= {"Host": target.authority, "Connection": "close", "Accept-Encoding": "identity"}
        answer = Answer(error="not sent: no time was left")
        for address in addresses:
            left = timedelta(seconds=ends - time.monotonic())
            if left <= timedelta(0):
                break
            content = message.body.encode()
            request = Request(
                "POST", url, headers, left, content, once=True, limit_bytes=_ANSWER_BYTES,
                address=address,
            )  # fmt: skip
            try:
                return _read(self.wire.exchange(request), now)
            except NotSent as failure:
                why = str(failure).rpartition(": ")[2]
                answer = Answer(error=f"it cannot be reached: {why}")
            except InDoubt:
                return Answer(error="it did not answer in time, or ended the connection")
        return answer


def _read(found: wire.Answer, now: datetime) -> Answer:
    if 200 <= found.status < 300:  # noqa: PLR2004 - success in HTTP
        return Answer(found.status)
    redirect = 300 <= found.status < 400  # noqa: PLR2004 - redirects in HTTP
    error = f"it answered {found.status}" + (", and redirects are not followed" if redirect else "")
    text = found.headers.get("Retry-After", "")
    return Answer(found.status, error, read_retry_after(text, now) if text else None)
