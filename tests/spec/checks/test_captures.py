"""The genuine service's own verdicts: what it takes passes, what it refuses is refused here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.shared import shared_path
from tests.spec.examples import codes, step, workflow

DOOMED = {
    "025-start_app2-missing-required-output_file-ACCEPTED": "missing_parameter",
    "034-start_app2-no-libs-at-all": "missing_input",
    "050-start_app2-slash-in-output_file": "bad_output_file",
    "048b-start_app2-non-ascii-latin1-only": "bad_output_file",
    "049b-start_app2-non-ascii-utf8mb4-columns": "bad_output_file",
    "049d-start_app2-non-ascii-raw-utf8-body": "bad_output_file",
    "051b-start_app2-params-over-64K-NON-STRICT-MYSQL": "params_too_large",
}
"""Accepted by the service, but the job or its results are lost later (protocol 4.2, 8)."""
UNSEEN = (
    "missing-in-workspace",
    "empty-read-file",
    "container",
    "parent_id",
    "domain-user",
    "args",
)
"""Refused for reasons that do not lie in the parameters."""


def captures() -> list[Path]:
    return sorted(shared_path("bvbrc/captures").glob("0[2-6]*start_app*.json"))


def sent(capture: Path) -> tuple[str, Any, int]:
    """App, parameters and the status answered."""
    found = json.loads(capture.read_text())
    params = json.loads(found["request"]["body"])["params"]
    app, given = [*params, None, None][:2]
    return app, given, found["response"]["status"]


def test_what_the_service_takes_and_the_app_runs_is_not_refused() -> None:
    accepted = [capture for capture in captures() if sent(capture)[2] == 200]
    assert len(accepted) > 15

    refused = {
        capture.stem: codes(workflow(step(*sent(capture)[:2])))
        for capture in accepted
        if codes(workflow(step(*sent(capture)[:2])))
    }

    assert {name: next(iter(found.values())) for name, found in refused.items()} == DOOMED


def test_what_the_service_refuses_for_its_parameters_is_refused() -> None:
    refused = [
        capture
        for capture in captures()
        if sent(capture)[2] != 200 and not any(word in capture.stem for word in UNSEEN)
    ]
    assert len(refused) > 10

    for capture in refused:
        app, params, _ = sent(capture)
        document = workflow({"step_name": "only", "app": app, "params": params})
        assert codes(document), capture.stem


@pytest.mark.parametrize(
    ("name", "path", "code"),
    [
        ("024*", "steps[0].params.output_path", "missing_parameter"),
        ("026*", "steps[0].params.contigs", "missing_parameter"),
        ("028*", "steps[0].params.recipe", "invalid_choice"),
        ("032*", "steps[0].params.srr_ids[0]", "bad_accession"),
        ("033*", "steps[0].params.paired_end_libs", "wrong_type"),
        ("036*", "steps[0].params", "wrong_type"),
        ("037*", "steps[0].params", "missing_field"),
    ],
)
def test_the_problem_is_where_the_service_saw_it(name: str, path: str, code: str) -> None:
    (capture,) = shared_path("bvbrc/captures").glob(name)
    app, params, _ = sent(capture)

    assert codes(workflow({"step_name": "only", "app": app, "params": params})) == {path: code}
