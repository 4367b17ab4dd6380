"""What e-mail says of the end of a workflow or batch: one letter each. Pure.

States, names of steps and a link: no parameter, no path, no result, no reason, which may quote a
parameter. A workflow of a batch has no letter of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from workflows.model.states import FINAL_WORKFLOW, StepState
from workflows.model.values import Event
from workflows.model.webhooks import Message, Subscription
from workflows.rules.mail.letters import Letter, Letterhead, one_line, shorten, write_letter
from workflows.rules.webhooks.events import (
    TEST,
    TOKEN_EXPIRES,
    USUAL,
    BatchEnd,
    Subject,
    hears,
    message_id,
)

EVENTS: Final = USUAL
"""What an address hears of that names no events."""
NAMES: Final = (
    *(f"workflow.{state}" for state in sorted(FINAL_WORKFLOW)),
    *(f"batch.{state}" for state in sorted(FINAL_WORKFLOW)),
    TOKEN_EXPIRES,
)
"""Every event that letters tell of."""
PATTERNS: Final = ("workflow.*", "batch.*")
"""What may stand for several of them."""
CONFIRM: Final = "email.confirm"
LIMIT: Final = "email.limit"
_MOST_STEPS: Final = 10
"""Steps that are named."""
_MOST_NAME: Final = 200
_DAYS_FROM: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class _Content:
    """What one letter says to all its readers."""

    event: str
    at: datetime
    subject: str
    text: str
    source: str
    workflow: str = ""


def report_events(
    subscriptions: Sequence[Subscription],
    subject: Subject,
    events: Iterable[Event],
    head: Letterhead,
) -> Iterator[Message]:
    """The letters about the end of a workflow that is in no batch."""
    for event in events:
        if event.subject != "workflow" or event.after not in FINAL_WORKFLOW or subject.batch:
            continue
        name = f"workflow.{event.after}"
        hearing = [each for each in subscriptions if hears(each, name, subject.labels)]
        if not hearing:
            continue
        content = _of_workflow(name, subject, event, head)
        for each in hearing:
            yield _message(
                message_id(each.webhook, subject.id, event.sequence), each, content, head
            )


def report_batch(
    subscriptions: Sequence[Subscription], end: BatchEnd, head: Letterhead
) -> list[Message]:
    """The letters about the end of a batch."""
    subject = end.subject
    event = f"batch.{subject.status}"
    page = f"{head.public_url}/ui/batches/{subject.id}"
    facts = {"Batch": subject.id, "Ended": _moment(end.at), "Workflows": _counts(end.counts)}
    facts |= {"Gather": end.gather} if end.gather else {}
    sentence = f"Batch {_quote(subject.name)} has {_tell_end(subject.status)}."
    text = f"{sentence}\n\n{_table(facts)}\n{page}\n"
    title = f"{subject.status.capitalize()}: batch {shorten(subject.name)}"
    content = _Content(event, end.at, title, text, f"/api/v1/batches/{subject.id}")
    return [
        _message(message_id(each.webhook, subject.id, end.number), each, content, head)
        for each in subscriptions
        if hears(each, event, subject.labels)
    ]


def report_expiry(
    subscription: Subscription, expires_at: datetime, now: datetime, head: Letterhead
) -> Message:
    """The letter that the token which the engine keeps for a user ends soon."""
    text = (
        f"The BV-BRC token that the workflow engine keeps for you ends at {_moment(expires_at)},\n"
        "and you have workflows under way. Their further steps wait from then on, until you hand\n"
        f"in a fresh one:\n\n{head.public_url}/ui/token\n"
    )
    number = message_id(subscription.webhook, f"token/{int(expires_at.timestamp())}", "")
    content = _Content(TOKEN_EXPIRES, now, "Your token ends soon", text, _source(subscription))
    return _message(number, subscription, content, head)


def report_test(subscription: Subscription, mark: str, now: datetime, head: Letterhead) -> Message:
    """A letter that a user asks for; ``mark`` tells it from others."""
    text = "Letters about your workflows reach you here.\n"
    number = message_id(subscription.webhook, f"test/{mark}", "")
    content = _Content(TEST, now, "A test", text, _source(subscription))
    return _message(number, subscription, content, head)


def report_limit(subscription: Subscription, most: int, now: datetime, head: Letterhead) -> Message:
    """The last letter of a day: further ones of this day (UTC) are not sent."""
    text = (
        f"You have had {most} letters about your workflows today (UTC), as many as there may be\n"
        "in a day. Of what ends later today no letter follows; this page shows it:\n\n"
        f"{head.public_url}/ui/workflows\n\n"
        "A batch of workflows is one letter, however many workflows are in it.\n"
    )
    number = message_id(subscription.webhook, f"limit/{now:%Y-%m-%d}", "")
    content = _Content(LIMIT, now, "No more letters today", text, _source(subscription))
    return _message(number, subscription, content, head)


def ask_confirmation(
    subscription: Subscription, word: str, now: datetime, head: Letterhead
) -> Message:
    """The only letter to an address that is not confirmed. ``word``: the signed one that confirms
    it."""
    address_id, owner = subscription.webhook, subscription.owner
    link = f"{head.public_url}/ui/email/confirm?word={word}"
    text = (
        f"The BV-BRC user {one_line(owner)} asks that letters about the ends of workflows be sent\n"
        "to this address. To get them, open this page within a day:\n\n"
        f"{link}\n\n"
        "If that is not you, or you do not want them, do nothing: no further letter follows.\n"
    )
    number, source = message_id(address_id, "confirm", ""), f"/api/v1/email-addresses/{address_id}"
    letter = Letter(number, subscription.address, "Confirm your e-mail address", text, now)
    return Message(number, address_id, owner, CONFIRM, now, write_letter(letter, head), source)


def _of_workflow(name: str, subject: Subject, event: Event, head: Letterhead) -> _Content:
    page, state = f"{head.public_url}/ui/workflows/{subject.id}", _tell_end(event.after)
    lasted = event.at - subject.begun_at if subject.begun_at else None
    facts = {
        "Workflow": subject.id,
        "Ended": _moment(event.at),
        "After": _span(lasted) if lasted is not None else "",
        "Steps": _counts(Counter(map(str, subject.states))),
        "Failed": _failed_steps(subject),
    }
    text = f"Workflow {_quote(subject.name)} has {state}.\n\n{_table(facts)}\n{page}\n"
    title = f"{event.after.capitalize()}: {shorten(subject.name)}"
    source = f"/api/v1/workflows/{subject.id}"
    return _Content(name, event.at, title, text, source, subject.id)


def _message(
    number: str, subscription: Subscription, content: _Content, head: Letterhead
) -> Message:
    who = f"address={subscription.webhook}&word={subscription.unsubscribe}"
    leave = f"{head.public_url}/ui/email/leave?{who}"
    text = (
        f"{content.text}\n-- \nThe BV-BRC user {one_line(subscription.owner)} has asked for this"
        f" letter.\nNo more of them: {leave}\n"
    )
    letter = Letter(number, subscription.address, content.subject, text, content.at, leave)
    return Message(
        number,
        subscription.webhook,
        subscription.owner,
        content.event,
        content.at,
        write_letter(letter, head),
        content.source,
        workflow=content.workflow,
    )


def _failed_steps(subject: Subject) -> str:
    if subject.spec is None:
        return ""
    failed = [
        f"{shorten(step.name)} ({step.app})"
        for step, state in zip(subject.spec.steps, subject.states, strict=False)
        if state is StepState.FAILED
    ]
    more = len(failed) - _MOST_STEPS
    return ", ".join(failed[:_MOST_STEPS]) + (f" and {more} more" if more > 0 else "")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counts.items())


def _table(facts: Mapping[str, str]) -> str:
    return "".join(f"  {name:10}{text}\n" for name, text in facts.items() if text)


def _quote(name: str) -> str:
    return f"'{shorten(name, _MOST_NAME)}'"


def _tell_end(state: str) -> str:
    return "been cancelled" if state == "cancelled" else str(state)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _span(lasted: timedelta) -> str:
    seconds = max(int(lasted.total_seconds()), 0)
    if lasted >= _DAYS_FROM:
        return f"{seconds // 86_400} days {seconds % 86_400 // 3600} h"
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds % 60:02} s"


def _source(subscription: Subscription) -> str:
    return f"/api/v1/email-addresses/{subscription.webhook}"
