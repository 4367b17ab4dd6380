"""The catalogue of apps, also while BV-BRC's own list is away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pymongo import MongoClient

from devstack.processes import wait_until
from tests.app.conftest import ROOT, Api, asking
from tests.engine.conftest import LONG
from workflows.engine import durations
from workflows.rules.durations.observation import Observation, count_hour
from workflows.store.durations import hours
from workflows.store.mongo import clock

APPS = "/api/v1/apps"
NEW = {"step_name": "s", "app": "CEIRRDataSubmission", "params": {"ceirr_data": ["/a/home/x.csv"]}}


def report(step: dict[str, Any]) -> dict[str, Any]:
    context = {"base_url": "https://www.bv-brc.org", "workspace_output_folder": "/a/home/out"}
    return {"workflow_name": "w", "version": "1.0", "base_context": context, "steps": [step]}


def codes(answer: Any) -> list[str]:
    return [problem["code"] for problem in answer.json["warnings"]]


@pytest.fixture
def listless(make_api: Callable[..., Api], mongo: MongoClient) -> Api:
    """An API that has never had BV-BRC's list, which is away."""
    api = make_api(validation={"check_output_conflicts": False})
    api.simulator.fault("status", "AppService.enumerate_apps", status=502)
    # An application that has just asked would store the list after it was deleted.
    wait_until(lambda: not asking(), "nobody asks any more", seconds=LONG)
    mongo[api.settings.mongodb.database]["app_specs"].delete_many({})
    wait_until(
        lambda: "apps_not_asked" in codes(api("GET", APPS)), "the list is away", seconds=LONG
    )
    return api


def test_apps_are_listed_page_by_page(api: Api) -> None:
    names, token = [], ""
    while token is not None:
        page = api("GET", APPS, query_string={"page_size": 20, "page_token": token}).json
        names += [app["app"] for app in page["apps"]]
        token = page["next_page_token"]

    assert len(names) == 44
    assert names == sorted(names)
    assert {"GenomeAssembly2", "CreateGroup"} <= set(names)


def test_apps_are_searched(api: Api) -> None:
    found = api("GET", APPS, query_string={"query": "viral assembl"}).json["apps"]

    assert [app["app"] for app in found] == ["ViralAssembly"]
    assert api("GET", APPS, query_string={"page_token": "x"}).status_code == 400


def test_the_example_of_an_app_can_be_submitted(api: Api) -> None:
    app = api("GET", f"{APPS}/genome_annotation").json

    assert app["app"] == "GenomeAnnotation"
    assert {"name", "type", "required", "default", "choices"} <= set(app["parameters"][0])
    assert "genome" in {output["name"] for output in app["outputs"]}
    assert api("POST", f"{ROOT}/submit", json=app["example"]).status_code == 201


@pytest.mark.parametrize("path", ["apps", "cwl/tools"])
def test_an_unknown_app_is_answered_with_those_that_may_be_meant(api: Api, path: str) -> None:
    wait_until(lambda: codes(api("GET", APPS)) == [], "BV-BRC's own list is at hand", seconds=LONG)

    answer = api("GET", f"/api/v1/{path}/GenomeAssembly3")

    assert answer.status_code == 404
    assert answer.json["detail"] == (
        "There is no app 'GenomeAssembly3'; did you mean 'GenomeAssembly2' or 'GenomeAssembly'?"
    )
    (error,) = answer.json["errors"]
    assert error["code"] == "unknown_app"
    assert error["suggestion"] == "did you mean 'GenomeAssembly2' or 'GenomeAssembly'?"


def test_no_app_is_unknown_while_the_list_is_away(listless: Api) -> None:
    answer = listless("POST", f"{ROOT}/validate", json=report(NEW))

    assert answer.status_code == 200, answer.text
    assert codes(answer) == ["apps_not_asked", "app_not_checked"]
    for path in (f"{APPS}/CEIRRDataSubmission", "/api/v1/cwl/tools/CEIRRDataSubmission"):
        refused = listless("GET", path)
        assert refused.status_code == 503
        assert "not at hand" in refused.json["detail"]
        assert refused.headers["Retry-After"]


def test_the_list_is_asked_for_again_when_the_service_is_back(listless: Api) -> None:
    listless.simulator.clear_faults()

    wait_until(lambda: codes(listless("GET", APPS)) == [], "the list is at hand")

    answer = listless("POST", f"{ROOT}/validate", json=report(NEW))
    assert [error["code"] for error in answer.json["errors"]] == ["unknown_app"]


def remember(app: str, *jobs: tuple[float, float]) -> None:
    """Jobs of an app that ended in this hour, with seconds of waiting and of running."""
    hour = clock().replace(minute=0, second=0, microsecond=0)
    seconds = [(timedelta(seconds=wait), timedelta(seconds=wait + run)) for wait, run in jobs]
    seen = [Observation(app, hour, hour + wait, hour + end, 10**7) for wait, end in seconds]
    hours.store(hour, count_hour(hour, seen))
    hours.add_up([app])
    durations.forget()


def test_durations_of_an_app_are_told_from_its_jobs(api: Api) -> None:
    remember("PrimerDesign", *[(60, 600)] * 9, (60, 6000))

    found = api("GET", f"{APPS}/primer_design/durations").json

    assert (found["app"], found["observations"]) == ("PrimerDesign", 10)
    assert set(found["run_seconds"]) == {"p10", "p25", "p50", "p75", "p90", "p99"}
    assert found["run_seconds"]["p50"] == pytest.approx(600, rel=0.1)
    assert found["queue_wait_seconds"]["p90"] == pytest.approx(60, rel=0.1)
    (size,) = found["by_input_size"]
    assert (size["from_bytes"], size["below_bytes"], size["observations"]) == (10**7, 10**8, 10)
    (hour,) = found["hours"]
    assert hour["hour"] == found["since"] == found["until"]
    assert hour["observations"] == 10
    described = api("GET", f"{APPS}/PrimerDesign").json["durations"]
    assert described["run_seconds"]["p50"] == found["run_seconds"]["p50"]


def test_an_app_without_history_says_so(api: Api) -> None:
    found = api("GET", f"{APPS}/FluxBalanceAnalysis/durations").json

    assert found["observations"] == 0
    assert (found["run_seconds"], found["hours"], found["since"]) == (None, [], None)
    assert api("GET", f"{APPS}/FluxBalanceAnalysis").json["durations"] is None
    assert api("GET", f"{APPS}/NoSuchApp/durations").status_code == 404
