"""Schemathesis against the OpenAPI document: whatever is sent, the answer is a documented one."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks

from tests.app.conftest import ADMIN, ALICE, BOB, Api
from tests.engine.conftest import document

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
EXAMPLES = 20
"""Of each operation and kind of data."""
SETTINGS = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
    derandomize=True,
    database=None,
)


def tame(case: Case) -> None:
    """Nobody waits for a live answer here, and the place of a page is not ours to guess."""
    (case.query or {}).pop("follow", None)
    (case.headers or {}).pop("Accept", None)


@pytest.fixture
def described(api: Api) -> Any:
    found = schemathesis.openapi.from_wsgi("/openapi.json", api.client.application)
    return found.exclude(path_regex="^/metrics|/health(/ready)?$")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_whatever_is_sent_the_answer_is_documented(
    api: Api, described: Any, mode: GenerationMode
) -> None:
    ids = [api.submit(document("", "a")), api.submit(document(""), BOB), "wf_0"]
    tokens = [api.token(ALICE), api.token(ALICE), api.token(ADMIN), "garbage", ""]
    draw, seen = random.Random(0), 0  # noqa: S311 - a test's

    def check(operation: APIOperation[Any, Any, Any]) -> None:
        @settings(SETTINGS, max_examples=EXAMPLES)
        @given(case=operation.as_strategy(generation_mode=mode))
        def run(case: Case) -> None:
            nonlocal seen
            seen += 1
            tame(case)
            if "workflow_id" in (case.path_parameters or {}) and draw.random() < 0.7:
                case.path_parameters["workflow_id"] = draw.choice(ids)
            if draw.random() < 0.1:
                case.body = document("", "a")
            headers = {"Authorization": draw.choice(tokens)}
            case.call_and_validate(headers=headers, checks=CHECKS)

        run()

    for result in described.get_all_operations():
        with suppress(Unsatisfiable):  # whatever is sent to this one is right
            check(result.ok())

    assert seen > 1_500
