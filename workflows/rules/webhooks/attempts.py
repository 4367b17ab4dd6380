"""One attempt to deliver a message: its headers and signature, and what follows from the answer.
Pure.

Signatures are those of Standard Webhooks 1.0.0, further headers those of CloudEvents 1.0 in binary
mode: both speak of the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final
from urllib.parse import quote

from workflows.model.webhooks import Message

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - begins every secret
SPREAD: Final = 0.1
"""Waits are up to so much longer or shorter, so that retries do not come all at once."""
LONGEST_WAIT: Final = timedelta(days=1)
"""What a receiver may ask for with Retry-After."""
SHORTEST_HOLD: Final = timedelta(seconds=5)
"""How long a receiver that is overloaded or silent is left alone, at least."""
OUTAGE_WAIT: Final = timedelta(minutes=1)
"""Until our own mail server, which failed, is tried again for an address."""
_OVERLOADED: Final = frozenset({429, 502, 503, 504})
_GONE: Final = 410
_PRINTABLE: Final = "".join(map(chr, range(0x21, 0x7F))).replace('"', "").replace("%", "")
"""What CloudEvents leaves as it is in headers."""


class Outcome(StrEnum):
    """What an attempt led to; the label of the metric."""

    DELIVERED = "delivered"
    RETRIED = "retried"
    FAILED = "failed"
    """The last attempt of the message."""
    GONE = "gone"
    """The receiver said that it wants no more: the webhook is disabled."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt."""

    status: int | None = None
    """None: no answer came."""
    error: str = ""
    """Why it counts as failed: our words, never the receiver's."""
    retry_after: timedelta | None = None
    is_gone: bool = False
    """Of e-mail: there is no such address."""
    is_outage: bool = False
    """Our own mail server fails, which says nothing of the receiver."""
    is_over: bool = False
    """Its user has had all letters of the day: it was not sent and is not."""

    @property
    def is_yes(self) -> bool:
        """The receiver has the message."""
        return self.status is not None and 200 <= self.status < 300  # noqa: PLR2004 - HTTP, SMTP

    @property
    def is_the_receivers(self) -> bool:
        """Whether it says anything of the receiver."""
        return not (self.is_outage or self.is_over)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from an attempt."""

    outcome: Outcome
    wait: timedelta | None = None
    """Until the next attempt of this message."""
    hold: timedelta | None = None
    """How long nothing is sent to this webhook."""


def judge(answer: Answer, attempts: int, schedule: Sequence[timedelta], chance: float) -> Verdict:
    """What follows from the ``attempts``-th attempt. ``chance``: a random number from 0 to 1."""
    if answer.is_yes:
        return Verdict(Outcome.DELIVERED)
    if answer.is_over:
        return Verdict(Outcome.FAILED)
    if answer.is_outage:
        wait = OUTAGE_WAIT * (1 - SPREAD + 2 * SPREAD * chance)
        return Verdict(Outcome.RETRIED, wait, wait)
    if answer.is_gone or answer.status == _GONE:
        return Verdict(Outcome.GONE)
    hold = None
    if answer.status is None or answer.status in _OVERLOADED:
        hold = max(SHORTEST_HOLD, min(answer.retry_after or timedelta(0), LONGEST_WAIT))
    if attempts > len(schedule):
        return Verdict(Outcome.FAILED, hold=hold)
    wait = schedule[attempts - 1] * (1 - SPREAD + 2 * SPREAD * chance)
    asked = hold if hold and answer.retry_after else timedelta(0)
    return Verdict(Outcome.RETRIED, max(wait, asked), hold)


def read_retry_after(text: str, now: datetime) -> timedelta | None:
    """Seconds or a date; None where it is neither."""
    word = text.strip()
    if word.isascii() and word.isdigit():
        return min(timedelta(seconds=int(word[:9])), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(word)
    except (TypeError, ValueError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(at - now, timedelta(0)), LONGEST_WAIT)


def make_headers(
    message: Message, secrets: Sequence[str], now: datetime, user_agent: str
) -> dict[str, str]:
    """Of one attempt, at ``now``: a signature by each secret."""
    seconds = int(now.timestamp())
    signed = f"{message.id}.{seconds}.{message.body}".encode()
    subject = {"ce-subject": _escape(message.step_name)} if message.step_name else {}
    return {
        "Content-Type": "application/json",
        "User-Agent": user_agent,
        "webhook-id": message.id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(_sign(secret, signed) for secret in secrets),
        "ce-specversion": "1.0",
        "ce-id": message.id,
        "ce-type": f"org.bv-brc.workflow.{message.event}",
        "ce-source": _escape(message.source),
        "ce-time": message.at.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
        **subject,
    }


def write_secret(key: bytes) -> str:
    """A key as receivers get it: 24 to 64 random bytes."""
    return SECRET_PREFIX + base64.b64encode(key).decode()


def _sign(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return f"v1,{base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()}"


def _escape(text: str) -> str:
    return quote(text, safe=_PRINTABLE)
