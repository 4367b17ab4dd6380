"""What the client of AppService promises, whatever the service answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.bvbrc import captures, tokens
from tests.bvbrc.answers import JSON, Service, raising
from tests.bvbrc.loopback import Received, answering, reply, serving
from workflows.backends.appservice.client import (
    KEY_PARAM,
    MOST_ROWS,
    PAGE,
    AppService,
    JobWord,
    KillReply,
)
from workflows.backends.appservice.reports import job_id, report
from workflows.model.errors import (
    InDoubt,
    MethodMissing,
    NotFound,
    Rejected,
    ServiceAway,
    ServiceError,
    Unauthorized,
)

TOKEN = tokens.sign(tokens.claims())
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = "wf1/0/1"
OUTPUTS = {"output_path": "/alice@bvbrc/home/out", "output_file": "asm"}
MISSING = MethodMissing("no such method")


def rows(*found: dict[str, Any]) -> Callable[..., list[Any]]:
    return lambda offset, count, _: [list(found[offset : offset + count]), len(found)]


@contextmanager
def service(**methods: Callable[..., list[Any]]) -> Iterator[tuple[AppService, Service]]:
    answers = Service(methods)
    with serving(answering(answers)) as server:
        yield captures.appservice(server), answers


def start(client: AppService) -> str:
    return client.start(TOKEN, "Date", {"a": 1}, key=KEY, base_url="https://www.bv-brc.org")


def find(client: AppService, since: datetime = NOW) -> tuple[str, ...]:
    return client.find(TOKEN, KEY, app="Date", since=since, **OUTPUTS)


def started(*_: Any) -> list[Any]:
    return [{"id": 5, "user_metadata": KEY}]


def test_the_key_stays_out_of_the_params_where_it_can_be_searched_for() -> None:
    with service(enumerate_tasks_qstat=rows(), start_app2=started) as (client, answers):
        assert [start(client), start(client)] == ["5", "5"]
    assert answers.params("start_app2") == 2 * [
        ["Date", {"a": 1}, {"base_url": "https://www.bv-brc.org", "user_metadata": KEY}]
    ]
    assert len(answers.params("enumerate_tasks_qstat")) == 1


def test_the_key_is_in_the_params_where_it_cannot_be_searched_for() -> None:
    with service(enumerate_tasks_qstat=raising(MISSING), start_app2=started) as (client, answers):
        start(client)
        start(client)
    assert [params[1] for params in answers.params("start_app2")] == 2 * [{"a": 1, KEY_PARAM: KEY}]
    assert len(answers.params("enumerate_tasks_qstat")) == 1


def test_a_search_that_fails_later_on_puts_the_key_into_the_params_from_then_on() -> None:
    with service(enumerate_tasks_qstat=rows(), start_app2=started) as (client, answers):
        start(client)
        answers.methods |= {
            "enumerate_tasks_qstat": raising(MISSING),
            "enumerate_tasks_filtered": rows(listed(5)),
        }
        assert find(client) == ("5",)
        start(client)
    assert [params[1] for params in answers.params("start_app2")] == [
        {"a": 1},
        {"a": 1, KEY_PARAM: KEY},
    ]


def test_an_address_that_is_not_appservices_is_not_the_users_fault() -> None:
    with (
        service(enumerate_tasks_qstat=rows(), start_app2=raising(MISSING)) as (client, _),
        pytest.raises(ServiceAway),
    ):
        start(client)


def test_nothing_is_started_while_it_is_unknown_how_to_find_it() -> None:
    broken = raising(Rejected("DBD::mysql::st execute failed: gone"))
    with service(enumerate_tasks_qstat=broken, start_app2=started) as (client, answers):
        with pytest.raises(ServiceAway):
            start(client)
        answers.methods["enumerate_tasks_qstat"] = rows()
        assert start(client) == "5"
    assert len(answers.params("start_app2")) == 1


@pytest.mark.parametrize(
    "result",
    [
        [],
        [None],
        [{}],
        [{"id": None}],
        [{"id": True}],
        [{"id": ""}],
        [{"id": "5x"}],
        [{"id": -5}],
        [{"id": 5.5}],
        [{"id": "٥"}],
        [[5]],
        [{"id": 5, "user_metadata": "wf2/0/1"}],
        [{"id": 5, "user_metadata": ""}],
    ],
)
def test_an_answer_without_the_id_of_our_job_leaves_the_start_in_doubt(result: list[Any]) -> None:
    with (
        service(enumerate_tasks_qstat=rows(), start_app2=lambda *_: result) as (client, _),
        pytest.raises(InDoubt) as failure,
    ):
        start(client)
    assert not failure.value.answered


@pytest.mark.parametrize("row", [{"id": "5"}, {"id": 5, "user_metadata": None}])
def test_an_id_comes_as_a_number_or_a_string(row: dict[str, Any]) -> None:
    with service(enumerate_tasks_qstat=rows(), start_app2=lambda *_: [row]) as (client, _):
        assert start(client) == "5"


def test_only_rows_with_exactly_our_key_are_ours() -> None:
    found = rows(
        {"id": "30", "user_metadata": KEY},
        {"id": "4", "user_metadata": KEY},
        {"id": "5", "user_metadata": KEY.upper()},
        {"id": "6", "user_metadata": ""},
        {"id": "", "user_metadata": KEY},
        {"id": "7", "user_metadata": None},
    )
    with service(enumerate_tasks_qstat=found) as (client, answers):
        assert find(client) == ("4", "30")
    [[_, _, wanted]] = answers.params("enumerate_tasks_qstat")
    assert wanted == {"user_metadata": KEY, "include_inactive": 1}


def listed(known: int, app: str = "Date", **params: Any) -> dict[str, Any]:
    return {"id": known, "app": app, "parameters": OUTPUTS | params}


LISTED = [
    listed(9),
    listed(10, **{KEY_PARAM: KEY, "output_file": "other"}),
    listed(11, **{KEY_PARAM: "wf2/0/1"}),
    listed(12, output_file="other"),
    listed(13, output_path="/elsewhere"),
    listed(14, app="Sleep"),
    {"id": 15, "app": "Date", "parameters": None},
    {"id": 16, "app": "Date", "parameters": {}},
    {"id": "x", "app": "Date", "parameters": OUTPUTS},
]


@pytest.mark.parametrize("qstat", [raising(MISSING), rows({"id": "1", "app": "Date"})])
def test_where_keys_are_not_searchable_a_listing_is_gone_through(
    qstat: Callable[..., list[Any]],
) -> None:
    with service(enumerate_tasks_qstat=qstat, enumerate_tasks_filtered=rows(*LISTED)) as (
        client,
        answers,
    ):
        assert find(client) == ("9", "10")
    [[_, _, wanted]] = answers.params("enumerate_tasks_filtered")
    assert wanted["app"] == "Date"
    assert wanted["start_time"] == "2026-11-23T11:55:00Z"
    assert wanted["include_archived"] == 1


def test_the_start_of_a_search_is_sent_in_utc() -> None:
    qstat = raising(MISSING)
    here = timezone(timedelta(hours=5))
    with service(enumerate_tasks_qstat=qstat, enumerate_tasks_filtered=rows()) as (client, answers):
        find(client, NOW.astimezone(here))
    assert answers.params("enumerate_tasks_filtered")[0][2]["start_time"] == "2026-11-23T11:55:00Z"


def test_a_listing_is_read_to_its_end() -> None:
    others = [listed(known, output_file="other") for known in range(100, 100 + 2 * PAGE)]
    qstat, listing = raising(MISSING), rows(*others, listed(7))
    with service(enumerate_tasks_qstat=qstat, enumerate_tasks_filtered=listing) as (client, calls):
        assert find(client) == ("7",)
    assert [params[0] for params in calls.params("enumerate_tasks_filtered")] == [0, PAGE, 2 * PAGE]


def test_a_listing_without_an_end_is_given_up_and_never_taken_for_absence() -> None:
    qstat = raising(MISSING)

    def endless(*_: Any) -> list[Any]:
        return [[], 10**9]

    with (
        service(enumerate_tasks_qstat=qstat, enumerate_tasks_filtered=endless) as (client, calls),
        pytest.raises(ServiceAway),
    ):
        find(client)
    assert len(calls.params("enumerate_tasks_filtered")) == MOST_ROWS // PAGE


def test_what_cannot_be_an_id_is_never_sent() -> None:
    strange = ["", "x", "5x", " 5", "5\n", "٥", "-5", "5.0", "9" * 21]
    with service() as (client, answers):
        assert client.query(TOKEN, strange) == {}
        assert client.query(TOKEN, []) == {}
        assert all(answer.gone for answer in client.kill(TOKEN, strange).values())
        assert client.exit_code(TOKEN, "5/../6") == ""
        with pytest.raises(NotFound):
            client.text(TOKEN, "../5", "stdout", limit_bytes=10)
    assert answers.calls == []


def test_a_kill_that_is_not_answered_for_is_neither_done_nor_gone() -> None:
    with service(kill_tasks=lambda _: [{"6": {"killed": "1", "msg": "Terminated"}}]) as (client, _):
        assert client.kill(TOKEN, ["5", "6", "6"]) == {
            "5": KillReply(False, "the service did not say"),
            "6": KillReply(True, "Terminated"),
        }


def test_an_unknown_state_is_reported_as_such_and_logged_once() -> None:
    def answer(ids: list[str]) -> list[Any]:
        return [{known: {"status": "teleported"} for known in ids}]

    with service(query_tasks=answer) as (client, _), capture_logs() as logs:
        for _ in range(3):
            found = client.query(TOKEN, ["5", "6"])
    assert [seen.state for seen in found.values()] == [JobWord.UNKNOWN] * 2
    assert [entry["word"] for entry in logs if "word" in entry] == ["teleported"]


@pytest.mark.parametrize(
    ("word", "start_time", "state"),
    [
        ("queued", "", JobWord.QUEUED),
        ("init", "", JobWord.QUEUED),
        ("pending", "", JobWord.QUEUED),
        ("pending", "2026-11-23 05:28:19", JobWord.RUNNING),
        ("in-progress", None, JobWord.QUEUED),
        ("in-progress", "2026-11-23T05:28:19Z", JobWord.RUNNING),
        ("completed", "", JobWord.SUCCEEDED),
        ("failed", "", JobWord.FAILED),
        ("deleted", "", JobWord.FAILED),
        ("suspend", "", JobWord.FAILED),
        ("suspended", "", JobWord.FAILED),
        ("Completed", "", JobWord.UNKNOWN),
        (None, "", JobWord.UNKNOWN),
        (["completed"], "", JobWord.UNKNOWN),
    ],
)
def test_the_services_words_are_ours(word: Any, start_time: Any, state: JobWord) -> None:
    assert report({"status": word, "start_time": start_time}, "5").state == state


MOMENT = datetime(2026, 11, 23, 5, 28, 19, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23 05:28:19", MOMENT),
        ("2026-11-23T05:28:19Z", MOMENT),
        ("2026-11-23T06:28:19+01:00", MOMENT),
        ("", None),
        (None, None),
        (0, None),
        ("0000-00-00 00:00:00", None),
        ("yesterday", None),
        ("0001-01-01T00:00:00+14:00", None),
    ],
)
def test_both_forms_of_a_time_are_the_same_instant(text: Any, moment: datetime | None) -> None:
    assert report({"submit_time": text}, "5").submitted_at == moment


@pytest.mark.parametrize(
    ("body", "limit", "shown"),
    [
        (b"done\n", 100, "done\n"),
        (b"x" * 100, 100, "x" * 100),
        (b"x" * 101, 100, "x" * 100 + "\n[cut after 100 bytes]\n"),
        (b"\xff\xfe", 100, "\ufffd\ufffd"),
        (f"export P3={TOKEN} ok".encode(), 2000, "export [token] ok"),
        (f"export P3={TOKEN} ok".encode(), 80, "export [token]\n[cut after 80 bytes]\n"),
    ],
)
def test_what_a_job_wrote_is_bounded_and_holds_no_token(
    body: bytes, limit: int, shown: str
) -> None:
    seen: list[Received] = []

    def answer(request: Received) -> bytes:
        seen.append(request)
        return reply(200, body)

    with serving(answering(answer)) as server:
        client = captures.appservice(server)
        assert client.text(TOKEN, "5", "stderr", limit_bytes=limit) == shown
    assert seen[0].path == "/task_info/5/stderr"


def test_a_dead_token_is_not_sent_for_a_text() -> None:
    with serving(answering(lambda _: reply(500, ""))) as server, pytest.raises(Unauthorized):
        captures.appservice(server).text(
            tokens.sign(tokens.claims(expiry=1)), "5", "stdout", limit_bytes=10
        )
    assert server.connections == 0


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (403, "error code: 1010", ServiceAway),
        (429, "<html>cloudflare</html>", ServiceAway),
        (502, "", ServiceAway),
        (302, "", ServiceAway),
    ],
)
def test_a_text_that_a_proxy_withholds_can_be_asked_for_again(
    status: int, body: str, kind: type[ServiceError]
) -> None:
    with serving(answering(lambda _: reply(status, body))) as server, pytest.raises(kind):
        captures.appservice(server).text(TOKEN, "5", "stdout", limit_bytes=1000)


METHODS = (
    "query_tasks kill_tasks service_status enumerate_apps query_task_details start_app2 "
    "enumerate_tasks_filtered"
)


def test_whatever_the_service_answers_is_a_value_or_an_error_of_ours() -> None:
    result: Any = None
    methods = dict.fromkeys(METHODS.split(), lambda *_: result)
    with service(**methods, enumerate_tasks_qstat=raising(MISSING)) as (client, _):
        asks = (
            lambda: client.query(TOKEN, ["5"]),
            lambda: client.kill(TOKEN, ["5"]),
            lambda: client.status(TOKEN),
            lambda: client.apps(TOKEN),
            lambda: client.exit_code(TOKEN, "5"),
            lambda: start(client),
            lambda: find(client),
        )

        @settings(max_examples=100, deadline=None)
        @given(st.one_of(JSON, st.lists(JSON, max_size=3)))
        def law(drawn: Any) -> None:
            nonlocal result
            result = drawn
            for ask in asks:
                with suppress(ServiceAway, InDoubt):
                    ask()

        law()


@given(st.one_of(JSON, st.integers(0, 10**18).map(str)))
def test_an_id_is_digits_or_nothing(value: Any) -> None:
    assert job_id(value) == "" or job_id(value).isdecimal()
