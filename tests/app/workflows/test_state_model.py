"""Whatever is done in whatever order: the states that the API tells are those of a small model.

Every answer is besides held against its documented shape (``tests/answers.py``).
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.app.conftest import ALICE, BOB, ROOT, Api
from tests.engine.conftest import Engine, document

SETTINGS = settings(
    max_examples=12,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    derandomize=True,
    database=None,
)
UNDER_WAY = {"pending", "queued", "running", "succeeded", "failed"}


class Courses(RuleBasedStateMachine):
    """Alice submits, starts, cancels and retries; Bob tries the same with her workflows."""

    ids = Bundle("ids")
    api: Api
    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        self.expected: dict[str, str] = {}
        """Ids to ``planned``, ``cancelled`` or ``under way``."""

    def ask(self, method: str, path: str, user: str = ALICE, **sent: Any) -> Any:
        return self.api(method, f"{ROOT}{path}", user, **sent)

    def status(self, workflow: str) -> str:
        return str(self.ask("GET", f"/{workflow}/status").json["status"])

    @rule(target=ids)
    def plan(self) -> str:
        workflow = str(self.ask("POST", "/plan", json=document("", "a")).json["workflow_id"])
        self.expected[workflow] = "planned"
        return workflow

    @rule(target=ids)
    def submit(self) -> str:
        workflow = self.api.submit(document("", "", "ab"))
        self.expected[workflow] = "under way"
        return workflow

    @rule(target=ids)
    def submit_what_will_fail(self) -> str:
        course = {"queue_seconds": 0, "run_seconds": 0, "lag_seconds": 0}
        self.api.simulator.app(output_file="doomed", outcome="failed", **course)
        doomed = document("", "a")
        doomed["steps"][0]["params"]["output_file"] = "doomed"
        workflow = self.api.submit(doomed)
        self.expected[workflow] = "under way"
        return workflow

    @rule(workflow=ids)
    def start(self, workflow: str) -> None:
        answer = self.ask("POST", f"/{workflow}/submit")

        assert answer.status_code == 200
        if self.expected[workflow] == "planned":
            assert answer.json["status"] == "pending"
            self.expected[workflow] = "under way"

    @rule(workflow=ids)
    def cancel(self, workflow: str) -> None:
        before = self.status(workflow)

        answer = self.ask("POST", f"/{workflow}/cancel")

        if before in ("succeeded", "failed"):
            assert answer.status_code == 400
        else:
            assert answer.json["status"] == "cancelled"
            self.expected[workflow] = "cancelled"

    @rule(workflow=ids)
    def retry(self, workflow: str) -> None:
        before = self.status(workflow)

        answer = self.ask("POST", f"/{workflow}/retry")

        assert answer.status_code == (200 if before in ("failed", "cancelled") else 409)
        if answer.status_code == 200:
            self.expected[workflow] = "under way"

    @rule(workflow=ids)
    def renew(self, workflow: str) -> None:
        assert self.ask("PUT", f"/{workflow}/token").status_code == 204

    @rule(workflow=ids)
    def look(self, workflow: str) -> None:
        for path in ("", "/log", "/events", "/explain"):
            assert self.ask("GET", f"/{workflow}{path}").status_code == 200

    @rule(workflow=ids)
    def meddle(self, workflow: str) -> None:
        for path in ("submit", "cancel", "retry"):
            assert self.ask("POST", f"/{workflow}/{path}", BOB).status_code == 403

    @rule()
    def turn(self) -> None:
        self.engine.turn()

    @invariant()
    def the_states_are_the_models(self) -> None:
        if not self.expected:
            return
        page = self.ask("GET", f"?page_size={len(self.expected)}").json["workflows"]
        found = {each["workflow_id"]: each["status"] for each in page}
        assert {*found} == {*self.expected}  # they are the newest
        for workflow, expected in self.expected.items():
            assert found[workflow] in (UNDER_WAY if expected == "under way" else {expected})


@pytest.mark.timeout(900)
def test_the_states_are_those_of_the_model_whatever_is_done(api: Api) -> None:
    class OnThis(Courses):
        pass

    OnThis.api, OnThis.engine = api, api.engine()

    run_state_machine_as_test(OnThis, settings=SETTINGS)
