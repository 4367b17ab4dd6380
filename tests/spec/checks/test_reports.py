"""Parameters that apps' own public tests use, and public reports: what AppService takes is never
refused, and what it refuses is found."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from tests.shared import found_shared, shared_path
from tests.spec.examples import CATALOGUE, workflow
from workflows.engine.app_catalogue import UNASKED
from workflows.spec.validate import Examination, examine

PAYLOADS = "reports/payloads.jsonl"
CASES = ("assembly-iontorrent", "msa-aligned-input")
AWAY = replace(CATALOGUE, note=UNASKED)
"""What is known while BV-BRC's own list is not at hand."""


@cache
def payloads() -> list[dict[str, Any]]:
    return [json.loads(line) for line in shared_path(PAYLOADS).read_text("utf-8").splitlines()]


def look_at(payload: dict[str, Any]) -> Examination:
    step = {"step_name": "s", "app": payload["app"], "params": payload["params"]}
    listed = payload["app"] in CATALOGUE.apps
    return examine(workflow(step), CATALOGUE if listed else AWAY)


def test_the_payloads_are_there_and_whole() -> None:
    assert len(payloads()) == 78
    assert len({payload["app"] for payload in payloads()}) == 24


@pytest.mark.parametrize("number", range(78 if found_shared(PAYLOADS) else 1))
def test_a_payload_is_judged_as_appservice_judges_it(number: int) -> None:
    payload = payloads()[number]

    seen = look_at(payload)

    refused = [str(problem) for problem in seen.problems]
    assert bool(refused) == (payload["genuine"] == "refuses"), (payload["source"], refused)
    for missing in (text for text in payload["because"] if text.startswith("missing ")):
        assert any(f".{missing.removeprefix('missing ')}:" in text for text in refused), refused


@pytest.mark.parametrize("name", CASES)
def test_a_choice_inside_a_group_is_a_warning(name: str) -> None:
    case = json.loads(shared_path(f"reports/cases/{name}.json").read_text("utf-8"))

    seen = examine(case["try"]["body"], CATALOGUE)

    assert seen.problems == ()
    assert {warning.code for warning in seen.warnings} == {"unusual_value"}


def test_an_app_is_refused_only_if_the_services_own_list_lacks_it() -> None:
    step = {"step_name": "s", "app": "CEIRRDataSubmission", "params": {"output_file": "x"}}

    with_list = examine(workflow(step), CATALOGUE)
    without = examine(workflow(step), AWAY)

    assert [problem.code for problem in with_list.problems] == ["unknown_app"]
    assert without.problems == ()
    assert [warning.code for warning in without.warnings] == ["apps_not_asked", "app_not_checked"]
    assert without.workflow_json is not None
    again = examine(without.workflow_json, AWAY)
    assert again.workflow_json == without.workflow_json


def test_an_output_of_an_unchecked_app_must_be_declared() -> None:
    first = {"step_name": "a", "app": "CEIRRDataSubmission", "params": {}}
    second = {
        "step_name": "b",
        "app": "Date",
        "params": {
            "output_path": "${workspace_output_folder}",
            "output_file": "${steps.a.outputs.x}",
        },
    }

    undeclared = examine(workflow(first, second), AWAY)
    declared = examine(workflow({**first, "outputs": {"x": "name"}}, second), AWAY)

    assert [problem.path for problem in undeclared.problems] == ["steps[1].params.output_file"]
    assert declared.problems == ()
