"""Which events a webhook hears of, and the messages that report them. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from workflows.model.redaction import redact
from workflows.model.states import FINAL_WORKFLOW, StepState, WorkflowState
from workflows.model.values import Event, Spec
from workflows.model.webhooks import Message, Subscription
from workflows.rules.batch_progress import failure_kind

TOKEN_EXPIRES: Final = "token.expires_soon"  # noqa: S105 - the name of an event
TEST: Final = "webhook.test"
NAMES: Final = (
    *(f"workflow.{state}" for state in WorkflowState if state is not WorkflowState.PLANNED),
    *(f"step.{state}" for state in StepState),
    *(f"batch.{state}" for state in sorted(FINAL_WORKFLOW)),
    TOKEN_EXPIRES,
    TEST,
)
"""Every event there is."""
PATTERNS: Final = ("*", "workflow.*", "step.*", "batch.*")
"""What may stand for several of them."""
USUAL: Final = (
    *(f"workflow.{state}" for state in sorted(FINAL_WORKFLOW)),
    "batch.*",
    TOKEN_EXPIRES,
)
"""What a webhook hears of that names no events."""
MOST_BYTES: Final = 20_000
"""Of a message's body."""
MOST_STEPS: Final = 250
"""Events of steps of one workflow that are reported of one advance: a cancel may change 10,000."""
_MOST_REASON: Final = 1_000
_ROOT: Final = "/api/v1"


@dataclass(frozen=True, slots=True)
class Subject:
    """The workflow or batch that events belong to."""

    id: str
    name: str
    status: str
    """Its status after these events."""
    labels: Mapping[str, str] = field(default_factory=dict)
    batch: str = ""
    """Of a workflow: the batch that it is a row of, or the gather."""
    spec: Spec | None = field(default=None, repr=False)
    states: Sequence[StepState] = ()
    """Of a workflow: of its steps."""
    begun_at: datetime | None = None
    """Of a workflow: when it was submitted or retried."""


@dataclass(frozen=True, slots=True)
class BatchEnd:
    """That all rows of a batch have ended, and its gather."""

    subject: Subject
    number: int
    """Tells it from other ends of the same batch, which may be retried."""
    at: datetime
    counts: Mapping[str, int]
    """States to rows."""
    gather: str = ""
    """The state of its gather; empty: it has none."""


def hears(subscription: Subscription, event: str, labels: Mapping[str, str] | None) -> bool:
    """Whether a webhook hears of an event. ``labels``: of its workflow or batch; None: it belongs
    to none."""
    wanted = subscription.events or USUAL
    family = event.partition(".")[0]
    named = event in wanted or f"{family}.*" in wanted or "*" in wanted
    return named and (
        labels is None or all(labels.get(key) == text for key, text in subscription.labels.items())
    )


def report_events(
    subscriptions: Sequence[Subscription],
    subject: Subject,
    events: Iterable[Event],
    public_url: str,
) -> Iterator[Message]:
    """The messages about events of a workflow in one advance, those about steps up to
    ``MOST_STEPS``. ``public_url``: what addresses of pages begin with."""
    steps = 0
    for event in events:
        name = f"{event.subject}.{event.after}"
        hearing = [each for each in subscriptions if hears(each, name, subject.labels)]
        steps += bool(hearing) and event.step is not None
        if not hearing or (event.step is not None and steps > MOST_STEPS):
            continue
        found = _event_data(subject, event) | {"url": f"{public_url}/ui/workflows/{subject.id}"}
        body = _body(name, event.at, found)
        for each in hearing:
            yield Message(
                message_id(each.webhook, subject.id, event.sequence),
                each.webhook,
                each.owner,
                name,
                event.at,
                body,
                f"{_ROOT}/workflows/{subject.id}",
                event.step_name,
                subject.id,
            )


def report_batch(
    subscriptions: Sequence[Subscription], end: BatchEnd, public_url: str
) -> list[Message]:
    """The messages about the end of a batch."""
    subject = end.subject
    name = f"batch.{subject.status}"
    found = {
        "batch_id": subject.id,
        "batch_name": subject.name,
        "status": subject.status,
        "sequence": end.number,
        "labels": dict(subject.labels),
        "counts": dict(end.counts),
        **({"gather": end.gather} if end.gather else {}),
        "url": f"{public_url}/ui/batches/{subject.id}",
    }
    body, source = _body(name, end.at, found), f"{_ROOT}/batches/{subject.id}"
    return [
        Message(
            message_id(each.webhook, subject.id, end.number),
            each.webhook,
            each.owner,
            name,
            end.at,
            body,
            source,
        )
        for each in subscriptions
        if hears(each, name, subject.labels)
    ]


def report_expiry(
    subscription: Subscription, expires_at: datetime, now: datetime, public_url: str
) -> Message:
    """The message that the token which the engine keeps for a user ends soon."""
    number = int(expires_at.timestamp())
    found = {"expires_at": _stamp(expires_at), "url": f"{public_url}/ui/workflows"}
    return _of_the_user(subscription, TOKEN_EXPIRES, f"token/{number}", now, found)


def report_test(subscription: Subscription, mark: str, now: datetime, public_url: str) -> Message:
    """A message that a user asks for; ``mark`` tells it from others."""
    found = {
        "webhook_id": subscription.webhook,
        "url": f"{public_url}/ui/webhooks/{subscription.webhook}",
    }
    return _of_the_user(subscription, TEST, f"test/{mark}", now, found)


def message_id(webhook: str, subject: str, number: int | str) -> str:
    """What receivers drop doubles by: it has no full stop, which signatures use as a separator."""
    place = f"{webhook}/{subject}/{number}".encode()
    return f"msg_{hashlib.blake2b(place, digest_size=16).hexdigest()}"


def _of_the_user(
    subscription: Subscription, event: str, subject: str, now: datetime, found: Mapping[str, Any]
) -> Message:
    return Message(
        message_id(subscription.webhook, subject, ""),
        subscription.webhook,
        subscription.owner,
        event,
        now,
        _body(event, now, found),
        f"{_ROOT}/webhooks/{subscription.webhook}",
    )


def _event_data(subject: Subject, event: Event) -> dict[str, Any]:
    """Ids, states and names; no parameter, and no path: a receiver that wants more asks with a
    token."""
    status = event.after if event.subject == "workflow" else subject.status
    optional = {
        "batch_id": subject.batch,
        "step_name": event.step_name,
        "app": event.app,
        "attempt": event.attempt,
        "job_id": event.job_id,
        "reason": _reason(event),
    }
    lasted = {} if event.duration is None else {"duration_seconds": event.duration.total_seconds()}
    return {
        "workflow_id": subject.id,
        "workflow_name": subject.name,
        "status": str(status),
        "sequence": event.sequence,
        "labels": dict(subject.labels),
        **{name: value for name, value in optional.items() if value},
        **lasted,
    }


def _reason(event: Event) -> str:
    """Without paths and long numbers, which only people with a token may read."""
    if not event.reason:
        return ""
    return redact(failure_kind(event.reason, event.job_id))[:_MOST_REASON]


def _body(event: str, at: datetime, found: Mapping[str, Any]) -> str:
    """Compact JSON of ASCII characters. Labels that make it too large are left out."""
    text = _compact(event, at, found)
    if len(text) > MOST_BYTES:
        text = _compact(event, at, {**found, "labels": {}})
    return text


def _compact(event: str, at: datetime, found: Mapping[str, Any]) -> str:
    return json.dumps(
        {"type": event, "timestamp": _stamp(at), "data": found}, separators=(",", ":")
    )


def _stamp(at: datetime) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
