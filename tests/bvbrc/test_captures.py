"""Every answer of the genuine AppService to a call that we make is read for what it means."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from tests.bvbrc import captures, tokens
from tests.bvbrc.captures import asked, capture, replaying, result
from workflows.backends.appservice.client import JobWord, KillReply, Report
from workflows.bvbrc.rpc import Call, Rpc
from workflows.bvbrc.wire import Wire
from workflows.model.errors import (
    Forbidden,
    InDoubt,
    MethodMissing,
    NotFound,
    Rejected,
    ServiceAway,
    ServiceError,
    Unauthorized,
    WorkflowsError,
)

TOKEN = tokens.sign(tokens.claims())
KEY = "FAKE-CORRELATION-0001"
NO_ROWS = "216"

Meaning = TypeVar("Meaning")


def each(numbers: str, meaning: Meaning) -> dict[str, Meaning]:
    """Captures that all mean the same."""
    return dict.fromkeys(numbers.split(), meaning)


STARTED = each(
    "020 021 022 025 034 035 041 047 048b 049b 049d 050 051b 052 053 054 055 058 059 317", True
)
Refused = tuple[type[ServiceError], dict[str, Any], str]
PARAMS: dict[str, Any] = {"maybe_transient": False}
PREFLIGHT: dict[str, Any] = {"maybe_transient": True}
STARTS_REFUSED: dict[str, Refused] = {
    **each("005 007", (ServiceAway, {"disabled": True}, "submissions are disabled")),
    **each(
        "023 045 046 048 051 057 060 061 308 320",
        (InDoubt, {"answered": True}, "gave no reason$"),
    ),
    "024": (Rejected, PARAMS, r"\(output_path\) missing$"),
    "026": (Rejected, PARAMS, r"\(contigs\) missing$"),
    "027": (Rejected, PARAMS, r"\(contigs\) missing(.|\n)*\(scientific_name\) missing$"),
    "028": (Rejected, PARAMS, "^Invalid enum value 'bogus'"),
    "029": (Rejected, PREFLIGHT, "nope_R1.fastq does not exist"),
    "030": (Rejected, PREFLIGHT, "undefined value$"),
    "031": (Rejected, PARAMS, "has zero size"),
    "032": (Rejected, PARAMS, "Invalid SRR"),
    "033": (Rejected, PARAMS, "as an ARRAY ref"),
    "302": (Rejected, PREFLIGHT, "undefined value$"),
    "303": (Rejected, PREFLIGHT, "does not exist"),
    **each("036 037 038 039 040 042", (Rejected, PARAMS, "^Invalid arguments passed to start")),
    "043": (InDoubt, {"answered": True}, "^undef passed$"),
    "071": (Unauthorized, {}, "no authentication header"),
    "074": (Unauthorized, {}, "Token expired$"),
    "076": (Unauthorized, {}, "Missing signature data$"),
    "301": (ServiceAway, {"disabled": False}, "'p3x-submit-job' not found"),
}
STATES = {
    **each("049 049c 049e 051c 056 100 101 110 111 130 165", JobWord.QUEUED),
    **each("112 118", JobWord.RUNNING),
    **each("115 144 287 290 304 307", JobWord.SUCCEEDED),
    **each("105 116 119 122 123 125 154 282 283", JobWord.FAILED),
    "124": JobWord.RUNNING,
    "285": JobWord.SUCCEEDED,
}
READS_REFUSED: dict[str, tuple[type[ServiceError], str]] = {
    **each("009 010 072", (Unauthorized, "no authentication header")),
    **each("136 137 138 204 205 252 253", (Rejected, "^Invalid arguments passed to [a-z]+")),
    "203": (ServiceAway, "FULLTEXT"),
    "224": (Rejected, "^Invalid task ID$"),
    "270": (Rejected, "^Error while parsing"),
    **each("310 311 312 313 314 315", (ServiceAway, "^DBD::mysql.*(gone away|TLS)")),
    # Methods that we do not call, for what their refusals have in common with ours.
    **each("070 084 087", (Unauthorized, "no authentication header")),
    **each("073 088", (Unauthorized, "Token expired$")),
    **each("075 080", (Unauthorized, "Missing signature data$")),
    **each("077 078 081 082 083", (Unauthorized, "did not verify$")),
    "079": (Unauthorized, "unknown signer"),
    "085": (ServiceAway, "Could not retrieve signer pubkey"),
    "086": (Unauthorized, "^Signature longer than key$"),
    **each("240 241 242 243 244 245 266", (MethodMissing, "method")),
    **each("246 247 248 249 250 259 269", (Rejected, "JSON")),
    **each("257 258", (Rejected, "^HTTP GET not allowed.$")),
    **each("181 182 183 184", (Rejected, "SQL syntax")),
    **each("305 306", (ServiceAway, "Redis")),
    "316": (ServiceAway, "gone away$"),
}
KILLS = {
    "156": {
        "21000028": KillReply(False, "Permission denied"),
        "21000030": KillReply(False, "Task in non-running state T", gone=True),
        "21000001": KillReply(False, "Task in non-running state C", gone=True),
        "99999999": KillReply(False, "Task not found", gone=True),
    },
    "158": {},
}
SINGLE_KILLS = {
    **each("104 155", KillReply(True, "Terminated")),
    "117": KillReply(True, "Canceled 900003"),
    "281": KillReply(True, "Canceled 900011"),
    "109": KillReply(False, "Task in non-running state T", gone=True),
    "120": KillReply(False, "Task in non-running state C", gone=True),
    "121": KillReply(False, "Task in non-running state F", gone=True),
    "126": KillReply(False, "Task in non-running state D", gone=True),
    "150": KillReply(False, "Permission denied"),
    "151": KillReply(False, "Task not found", gone=True),
    "294": KillReply(False, "Task not found", gone=True),
    "160": KillReply(False, "Cancel failed"),
    "300": KillReply(False, "System terminate failed"),
}
STATUSES = {
    **each("001 002 003 006 260 261 263 264 267 268 280", (True, "")),
    "004": (False, "The BV-BRC services are down for maintenance.\nBack at 18:00 CST."),
}
WITHOUT_ID = ("254", "255", "256")
MANY = ("131", "132", "133", "134", "135", "139", "140", "141", "142", "143")
LISTINGS = ("108", "114", "292", "291", *map(str, range(185, 203)), "199b", "199c")
BY_KEY = ("210", "211", "212", "213", "214", "215", "216")
DETAILS = {"220": "", "222": "0", "223": "0", "284": "", "288": "256"}
TEXTS: dict[str, str | type[WorkflowsError]] = {
    "225": "hello from the job\n",
    "226": "[token]\n",
    "227": Unauthorized,
    "228": Forbidden,
    "229": ServiceAway,
    "230": NotFound,
    "231": NotFound,
}
UNANSWERED = ("319",)
"""The client went away: there is no answer to read."""


@pytest.mark.parametrize("number", STARTED)
def test_a_job_that_was_started_is_known_by_its_id(number: str) -> None:
    with replaying(start_app2=number, enumerate_tasks_qstat=NO_ROWS) as (service, _):
        started = service.start(TOKEN, "GenomeAnnotation", {}, key=KEY, base_url="x")
    assert started == str(result(capture(number))[0]["id"])
    assert started.isdigit()


@pytest.mark.parametrize("number", STARTS_REFUSED)
def test_a_refused_start_says_what_may_be_done_next(number: str) -> None:
    kind, attributes, said = STARTS_REFUSED[number]
    with (
        replaying(start_app2=number, enumerate_tasks_qstat=NO_ROWS) as (service, _),
        pytest.raises(kind, match=said) as refusal,
    ):
        service.start(TOKEN, "GenomeAnnotation", {}, key=KEY, base_url="x")
    assert type(refusal.value) is kind
    assert {name: getattr(refusal.value, name) for name in attributes} == attributes
    assert "tokenid" not in str(refusal.value)


def test_a_start_is_asked_for_as_the_service_was_asked() -> None:
    _, [app, params, start_params] = asked(capture("021"))
    with replaying(start_app2="021", enumerate_tasks_qstat=NO_ROWS) as (service, replay):
        service.start(TOKEN, app, params, key=KEY, base_url="https://www.bv-brc.org")
    assert replay.params("start_app2") == [[app, params, start_params]]
    assert replay.seen[-1].headers["authorization"] == TOKEN
    assert replay.seen[-1].headers["content-type"] == "application/json"


@pytest.mark.parametrize("number", STATES)
def test_a_job_is_reported_in_our_words(number: str) -> None:
    tasks = result(capture(number))[0]
    with replaying(query_tasks=number) as (service, replay):
        found = service.query(TOKEN, list(tasks))
    for known, task in tasks.items():
        assert found[known].state == STATES[number]
        assert found[known].job_id == known
        assert found[known].output_path == task["parameters"].get("output_path", "")
    assert replay.params("query_tasks") == [[list(tasks)]]


def test_a_report_has_its_times_and_outputs() -> None:
    with replaying(query_tasks="115") as (service, _):
        [found] = service.query(TOKEN, ["21000001"]).values()
    assert found == Report(
        job_id="21000001",
        state=JobWord.SUCCEEDED,
        word="completed",
        submitted_at=datetime(2026, 11, 23, 5, 42, 1, tzinfo=UTC),
        started_at=datetime(2026, 11, 23, 5, 42, 18, tzinfo=UTC),
        finished_at=datetime(2026, 11, 23, 5, 42, 23, tzinfo=UTC),
        output_path="/fakeuser@patricbrc.org/home/out",
        output_file="asm1",
    )


@pytest.mark.parametrize("number", MANY)
def test_unknown_ids_are_absent_and_known_ones_present(number: str) -> None:
    tasks = result(capture(number))[0]
    with replaying(query_tasks=number) as (service, _):
        found = service.query(TOKEN, [*tasks, "99999999", "1"])
    assert set(found) == set(tasks)
    assert all(found[known].job_id == known for known in tasks)


@pytest.mark.parametrize("number", READS_REFUSED)
def test_a_refused_read_says_what_may_be_done_next(number: str) -> None:
    kind, said = READS_REFUSED[number]
    with (
        replaying(query_tasks=number) as (service, _),
        pytest.raises(kind, match=said) as refusal,
    ):
        service.query(TOKEN, ["21000001"])
    assert type(refusal.value) is kind


@pytest.mark.parametrize("number", KILLS)
def test_a_kill_tells_what_became_of_each_job(number: str) -> None:
    ids = list(KILLS[number])
    with replaying(kill_tasks=number) as (service, _):
        assert service.kill(TOKEN, ids) == KILLS[number]


@pytest.mark.parametrize("number", SINGLE_KILLS)
def test_the_reasons_of_a_kill_are_understood(number: str) -> None:
    killed, said = result(capture(number))
    wrapped = capture("156")
    wrapped["response"]["body"] = json.dumps(
        {"id": "1", "version": "1.1", "result": [{"5": {"killed": killed, "msg": said}}]}
    )
    with replaying(kill_tasks="156") as (service, replay):
        replay.answers = {"kill_tasks": wrapped}
        assert service.kill(TOKEN, ["5"]) == {"5": SINGLE_KILLS[number]}


@pytest.mark.parametrize("number", STATUSES)
def test_the_status_of_the_service_is_read(number: str) -> None:
    with replaying(service_status=number) as (service, _):
        assert service.status(TOKEN) == STATUSES[number]


def test_the_apps_are_listed() -> None:
    with replaying(enumerate_apps="008") as (service, _):
        apps = service.apps(TOKEN)
    assert len(apps) == 9
    assert all(app["id"] and isinstance(app["parameters"], list) for app in apps)


def find(number: str, method: str, key: str = KEY, **wanted: str) -> tuple[str, ...]:
    outputs = {"app": "Date", "output_path": "/x", "output_file": "y"} | wanted
    missing = {} if method == "enumerate_tasks_qstat" else {"enumerate_tasks_qstat": "240"}
    since = datetime(2026, 11, 23, tzinfo=UTC)
    with replaying(**{method: number}, **missing) as (service, _):
        return service.find(TOKEN, key, **outputs, since=since)


@pytest.mark.parametrize("number", BY_KEY)
def test_a_job_is_found_by_its_key(number: str) -> None:
    rows, _ = result(capture(number))
    expected = sorted(row["id"] for row in rows if row["user_metadata"] == KEY)
    assert find(number, "enumerate_tasks_qstat") == tuple(expected)
    assert find(number, "enumerate_tasks_qstat", "no such key") == ()
    assert bool(expected) is (number == "211")


@pytest.mark.parametrize("number", LISTINGS)
def test_a_job_is_found_by_its_output_in_a_listing(number: str) -> None:
    rows, total = result(capture(number))
    for row in rows:
        wanted = {name: row["parameters"].get(name) for name in ("output_path", "output_file")}
        if None not in wanted.values() and total <= 200:
            found = find(number, "enumerate_tasks_filtered", app=row["app"], **wanted)
            assert str(row["id"]) in found
    assert find(number, "enumerate_tasks_filtered") == ()


@pytest.mark.parametrize("number", DETAILS)
def test_the_exit_code_is_read(number: str) -> None:
    with replaying(query_task_details=number) as (service, replay):
        assert service.exit_code(TOKEN, "21000001") == DETAILS[number]
    assert replay.params("query_task_details") == [["21000001"]]


@pytest.mark.parametrize("number", TEXTS)
def test_what_a_job_wrote_is_fetched(number: str) -> None:
    recorded, expected = capture(number), TEXTS[number]
    path = "/task_info/" + recorded["request"]["url"].partition("/task_info/")[2]
    _, _, known, name = path.split("/")
    assert name in ("stdout", "stderr")
    with replaying() as (service, replay):
        replay.answers = {path: recorded}
        if isinstance(expected, str):
            assert service.text(TOKEN, known, name, limit_bytes=1000) == expected  # type: ignore[arg-type]
        else:
            with pytest.raises(expected):
                service.text(TOKEN, known, name, limit_bytes=1000)  # type: ignore[arg-type]
    assert replay.seen[0].headers["authorization"] == f"OAuth {TOKEN}"


@pytest.mark.parametrize("number", WITHOUT_ID)
def test_an_answer_without_our_id_is_not_ours(number: str) -> None:
    with replaying(service_status=number) as (service, _), pytest.raises(ServiceAway):
        service.status(TOKEN)


def test_no_answer_to_a_method_of_ours_is_left_out() -> None:
    ours = {
        "start_app2",
        "query_tasks",
        "kill_tasks",
        "kill_task",
        "service_status",
        "enumerate_apps",
        "enumerate_tasks_qstat",
        "enumerate_tasks_filtered",
        "query_task_details",
    }
    known = {
        *STARTED, *STARTS_REFUSED, *STATES, *READS_REFUSED, *KILLS, *SINGLE_KILLS, *STATUSES, *MANY,
        *LISTINGS, *BY_KEY, *DETAILS, *TEXTS, *WITHOUT_ID, *UNANSWERED, "008",
        "152", "153", "157", "159",  # what we never send: ids that are none
    }  # fmt: skip
    left = set()
    for name, recorded in captures.every().items():
        try:
            method, _ = asked(recorded)
        except (TypeError, ValueError, KeyError, AttributeError):
            method = "task_info" if "/task_info/" in recorded["request"]["url"] else ""
            method = method if recorded["request"]["method"] == "GET" else ""
        if method in ours | {"task_info"} and name.partition("-")[0] not in known:
            left.add(name)
    assert not left


def test_a_call_goes_to_the_method_it_names() -> None:
    with replaying(version="265") as (service, replay):
        call = Call(service._url, "AppService.version", [], service._timeout)
        assert Rpc(Wire()).call(TOKEN, call) == ["0.1.0"]
    assert replay.seen[0].json() | {"id": "x"} == {
        "jsonrpc": "2.0",
        "id": "x",
        "method": "AppService.version",
        "params": [],
    }
