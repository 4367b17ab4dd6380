"""A letter holds what it says and no more headers than it should, whatever names are."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.conftest import document
from workflows.model.states import StepState
from workflows.model.values import Event
from workflows.model.webhooks import Channel, Message, Subscription
from workflows.rules.mail.addresses import is_address, mailbox, normalise
from workflows.rules.mail.digests import report_batch, report_events
from workflows.rules.mail.letters import Letterhead
from workflows.rules.webhooks.events import BatchEnd, Subject
from workflows.spec.document import spec_from

AT = datetime(2026, 1, 19, 10, 41, 7, 112000, tzinfo=UTC)
HEAD = Letterhead("Ünsere <workflows@engine.example.org>", "https://w.example.org")
ALICE = Subscription("em_1", "alice@bvbrc", (), {}, Channel.EMAIL, "alice@lab.example.org", "word")
HEADERS = {
    *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"),
    *("List-Unsubscribe", "List-Unsubscribe-Post"),
    *("MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
}


def end(after: str = "failed", number: int = 9) -> Event:
    return Event(number, AT, "workflow", "running", after, reason="/alice/home/x is no file")


def write(subject: Subject, *events: Event) -> list[Message]:
    return list(report_events([ALICE], subject, events or [end()], HEAD))


def read(message: Message) -> EmailMessage:
    found = email.message_from_bytes(message.body.encode("ascii"), policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    assert not found.defects
    return found


NAMES = st.text(min_size=1, max_size=250) | st.sampled_from(
    [
        "a\r\nBcc: eve@example.org",
        "a\nSubject: b",
        "a\r\n\r\nbody",
        "\u2028x\x85y\x0bz",
        "=?utf-8?q?x?=",
        "\ud800",
        '"',
        ". . .\r\n.\r\n",
    ]
)


@given(NAMES, NAMES)
def test_no_name_adds_a_header_or_ends_a_letter(name: str, owner: str) -> None:
    asked = Subscription("em_1", owner, (), {}, Channel.EMAIL, ALICE.address, "word")
    [message] = report_events([asked], Subject("wf_1", name, "failed"), [end()], HEAD)

    letter = read(message)

    assert set(letter.keys()) == HEADERS
    assert len(letter.keys()) == len(HEADERS)
    assert letter["To"] == ALICE.address
    assert "\n" not in letter["Subject"]
    assert "/ui/email/leave?address=em_1&word=word" in letter.get_content()
    assert all(line.endswith("\r\n") for line in message.body.splitlines(keepends=True))
    assert "\n" not in message.body.replace("\r\n", "")


def test_the_same_end_is_the_same_letter_and_another_end_another_one() -> None:
    subject = Subject("wf_1", "w", "failed")
    first, again, later = (write(subject, end(number=number))[0] for number in (9, 9, 12))

    assert first == again
    assert read(first)["Message-ID"] == f"<{first.id}@engine.example.org>"
    assert later.id != first.id


def test_it_names_states_and_failed_steps_and_no_reason() -> None:
    spec = spec_from(document("", "a", "b"))
    states = (StepState.SUCCEEDED, StepState.FAILED, StepState.UPSTREAM_FAILED)
    begun = AT - timedelta(hours=3, minutes=12)
    subject = Subject("wf_1", "assembly", "failed", {}, "", spec, states, begun)

    text = read(write(subject)[0]).get_content()

    assert "Workflow 'assembly' has failed." in text
    assert "1 succeeded, 1 failed, 1 upstream failed" in text
    assert "b (Date)" in text
    assert "3 h 12 min" in text
    assert "/home/" not in text
    for step in spec.steps:
        for value in step.params.values():
            assert str(value) not in text


@pytest.mark.parametrize(
    ("event", "batch"),
    [
        (Event(1, AT, "workflow", "pending", "running"), ""),
        (Event(1, AT, "step", "running", "failed", 0, "a", "Date", 1), ""),
        (end(), "batch_1"),
    ],
)
def test_what_is_no_end_and_what_is_in_a_batch_makes_no_letter(event: Event, batch: str) -> None:
    assert write(Subject("wf_1", "w", "failed", batch=batch), event) == []


def test_a_batch_is_one_letter_with_counts() -> None:
    subject = Subject("batch_1", "samples", "failed")
    [message] = report_batch(
        [ALICE], BatchEnd(subject, 7, AT, {"succeeded": 38, "failed": 2}, "skipped"), HEAD
    )

    letter = read(message)

    assert letter["Subject"] == "Failed: batch samples"
    assert "38 succeeded, 2 failed" in letter.get_content()
    assert "Gather    skipped" in letter.get_content()


def test_without_https_no_program_posts_by_itself() -> None:
    plain = Letterhead(HEAD.sender, "http://127.0.0.1:8000")
    [message] = report_events([ALICE], Subject("wf_1", "w", "failed"), [end()], plain)

    assert "List-Unsubscribe" in read(message)
    assert "List-Unsubscribe-Post" not in read(message)


@given(st.text())
def test_an_address_fits_into_a_header_and_a_command(text: str) -> None:
    if is_address(text):
        assert text.isascii()
        assert not set(text) & set('\r\n\0 <>,;:"()[]\\')


def test_mailboxes_are_told_apart_as_most_mail_servers_do() -> None:
    assert mailbox("Alice+x@Lab.example.org") == mailbox("alice@lab.example.org")
    assert mailbox("alice@lab.example.org") != mailbox("bob@lab.example.org")
    assert normalise(" Alice@LAB.example.org ") == "Alice@lab.example.org"
