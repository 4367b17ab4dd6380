"""What happened: as a log, as events, and live."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from app.connections import connections
from app.live import broadcaster as feeds
from app.live import stream
from app.live.broadcaster import Broadcaster, Dropped, Subscription
from tests.app.conftest import ROOT, Api
from tests.engine.conftest import LONG, document
from workflows.engine import commands as engine_requests
from workflows.model.errors import Unavailable
from workflows.model.values import Event
from workflows.store.workflows import events

LIVE = {"Accept": "text/event-stream"}
LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - (INFO|WARNING|ERROR) - .+")


def parsed(text: str) -> list[dict[str, Any]]:
    """The events of a stream, each with what its frame says."""
    found = []
    for frame in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in frame.splitlines() if ": " in line)
        if "data" in fields:
            found.append(json.loads(fields["data"]) | {"frame": (fields["id"], fields["event"])})
    return found


@contextmanager
def running(*steps: Any) -> Iterator[None]:
    """Runs the steps one after the other in a separate thread."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            for step in steps:
                step()
        except BaseException as failure:  # noqa: BLE001 - shown by the test
            failures.append(failure)

    thread = threading.Thread(target=run)
    thread.start()
    yield
    thread.join(2 * LONG)
    assert not thread.is_alive()
    assert not failures


def test_a_log_has_the_lines_of_the_specification(api: Api) -> None:
    workflow_id = api.submit(document("", "a"))
    api.engine().ends(workflow_id)

    answer = api("GET", f"{ROOT}/{workflow_id}/log")

    assert answer.mimetype == "text/plain"
    lines = answer.text.splitlines()
    assert all(LINE.fullmatch(line) for line in lines)
    assert lines[0].endswith("- INFO - Workflow execution started")
    assert lines[-1].endswith("- INFO - Workflow completed successfully")
    job_id = api.simulator.jobs()[0]["id"]
    assert any(f"Submitted step 'a' to app 'Date' | task_id={job_id}" in line for line in lines)


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_the_tail_of_a_log_is_its_last_lines(api: Api, count: int) -> None:
    workflow_id = api.submit(document(""))
    api.engine().ends(workflow_id)
    lines = api("GET", f"{ROOT}/{workflow_id}/log").text.splitlines()

    tail = api("GET", f"{ROOT}/{workflow_id}/log?tail={count}").text.splitlines()

    assert tail == lines[max(0, len(lines) - count) :]


def test_a_followed_log_goes_on_to_the_final_state(api: Api) -> None:
    workflow_id = api.submit(document("", "a"))
    engine = api.engine()
    engine.turn()

    with running(lambda: engine.ends(workflow_id)):
        followed = api("GET", f"{ROOT}/{workflow_id}/log?follow").text

    assert followed == api("GET", f"{ROOT}/{workflow_id}/log").text


def test_events_tell_every_change_in_order(api: Api) -> None:
    workflow_id = api.submit(document(""))
    api.engine().ends(workflow_id)

    answer = api("GET", f"{ROOT}/{workflow_id}/events").json

    assert [event["id"] for event in answer["events"]] == list(range(1, len(answer["events"]) + 1))
    moves = [(event["step_name"], event["after"]) for event in answer["events"]]
    assert moves[0] == ("", "queued")
    assert ("a", "queued") in moves
    assert ("a", "succeeded") in moves
    assert moves[-1] == ("", "succeeded")
    assert answer["next_after"] is None


def test_events_come_in_pages(api: Api) -> None:
    workflow_id = api.submit(document("", "a"))
    api.engine().ends(workflow_id)
    path, seen, after = f"{ROOT}/{workflow_id}/events", [], 0

    while after is not None:
        page = api("GET", path, query_string={"after": after, "limit": 2}).json
        assert len(page["events"]) <= 2
        seen += page["events"]
        after = page["next_after"]

    assert seen == api("GET", path).json["events"]


def test_a_stream_holds_every_event_once_until_the_final_state(api: Api) -> None:
    workflow_id = api.submit(document("", "a"))
    engine = api.engine()
    engine.turn()

    with running(lambda: engine.ends(workflow_id)):
        answer = api("GET", f"{ROOT}/{workflow_id}/events", headers=LIVE)
        text = answer.text

    assert answer.mimetype == "text/event-stream"
    streamed = parsed(text)
    frames = [event.pop("frame") for event in streamed]
    assert streamed == api("GET", f"{ROOT}/{workflow_id}/events").json["events"]
    assert frames == [(str(event["id"]), event["subject"]) for event in streamed]


def test_a_stream_goes_on_where_the_client_was(api: Api) -> None:
    workflow_id = api.submit(document("", "a"))
    api.engine().ends(workflow_id)
    everything = api("GET", f"{ROOT}/{workflow_id}/events").json["events"]

    resumed = api("GET", f"{ROOT}/{workflow_id}/events", headers=LIVE | {"Last-Event-ID": "3"})

    assert [event["id"] for event in parsed(resumed.text)] == [e["id"] for e in everything[3:]]


def test_a_client_that_has_seen_the_end_is_told_not_to_come_again(api: Api) -> None:
    workflow_id = api.submit(document(""))
    api.engine().ends(workflow_id)
    last = api("GET", f"{ROOT}/{workflow_id}/events").json["events"][-1]["id"]

    answer = api("GET", f"{ROOT}/{workflow_id}/events", headers=LIVE | {"Last-Event-ID": str(last)})

    assert (answer.status_code, answer.data) == (204, b"")


@pytest.mark.parametrize("seen", ["x", "-1", "1.5", "9" * 13, "²"])
def test_an_event_id_that_cannot_be_is_refused(api: Api, seen: str) -> None:
    workflow_id = api.submit(document(""))

    answer = api("GET", f"{ROOT}/{workflow_id}/events", headers=LIVE | {"Last-Event-ID": seen})

    assert answer.status_code == 400


def test_a_cancelled_workflow_ends_its_stream(api: Api) -> None:
    workflow_id = api.submit(document(""))

    with running(lambda: api("POST", f"{ROOT}/{workflow_id}/cancel")):
        text = api("GET", f"{ROOT}/{workflow_id}/events", headers=LIVE).text

    assert ("workflow", "cancelled") in [(e["subject"], e["after"]) for e in parsed(text)]


def test_a_workflow_that_is_taken_up_again_has_a_stream_again(api: Api) -> None:
    api.simulator.app(queue_seconds=0, run_seconds=0, lag_seconds=0, outcome="failed", count=1)
    workflow_id = api.submit(document(""))
    engine = api.engine()
    assert engine.ends(workflow_id) == "failed"
    seen = api("GET", f"{ROOT}/{workflow_id}/events").json["events"][-1]["id"]
    api("POST", f"{ROOT}/{workflow_id}/retry")

    with running(lambda: engine.ends(workflow_id)):
        again = {"Last-Event-ID": str(seen)}
        text = api("GET", f"{ROOT}/{workflow_id}/events", headers=LIVE | again).text

    assert [e["after"] for e in parsed(text) if e["subject"] == "workflow"][-1] == "succeeded"


def event(number: int) -> Event:
    return Event(number, datetime(2026, 1, 1, tzinfo=UTC), "workflow", "queued", "running")


def test_a_client_that_is_too_far_behind_is_dropped() -> None:
    subscription = Subscription()
    for number in range(feeds.MOST_WAITING + 1):
        subscription.put(event(number))

    with pytest.raises(Dropped):
        subscription.take(0)


def first_of(subscription: Subscription) -> Event:
    """The first event; what only says that some may have been missed is passed over."""
    while True:
        for found in subscription.take(10):
            if found is not None:
                return found


def test_one_reader_feeds_all_clients(api: Api) -> None:
    workflow_id = api.submit(document(""))
    before = threading.enumerate()
    broadcaster = Broadcaster(10)

    with (
        broadcaster.subscribe(workflow_id) as one,
        broadcaster.subscribe(workflow_id) as two,
        broadcaster.subscribe("another") as three,
    ):
        api("POST", f"{ROOT}/{workflow_id}/cancel")

        assert first_of(one) == first_of(two) == events.of_workflow(workflow_id)[0]
        assert [each for each in three.take(0) if each] == []
        # By the objects: a new thread may have the number of one that has ended. PyMongo and others
        # start threads of their own.
        new = [thread for thread in threading.enumerate() if thread not in before]
        assert [thread.name for thread in new if thread.name == "feed"] == ["feed"]


@pytest.mark.usefixtures("api")
def test_there_is_room_for_so_many_clients_and_no_more() -> None:
    broadcaster = Broadcaster(2)

    with broadcaster.subscribe("a"), broadcaster.subscribe("b"), pytest.raises(Unavailable):
        broadcaster.subscribe("c").__enter__()
    with broadcaster.subscribe("c"):
        pass


def test_a_full_feed_answers_503(make_api: Any) -> None:
    full = make_api(api={"max_streams": 1})
    workflow_id = full.submit(document(""))
    with full.client.application.app_context():
        broadcaster = connections().broadcaster

    with broadcaster.subscribe("another"):
        answer = full("GET", f"{ROOT}/{workflow_id}/events", headers=LIVE)

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


def test_a_client_that_leaves_makes_room(make_api: Any) -> None:
    narrow = make_api(api={"max_streams": 1})
    workflow_id = narrow.submit(document(""))

    for _ in range(3):
        answer = narrow("GET", f"{ROOT}/{workflow_id}/events", headers=LIVE, buffered=False)
        assert answer.status_code == 200
        assert next(answer.response)
        answer.close()


def test_events_that_were_missed_are_read_from_mongodb(api: Api) -> None:
    """A broken change stream says so to all clients; nothing is lost by it."""
    workflow_id = api.submit(document(""))
    engine_requests.cancel(api.engine().context, workflow_id)
    subscription = Subscription()
    subscription.put(None)

    found = stream._find_events(lambda: subscription.take(0), workflow_id, 0)

    assert found == events.of_workflow(workflow_id)
