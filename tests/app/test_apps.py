"""The catalogue of apps, also while BV-BRC's own list is away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pymongo import MongoClient

from devstack.processes import wait_until
from tests.app.conftest import ROOT, Api

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
    mongo[api.settings.mongodb.database]["app_specs"].delete_many({})
    api.simulator.fault("status", "AppService.enumerate_apps", status=502)
    wait_until(lambda: "apps_not_asked" in codes(api("GET", APPS)), "the list is away")
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
    wait_until(lambda: codes(api("GET", APPS)) == [], "BV-BRC's own list is at hand")

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

    wait_until(lambda: codes(listless("GET", APPS)) == [], "the list is at hand", seconds=20)

    answer = listless("POST", f"{ROOT}/validate", json=report(NEW))
    assert [error["code"] for error in answer.json["errors"]] == ["unknown_app"]
