"""Schemathesis follows the links of the OpenAPI document: an answer names what is called next."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.errors import FlakyStrategyDefinition
from hypothesis.stateful import run_state_machine_as_test
from schemathesis import Case, Response

from app.api.submit.submission import ABOUT_IT
from tests.app.conftest import ALICE, Api
from tests.app.documents.test_fuzz import CHECKS, tame
from tests.engine.conftest import document

ROUNDS = 8
SETTINGS = settings(
    max_examples=10,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
    database=None,
)
TAKE_A_WORKFLOW = {"submit_workflow", "plan_workflow", "register_workflow"}


@pytest.mark.timeout(900)
def test_whatever_an_answer_leads_to_answers_as_documented(api: Api) -> None:
    found = schemathesis.openapi.from_wsgi("/openapi.json", api.client.application)
    _give_bodies(found.raw_schema)
    headers, seen = {"Authorization": api.token(ALICE)}, Counter[str]()
    failures: list[Exception] = []

    class Chains(found.as_state_machine()):  # type: ignore[misc]
        """No workflow advances during the test: the answers follow from the requests alone."""

        def before_call(self, case: Case) -> None:
            tame(case)
            (case.headers or {}).pop("Idempotency-Key", None)

        def get_call_kwargs(self, case: Case) -> dict[str, Any]:  # noqa: ARG002 - schemathesis's
            return {"headers": headers}

        def validate_response(self, response: Response, case: Case, **_: Any) -> None:
            name = case.operation.definition.raw["operationId"]
            seen[f"{name} {response.status_code}"] += 1
            try:
                case.validate_response(response, checks=CHECKS)
            except Exception as failure:
                failures.append(failure)
                raise

    for number in range(ROUNDS):
        # What is stored outlives a chain, so that the same call may answer otherwise the next time,
        # and other calls follow. Hypothesis ends a round that meets that.
        with suppress(FlakyStrategyDefinition):
            run_state_machine_as_test(seed(number)(Chains), settings=SETTINGS)
    if failures:
        raise failures[0]

    followed = {name for name in ABOUT_IT for code in (200, 204) if seen[f"{name} {code}"]}
    assert len(followed) > 5, "which of them is chance; without links no id would be a known one"


def _give_bodies(described: dict[str, Any]) -> None:
    """Workflows made of chance use up what Hypothesis grants a chain before an answer is there."""
    operations = [each for path in described["paths"].values() for each in path.values()]
    for operation in operations:
        if isinstance(operation, dict) and operation.get("operationId") in TAKE_A_WORKFLOW:
            content = operation["requestBody"]["content"]["application/json"]
            content.clear()
            content["schema"] = {"enum": [document("", "a")]}
