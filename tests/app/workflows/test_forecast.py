"""Forecasts over HTTP, and on pages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from mcp import Client
from werkzeug.serving import make_server as serve

from agents.api import Api as AgentsApi
from agents.caller import Caller, set_caller
from agents.server import make_server
from config.interface_sections import Agents
from devstack.processes import wait_until
from tests.agents.conftest import complete
from tests.app.conftest import BOB, ROOT, Api
from tests.engine.conftest import LONG, document
from workflows.engine import durations
from workflows.rules.durations.observation import Observation, count_hour
from workflows.store import documents
from workflows.store.durations import hours
from workflows.store.mongo import clock, collection

HOUR = 3600


@pytest.fixture
def hourly(api: Api) -> Iterator[Api]:
    """Jobs of Date have run for an hour."""
    remember("Date", HOUR)
    yield api
    forget()


@pytest.fixture
def strange(api: Api) -> Api:
    """Nothing is known of any app."""
    forget()
    return api


def remember(app: str, seconds: float) -> None:
    hour = clock().replace(minute=0, second=0, microsecond=0)
    end = hour + timedelta(seconds=seconds)
    hours.store(hour, count_hour(hour, [Observation(app, hour, hour, end)] * 20))
    hours.add_up([app])
    durations.forget()


def forget() -> None:
    for kind in (documents.DurationHour, documents.DurationTotal):
        collection(kind).delete_many({"app": "Date"})
        collection(kind).delete_many({"_id": "Date"})
    durations.forget()


def seconds_between(found: dict[str, Any], quantile: str) -> float:
    begin, end = found["made_at"], found["end"][quantile]
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


def test_validate_says_how_long_it_would_take(hourly: Api) -> None:
    path = f"{ROOT}/validate"
    found = hourly("POST", path, json=document("", "a"), query_string={"forecast": "true"}).json

    assert found["valid"] is True
    forecast = found["forecast"]
    assert forecast["remaining_seconds"]["p50"] == pytest.approx(2 * HOUR, rel=0.15)
    assert seconds_between(forecast, "p90") >= seconds_between(forecast, "p50")
    assert forecast["critical_path"] == ["a", "b"]
    assert [step["observations"] for step in forecast["steps"]] == [20, 20]
    assert "forecast" not in hourly("POST", path, json=document("", "a")).json


def test_a_workflow_is_forecast_as_it_is(hourly: Api) -> None:
    workflow = hourly.submit(document("", "", "", ""))

    found = hourly("GET", f"{ROOT}/{workflow}/forecast").json

    assert found["workflow_id"] == workflow
    assert len(found["steps"]) == 4
    caps = {each["max_parallel_steps"]: each for each in found["parallel_steps"]}
    assert list(caps) == [2, 4]
    assert (caps[2]["allowed"], caps[4]["allowed"]) == (True, False)
    assert caps[4]["remaining_seconds"]["p50"] < caps[2]["remaining_seconds"]["p50"]
    assert "With 4 instead of 2 in parallel" in found["message"]


def test_without_history_it_says_so(strange: Api) -> None:
    workflow = strange.submit(document(""))

    found = strange("GET", f"{ROOT}/{workflow}/forecast").json

    assert found["no_history"] == ["Date"]
    assert (found["end"], found["steps"], found["runs"]) == (None, [], 0)
    assert "too few jobs have run of Date" in found["message"]


def test_a_workflow_that_has_ended_has_nothing_to_come(hourly: Api) -> None:
    workflow = hourly.submit(document(""))
    hourly("POST", f"{ROOT}/{workflow}/cancel")
    hourly.engine().ends(workflow)

    found = hourly("GET", f"{ROOT}/{workflow}/forecast").json

    assert (found["end"], found["no_history"]) == (None, [])
    assert found["message"] == "Nothing is left to run."


def test_a_forecast_is_for_those_who_may_see_the_workflow(hourly: Api) -> None:
    workflow = hourly.submit(document(""))

    assert hourly("GET", f"{ROOT}/{workflow}/forecast", BOB).status_code == 403
    assert hourly("GET", f"{ROOT}/{workflow}/forecast", None).status_code == 401
    assert hourly("GET", f"{ROOT}/wf_0/forecast").status_code == 404


def submit_batch(api: Api) -> str:
    """Eight rows of one step each, of which two go on at a time."""
    workflow = document("")
    workflow["steps"][0]["params"]["output_file"] = "${sample.sample}"
    body = {
        "workflow": workflow,
        "samples": [{"sample": f"s{number}"} for number in range(8)],
        "max_active": 2,
    }
    answer = api("POST", "/api/v1/batches", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json["batch_id"])


def test_a_batch_is_forecast_as_a_whole(hourly: Api) -> None:
    batch = submit_batch(hourly)

    found = hourly("GET", f"/api/v1/batches/{batch}/forecast").json

    assert found["remaining_seconds"]["p50"] == pytest.approx(4 * HOUR, rel=0.15)
    assert [each["max_active"] for each in found["active"]] == [2, 4, 8]
    assert hourly("GET", f"/api/v1/batches/{batch}/forecast", BOB).status_code == 403


def test_forecasts_count_against_the_quota_of_who_asks(hourly: Api) -> None:
    def used() -> float:
        usage = hourly("GET", "/api/v1/usage").json
        return float(usage["limits"]["cpu_seconds_per_minute"]["used"])

    def counts() -> bool:
        """False also where a minute has just ended."""
        workflow = hourly.submit(document(*[""] * 15))
        before = used()
        hourly("GET", f"{ROOT}/{workflow}/forecast")
        return used() > before

    wait_until(counts, "a forecast counts", seconds=LONG)


@contextmanager
def listening(api: Api) -> Iterator[str]:
    server = serve("127.0.0.1", 0, api.client.application, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask_as_an_agent(api: Api, *questions: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    """What the tool answers; the client holds it against the tool's schema."""

    async def ask(url: str) -> list[dict[str, Any]]:
        set_caller(Caller(api.token()))
        agents = AgentsApi(url)
        try:
            async with Client(make_server(Agents(), agents, verifies_tokens=False)) as client:
                found = [await client.call_tool("forecast_end", dict(each)) for each in questions]
        finally:
            await agents.close()
        assert not any(each.is_error for each in found), found
        return [dict(each.structured_content or {}) for each in found]

    with listening(api) as url:
        return complete(ask(url))


def test_an_agent_learns_when_a_workflow_or_a_batch_ends(hourly: Api) -> None:
    workflow, batch = hourly.submit(document("", "", "", "")), submit_batch(hourly)

    planned, submitted, rows = ask_as_an_agent(
        hourly,
        {"workflow": document("", "a")},
        {"workflow_id": workflow},
        {"batch_id": batch},
    )

    assert planned["remaining_seconds"]["p50"] == pytest.approx(2 * HOUR, rel=0.15)
    assert (
        [step["step_name"] for step in planned["steps"]] == planned["critical_path"] == ["a", "b"]
    )
    assert "With 4 instead of 2 in parallel" in submitted["message"]
    caps = [(each["at_a_time"], each["allowed"]) for each in submitted["parallel"]]
    assert caps == [(2, True), (4, False)]
    assert [each["at_a_time"] for each in rows["parallel"]] == [2, 4, 8]
    assert (rows["steps"], rows["no_history"]) == ([], [])
    assert rows["end"]["p90"] >= rows["end"]["p50"]


def test_pages_say_when_a_workflow_ends_and_what_is_to_come(hourly: Api) -> None:
    workflow = hourly.submit(document("", "a"))
    assert hourly.client.post("/ui/sign-in", data={"token": hourly.token()}).status_code == 303

    page, listed = (
        hourly.client.get(path).text
        for path in (f"/ui/workflows/{workflow}/timeline", "/ui/?status=pending")
    )

    assert "likely ends" in page
    assert page.count('class="expected') >= 2
    assert "It takes about" in page
    assert "ends about" in listed


def test_the_page_of_a_batch_says_how_long_it_may_take(hourly: Api) -> None:
    """Not while it is paused: then nothing of it goes on."""
    batch = submit_batch(hourly)
    hourly.client.post("/ui/sign-in", data={"token": hourly.token()})

    page = hourly.client.get(f"/ui/batches/{batch}").text
    hourly("POST", f"/api/v1/batches/{batch}/pause")
    paused = hourly.client.get(f"/ui/batches/{batch}").text
    hourly("POST", f"/api/v1/batches/{batch}/resume")
    hourly("POST", f"/api/v1/batches/{batch}/cancel")
    cancelled = hourly.client.get(f"/ui/batches/{batch}").text

    line = re.search(r'id="eta">([^<]*)', page)
    assert line is not None
    assert line[1].startswith("It takes about ")
    assert "samples at a time" in line[1]
    assert 'id="eta"' not in paused
    assert 'id="eta"' not in cancelled


def test_the_page_of_a_batch_without_history_says_so(strange: Api) -> None:
    batch = submit_batch(strange)
    strange.client.post("/ui/sign-in", data={"token": strange.token()})

    page = strange.client.get(f"/ui/batches/{batch}").text

    assert "How long it takes is not known: too few jobs have run of Date." in page


def test_pages_without_history_say_so(strange: Api) -> None:
    workflow = strange.submit(document(""))
    strange.client.post("/ui/sign-in", data={"token": strange.token()})

    page = strange.client.get(f"/ui/workflows/{workflow}/timeline").text

    assert "end not known yet: too few jobs of Date" in page
    assert "likely ends" not in page
    assert "ends about" not in strange.client.get("/ui/?status=pending").text


def test_what_will_happen_says_how_long_it_may_take(hourly: Api) -> None:
    hourly.client.post("/ui/sign-in", data={"token": hourly.token()})
    page = hourly.client.get("/ui/new/document").text
    fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page))
    sent = {**fields, "document": json.dumps(document("")), "action": "check"}

    answer = hourly.client.post("/ui/new/document", data=sent)

    assert "It takes about" in answer.text


def test_a_page_makes_a_forecast_once_for_many_looks(hourly: Api) -> None:
    workflow = hourly.submit(document("", "a"))

    first, second = (hourly("GET", f"{ROOT}/{workflow}/forecast").json for _ in range(2))

    assert first == second
