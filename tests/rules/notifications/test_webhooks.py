"""Which events a webhook hears of, what messages say, and when an attempt is repeated."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.model.values import Event
from workflows.model.webhooks import Message, Subscription
from workflows.rules.webhooks.attempts import (
    LONGEST_WAIT,
    SHORTEST_HOLD,
    Answer,
    Outcome,
    judge,
    make_headers,
    read_retry_after,
)
from workflows.rules.webhooks.events import (
    MOST_BYTES,
    MOST_STEPS,
    NAMES,
    BatchEnd,
    Subject,
    hears,
    message_id,
    report_batch,
    report_events,
)

AT = datetime(2026, 1, 19, 10, 41, 7, 112000, tzinfo=UTC)
SCHEDULE = [timedelta(seconds=5), timedelta(seconds=300)]
ANY = Subscription("wh_1", "alice", ("*",))
STEP = Event(7, AT, "step", "running", "failed", 0, "align", "Date", 2, "21000001")


def messages(event: Event, subject: Subject, *subscriptions: Subscription) -> list[Message]:
    return list(report_events(subscriptions or (ANY,), subject, [event], "https://w.org"))


@pytest.mark.parametrize(
    ("wanted", "event", "expected"),
    [
        ((), "workflow.succeeded", True),
        ((), "workflow.running", False),
        ((), "step.failed", False),
        ((), "batch.cancelled", True),
        ((), "token.expires_soon", True),
        (("step.*",), "step.failed", True),
        (("step.*",), "workflow.failed", False),
        (("step.failed",), "step.failed", True),
        (("step.failed",), "step.succeeded", False),
    ],
)
def test_a_webhook_hears_of_what_it_names(
    wanted: tuple[str, ...], event: str, *, expected: bool
) -> None:
    assert hears(Subscription("wh_1", "alice", wanted), event, {}) is expected


@pytest.mark.parametrize("event", NAMES)
def test_a_star_is_everything(event: str) -> None:
    assert hears(ANY, event, {})


def test_labels_must_all_be_there_where_there_are_labels() -> None:
    narrow = Subscription("wh_1", "alice", ("*",), {"a": "1", "b": "2"})

    assert hears(narrow, "workflow.failed", {"a": "1", "b": "2", "c": "3"})
    assert not hears(narrow, "workflow.failed", {"a": "1"})
    assert not hears(narrow, "workflow.failed", {"a": "1", "b": "3"})
    assert hears(narrow, "token.expires_soon", None)


def test_a_message_holds_no_path_and_no_number_of_a_reason() -> None:
    reason = "cannot read /alice@bvbrc/home/secret reads.fq: job 21000001, genome 1234567"
    event = Event(1, AT, "step", "running", "failed", 0, "a", "Date", 1, "21000001", reason)

    [found] = messages(event, Subject("wf_1", "w", "failed"))

    assert "secret" not in found.body
    assert "1234567" not in found.body
    assert json.loads(found.body)["data"]["reason"].startswith("cannot read …")


@given(
    st.dictionaries(st.text(max_size=200), st.text(max_size=200), max_size=64),
    st.text(max_size=200),
    st.text(max_size=5_000),
)
def test_a_body_is_small_compact_and_ascii(labels: dict[str, str], name: str, reason: str) -> None:
    event = Event(1, AT, "step", "running", "failed", 0, name, "Date", 1, "1", reason)

    [found] = messages(event, Subject("wf_1", name, "running", labels, "b_1"))

    assert found.body.isascii()
    assert len(found.body) <= MOST_BYTES
    assert json.loads(found.body)["timestamp"] == "2026-01-19T10:41:07.112Z"


def test_labels_that_make_a_body_too_large_are_left_out() -> None:
    labels = {str(n): "x" * 200 for n in range(1_000)}

    [found] = messages(STEP, Subject("wf_1", "w", "running", labels))

    assert len(found.body) <= MOST_BYTES
    assert json.loads(found.body)["data"]["labels"] == {}


def test_a_message_says_what_moved_and_how_long_it_took() -> None:
    ended = Event(8, AT, "step", "running", "succeeded", 0, "align", duration=timedelta(seconds=90))
    failed = Event(9, AT, "workflow", "running", "failed")

    of_step, of_workflow = (
        json.loads(found.body)["data"]
        for event in (ended, failed)
        for found in messages(event, Subject("wf_1", "w", "running"))
    )

    assert (of_step["status"], of_step["duration_seconds"]) == ("running", 90)
    assert of_workflow["status"] == "failed"
    assert not {"reason", "duration_seconds", "step_name"} & set(of_workflow)


def test_the_end_of_a_batch_reaches_those_that_hear_of_it() -> None:
    others = (
        Subscription("wh_2", "alice", ("step.*",)),
        Subscription("wh_3", "alice", (), {"a": "1"}),
    )
    end = BatchEnd(Subject("b_1", "b", "failed"), 1, AT, {"failed": 2})

    [found] = report_batch((ANY, *others), end, "https://w.org")

    assert (found.webhook, found.event) == ("wh_1", "batch.failed")
    assert json.loads(found.body)["data"]["counts"] == {"failed": 2}


def test_a_cancel_of_very_many_steps_is_reported_in_part_and_its_end_in_full() -> None:
    steps = [Event(n, AT, "step", "ready", "cancelled", n, f"s{n}") for n in range(1, 1_001)]
    end = Event(1_001, AT, "workflow", "running", "cancelled")

    found = list(report_events([ANY], Subject("wf_1", "w", "cancelled"), [*steps, end], ""))

    assert len(found) == MOST_STEPS + 1
    assert found[-1].event == "workflow.cancelled"


def test_an_id_tells_webhooks_workflows_and_events_apart_and_nothing_more() -> None:
    ids = {
        message_id(webhook, workflow, number)
        for webhook in ("wh_1", "wh_2")
        for workflow in ("wf_1", "wf_2")
        for number in (1, 2)
    }

    assert len(ids) == 8
    assert all("." not in each and each.startswith("msg_") for each in ids)
    assert message_id("wh_1", "wf_1", 1) in ids


@pytest.mark.parametrize(
    ("answer", "attempts", "outcome", "held"),
    [
        (Answer(200), 1, Outcome.DELIVERED, False),
        (Answer(299), 1, Outcome.DELIVERED, False),
        (Answer(302), 1, Outcome.RETRIED, False),
        (Answer(404), 2, Outcome.RETRIED, False),
        (Answer(404), 3, Outcome.FAILED, False),
        (Answer(410), 1, Outcome.GONE, False),
        (Answer(429), 1, Outcome.RETRIED, True),
        (Answer(503), 3, Outcome.FAILED, True),
        (Answer(None, "timed out"), 1, Outcome.RETRIED, True),
        (Answer(550, is_gone=True), 1, Outcome.GONE, False),
        (Answer(None, is_over=True), 1, Outcome.FAILED, False),
        (Answer(None, is_outage=True), 9, Outcome.RETRIED, True),
    ],
)
def test_what_follows_from_an_answer(
    answer: Answer, attempts: int, outcome: Outcome, *, held: bool
) -> None:
    verdict = judge(answer, attempts, SCHEDULE, 0.5)

    assert verdict.outcome is outcome
    assert (verdict.hold is not None) is held
    assert (verdict.wait is not None) is (outcome is Outcome.RETRIED)


@given(st.floats(0, 1), st.integers(1, 2))
def test_waits_follow_the_schedule_within_ten_per_cent(chance: float, attempts: int) -> None:
    wait = judge(Answer(500), attempts, SCHEDULE, chance).wait

    assert wait is not None
    assert 0.899 * SCHEDULE[attempts - 1] <= wait <= 1.101 * SCHEDULE[attempts - 1]


def test_a_wait_is_as_long_as_the_receiver_asks_but_no_longer_than_a_day() -> None:
    asked = judge(Answer(429, retry_after=timedelta(hours=2)), 1, SCHEDULE, 0)
    absurd = judge(Answer(429, retry_after=timedelta(days=400)), 1, SCHEDULE, 0)

    assert asked.wait == asked.hold == timedelta(hours=2)
    assert absurd.wait == LONGEST_WAIT


def test_only_a_receiver_that_is_overloaded_may_ask_for_a_wait() -> None:
    failing = judge(Answer(500, retry_after=timedelta(hours=2)), 1, SCHEDULE, 0.5)
    silent = judge(Answer(429), 1, SCHEDULE, 0)

    assert (failing.wait, failing.hold) == (SCHEDULE[0], None)
    assert (silent.wait, silent.hold) == (0.9 * SCHEDULE[0], SHORTEST_HOLD)


@pytest.mark.parametrize(
    ("answer", "of_the_receiver"),
    [
        (Answer(550), True),
        (Answer(None, is_outage=True), False),
        (Answer(None, is_over=True), False),
    ],
)
def test_what_fails_on_our_side_says_nothing_of_the_receiver(
    answer: Answer, *, of_the_receiver: bool
) -> None:
    assert answer.is_the_receivers is of_the_receiver


@pytest.mark.parametrize(("step", "subject"), [("align", "align"), ("", None)])
def test_a_message_about_a_step_names_it_in_its_headers(step: str, subject: str | None) -> None:
    message = Message("msg_1", "wh_1", "alice", "step.failed", AT, "{}", "/wf_1", step)

    assert make_headers(message, [], AT, "engine").get("ce-subject") == subject


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("Mon, 19 Jan 2026 10:42:07 GMT", 59.888),
        ("Mon, 19 Jan 2026 10:42:07 -0000", 59.888),
        ("Mon, 19 Jan 2026 10:00:00 GMT", 0),
        ("9" * 400, 86_400),
        ("soon", None),
        ("-5", None),
        ("١٢", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    found = read_retry_after(text, AT)

    assert (found.total_seconds() if found is not None else None) == seconds
