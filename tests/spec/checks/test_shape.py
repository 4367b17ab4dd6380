"""Fields, their types and limits; and input that means harm."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.spec.examples import codes, look, step, workflow
from workflows.spec.checks.diagnostics import MOST_PROBLEMS
from workflows.spec.document import spec_from
from workflows.spec.validate import Limits

SLEEP = step("Sleep")


def retry(**fields: Any) -> dict[str, Any]:
    return {"steps": [{**SLEEP, "retry": fields}]}


def deep(levels: int) -> Any:
    found: Any = "end"
    for _ in range(levels):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("fields", "path", "code"),
    [
        ({"workflow_name": None}, "workflow_name", "missing_field"),
        ({"workflow_name": 5}, "workflow_name", "wrong_type"),
        ({"workflow_name": "x" * 201}, "workflow_name", "bad_name"),
        ({"workflow_name": "a\nb"}, "workflow_name", "bad_name"),
        ({"version": ""}, "version", "bad_name"),
        ({"version": True}, "version", "wrong_type"),
        ({"base_context": None}, "base_context", "missing_field"),
        ({"base_context": []}, "base_context", "wrong_type"),
        ({"steps": None}, "steps", "missing_field"),
        ({"steps": {}}, "steps", "wrong_type"),
        ({"steps": []}, "steps", "no_steps"),
        ({"steps": [5]}, "steps[0]", "wrong_type"),
        (retry(max_attempts=0), "steps[0].retry.max_attempts", "wrong_type"),
        (retry(max_attempts=11), "steps[0].retry.max_attempts", "wrong_type"),
        (retry(backoff_seconds=-1), "steps[0].retry.backoff_seconds", "wrong_type"),
        (retry(backoff_seconds="1"), "steps[0].retry.backoff_seconds", "wrong_type"),
        (retry(attempts=2), "steps[0].retry.attempts", "unknown_field"),
        ({"steps": [{**SLEEP, "depends_on": [5]}]}, "steps[0].depends_on[0]", "wrong_type"),
        ({"steps": [{**SLEEP, "outputs": []}]}, "steps[0].outputs", "wrong_type"),
        ({"labels": ["a"]}, "labels", "wrong_type"),
        ({"labels": {"a": []}}, "labels.a", "wrong_type"),
        ({"labels": {"a:b": "c"}}, "labels['a:b']", "bad_name"),
        ({"labels": {str(n): "" for n in range(65)}}, "labels", "too_many_labels"),
        ({"max_parallel_steps": 0}, "max_parallel_steps", "wrong_type"),
        ({"max_parallel_steps": True}, "max_parallel_steps", "wrong_type"),
        ({"max_parallel_steps": 9}, "max_parallel_steps", "too_many_parallel_steps"),
        ({"on_failure": "stop"}, "on_failure", "invalid_choice"),
        ({"on_failure": []}, "on_failure", "invalid_choice"),
        ({"reuse": "always"}, "reuse", "invalid_choice"),
        ({"reuse": True}, "reuse", "wrong_type"),
        ({"reuse": {"max_age": 3}}, "reuse.max_age", "unknown_field"),
        ({"reuse": {"max_age_days": 0}}, "reuse.max_age_days", "wrong_type"),
        ({"reuse": {"max_age_days": "7"}}, "reuse.max_age_days", "wrong_type"),
        ({"reuse": {"join": 1}}, "reuse.join", "wrong_type"),
        ({"steps": [{**SLEEP, "reuse": "never"}]}, "steps[0].reuse", "wrong_type"),
        ({"workflow_outputs": {"a": 1}}, "workflow_outputs", "wrong_type"),
        ({"stepz": 1}, "stepz", "unknown_field"),
        # what cannot be stored or sent
        ({"labels": {"a\0": "b"}}, "labels['a\\x00']", "bad_key"),
        ({"labels": {"$where": "b"}}, "labels['$where']", "bad_key"),
        ({"labels": {"a.b": "c"}}, "labels['a.b']", "bad_key"),
        ({"labels": {"x${y}": "c"}}, "labels['x${y}']", "bad_key"),
        ({"labels": {"": "c"}}, "labels['']", "bad_key"),
        ({"workflow_name": "\ud800"}, "workflow_name", "bad_text"),
        ({"workflow_name": "a\0b"}, "workflow_name", "bad_text"),
        ({"steps": [{**SLEEP, "params": {"x": 2**63}}]}, "steps[0].params.x", "bad_number"),
        ({"steps": [{**SLEEP, "params": {"x": float("nan")}}]}, "steps[0].params.x", "bad_number"),
        ({"steps": [{**SLEEP, "params": {"x": float("inf")}}]}, "steps[0].params.x", "bad_number"),
    ],
)  # fmt: skip
def test_each_wrong_field_is_a_problem_of_its_own(
    fields: dict[str, Any], path: str, code: str
) -> None:
    found = codes({**workflow(SLEEP), **fields}, Limits(parallel_steps=8))

    assert found == {path: code}


@pytest.mark.parametrize(
    ("fields", "meant"),
    [
        ({"name": "w"}, "'workflow_name'"),
        ({"tags": {}}, "'labels'"),
        ({"outputs": []}, "'workflow_outputs'"),
        ({"steps": [{**SLEEP, "name": "s"}]}, "'step_name'"),
        ({"steps": [{**SLEEP, "app_name": "Sleep"}]}, "'app'"),
        ({"steps": [{**SLEEP, "appId": "Sleep"}]}, "'app'"),
        ({"steps": [{**SLEEP, "dependencies": []}]}, "'depends_on'"),
        ({"steps": [{**SLEEP, "inputs": {}}]}, "'params'"),
        ({"steps": [{**SLEEP, "output_file": "x"}]}, "put it into params"),
        (retry(attempts=2), "'max_attempts'"),
        ({"steps": [{**SLEEP, "colour": "x"}]}, "known are 'step_name'"),
    ],
)
def test_other_engines_words_are_understood(fields: dict[str, Any], meant: str) -> None:
    found = look({**workflow(SLEEP), **fields})

    assert [problem.code for problem in found.problems] == ["unknown_field"]
    assert meant in found.problems[0].suggestion


def test_what_is_there_under_another_name_is_not_missed_as_well() -> None:
    found = look({**workflow({"name": "s", "app_name": "Sleep", "params": {}}), "version": None})

    assert {problem.path: problem.code for problem in found.problems} == {
        "version": "missing_field",
        "steps[0].name": "unknown_field",
        "steps[0].app_name": "unknown_field",
    }


@pytest.mark.parametrize(
    ("given", "meant"),
    [("geneticCode", "'code'"), ("organism", "'scientific_name'"), ("tax_id", "'taxonomy_id'")],
)
def test_other_names_of_parameters_are_understood(given: str, meant: str) -> None:
    annotation = step("GenomeAnnotation")
    annotation["params"][given] = "11"

    found = look(workflow(annotation))

    warned = {each.path: each.suggestion for each in found.warnings}
    assert meant in warned[f"steps[0].params.{given}"]


@pytest.mark.parametrize("empty", [None, []])
def test_missing_null_and_empty_lists_are_the_same(empty: Any) -> None:
    plain = look(workflow(SLEEP)).workflow_json

    document = workflow({**SLEEP, "depends_on": empty}, workflow_outputs=empty, labels=None)

    assert look(document).workflow_json == plain


def test_a_version_that_is_a_number_becomes_a_text() -> None:
    found = look({**workflow(SLEEP), "version": 1.0})

    assert found.workflow_json is not None
    assert found.workflow_json["version"] == "1.0"
    assert [fix.code for fix in found.auto_fixes] == ["made_text"]


def test_names_in_any_script_are_names() -> None:
    assert codes(workflow({**SLEEP, "step_name": "步骤 1"}, workflow_name="Ärger 🧬")) == {}


@pytest.mark.parametrize("levels", [60, 5_000, 200_000])
def test_depth_is_refused_however_deep(levels: int) -> None:
    document = workflow({**SLEEP, "params": {"x": deep(levels)}})

    assert [problem.code for problem in look(document).problems] == ["too_deep"]


def test_what_is_refused_for_its_characters_can_be_answered_in_json() -> None:
    document = workflow({**SLEEP, "params": {"\ud800\0.": "\ud800", "ok": {"$x": 10**400}}})

    for problem in look(document).problems:
        json.dumps(problem.as_json()).encode()
        str(problem).encode()


def test_too_many_steps_are_refused_unseen() -> None:
    assert codes(workflow(SLEEP, SLEEP), Limits(steps=1)) == {"steps": "too_many_steps"}


def test_too_many_problems_are_counted() -> None:
    document = workflow(*({"step_name": str(number)} for number in range(1000)))

    problems = look(document).problems

    assert len(problems) == MOST_PROBLEMS + 1
    assert problems[-1].code == "more_problems"
    assert problems[-1].message == "and 1000 more problems"


@pytest.mark.parametrize(
    "params",
    [
        {"x": "y" * 60_000},
        {"x": "${big}"},
        {"x": "${params.y}" * 6_000, "y": "0123456789"},
        {"x": list(range(9_000))},
        {"x": "é" * 31_000},
    ],
)
def test_parameters_that_appservice_cannot_keep_are_refused(params: dict[str, Any]) -> None:
    document = workflow({**SLEEP, "params": params})
    document["base_context"]["big"] = "z" * 60_001

    assert codes(document) == {"steps[0].params": "params_too_large"}


def test_a_later_attempt_must_fit_as_well() -> None:
    params = {"output_path": "/a/b", "output_file": "d", "x": "${params.output_file}" * 6_000}
    document = workflow({"step_name": "s", "app": "Date", "params": params})

    assert codes(document) == {"steps[0].params": "params_too_large"}


def test_references_that_multiply_are_refused() -> None:
    params: dict[str, Any] = {"p0": "0123456789"}
    params |= {f"p{n}": f"${{params.p{n - 1}}}${{params.p{n - 1}}}" for n in range(1, 40)}

    assert set(codes(workflow({**SLEEP, "params": params})).values()) == {"too_large"}


def test_ten_thousand_unknown_names_are_refused_without_thinking_long() -> None:
    steps = [
        {
            "step_name": f"step {number}",
            "app": f"NoApp{number}x",
            "params": {"a": f"${{steps.stop {number}.outputs.b}}", "c": f"${{where{number}}}"},
            "depends_on": [f"stap {number}"],
        }
        for number in range(10_000)
    ]

    assert len(look(workflow(*steps)).problems) == MOST_PROBLEMS + 1


def test_what_is_missing_is_told_with_what_to_give() -> None:
    told = look({}).problems

    assert [problem.path for problem in told] == [
        *("workflow_name", "version", "base_context", "steps"),
    ]
    assert all(problem.suggestion.startswith("give ") for problem in told)


@pytest.mark.parametrize(
    "said",
    ["never", "mine", {"max_age_days": 7}, {"join": True}, {"max_age_days": 0.5, "join": True}],
)
def test_reuse_is_kept_as_it_was_said(said: Any) -> None:
    found = look(workflow(steps=[{**SLEEP, "reuse": False}], reuse=said))

    assert found.workflow_json is not None
    assert found.workflow_json["reuse"] == said
    assert found.workflow_json["steps"][0]["reuse"] is False
    assert look(found.workflow_json).workflow_json == found.workflow_json
    assert spec_from(found.workflow_json) == found.spec
