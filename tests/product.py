"""The whole product, for tests that use it from outside: servers, worker, beat, API, simulator.

One for each pytest worker; tests that use it are marked to run on the same one (``GROUP``), and
those of the pages on another one (``UI_GROUP``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from devstack.processes import NotReady, wait_until
from devstack.stack import Stack, Wanted, stack
from simulator.client import Simulator
from tests.order import PRODUCT_GROUPS
from tests.simulated import QUICK

GROUP, UI_GROUP = map(pytest.mark.xdist_group, PRODUCT_GROUPS)
SUFFIXES = tuple(f"@{group}" for group in PRODUCT_GROUPS)
"""What pytest-xdist adds to the ids of their tests."""
ALICE, BOB, ADMIN = "alice@bvbrc", "bob@bvbrc", "admin@bvbrc"
INDEXES_SECONDS = 120
"""The API refuses requests until it has made MongoDB's indexes; a disk that others use makes that
long."""
FINAL = {"succeeded", "failed", "cancelled"}


@dataclass
class Product:
    """A running product, and tokens to use it with."""

    stack: Stack
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.stack.api_urls[0]

    @property
    def simulator(self) -> Simulator:
        return self.stack.simulator

    def is_up(self) -> None:
        """Waits until the API answers."""
        headers = {"Authorization": self.token()}
        wait_until(
            lambda: requests.get(f"{self.url}/api/v1/workflows", headers=headers, timeout=60).ok,
            "the API has made its indexes",
            seconds=INDEXES_SECONDS,
        )

    def token(self, user: str = ALICE) -> str:
        if user not in self.tokens:
            self.tokens[user] = self.simulator.token(user)
        return self.tokens[user]

    def ask(
        self, method: str, path: str, user: str = ALICE, *, timeout: float = 60, **options: Any
    ) -> Any:
        """The API's answer as JSON; fails the test on a refusal."""
        headers = {"Authorization": self.token(user)}
        answer = requests.request(
            method, f"{self.url}/api/v1{path}", headers=headers, timeout=timeout, **options
        )
        assert answer.ok, answer.text
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        return answer.json() if answer.content else None

    def health(self) -> Any:
        """What the API says of itself, also where that is a refusal to serve: it gives MongoDB less
        than a second, which a busy machine may exceed."""
        return requests.get(f"{self.url}/api/v1/health", timeout=60).json()

    def submit(self, document: Mapping[str, Any], user: str = ALICE) -> str:
        return str(self.ask("POST", "/workflows/submit", user, json=document)["workflow_id"])

    def state(self, workflow: str) -> str:
        return str(self.ask("GET", f"/workflows/{workflow}/status")["status"])

    def steps(self, workflow: str) -> dict[str, str]:
        """Step names to states."""
        found = self.ask("GET", f"/workflows/{workflow}/status")["steps"]
        return {step["step_name"]: step["status"] for step in found}

    def ends(self, workflow: str, seconds: float = 120) -> str:
        """Its final state; a failure of the test says what it waits for."""
        try:
            wait_until(
                lambda: self.state(workflow) in FINAL, f"{workflow} ends", seconds=seconds,
                every_seconds=0.2,
            )  # fmt: skip
        except NotReady as late:
            why = self.ask("GET", f"/workflows/{workflow}/explain")
            raise NotReady(f"{late}\n{why}\n{self.health()}") from None
        return self.state(workflow)

    def reaches(self, workflow: str, step: str, state: str, seconds: float = 120) -> None:
        wait_until(
            lambda: self.steps(workflow)[step] == state, f"{step} is {state}", seconds=seconds,
            every_seconds=0.2,
        )  # fmt: skip

    def finish(self, workflow: str, step: str) -> None:
        """Ends the first job of a step that does not end by itself (``run_seconds=None``)."""
        self.reaches(workflow, step, "running")
        place = list(self.steps(workflow)).index(step)
        (job,) = self.simulator.jobs(user_metadata=f"{workflow}/{place}/1")
        self.simulator.act("finish", job["id"])


def is_last_of_group(test: str, next_test: str) -> bool:
    """Whether a test is of one of these groups and the next one is not of the same."""
    return any(test.endswith(each) and not next_test.endswith(each) for each in SUFFIXES)


@pytest.fixture(scope="session")
def running_product() -> Iterator[Product]:
    settings = {
        "executor.polling_interval_seconds": 0.6,
        "executor.max_parallel_steps_per_workflow": 40,
        "webhooks.allow": '["127.0.0.1/32"]',
        "auth.admins": f'["{ADMIN}"]',
    }
    with stack(Wanted(apis=1, settings=settings, simulator=QUICK)) as running:
        product = Product(running)
        product.is_up()
        yield product


@pytest.fixture
def product(running_product: Product) -> Product:
    """The same, with jobs that take a second and succeed."""
    running_product.simulator.clear_rules()
    running_product.simulator.clear_faults()
    running_product.simulator.app("*", run_seconds=1)
    return running_product


def document(needs: Mapping[str, str], name: str = "w", **fields: Any) -> dict[str, Any]:
    """A workflow of Date apps: ``{"a": "", "b": "a", "c": "a b"}`` names what each waits for."""
    return {
        "workflow_name": name,
        "version": "1.0",
        "base_context": {
            "base_url": "https://www.bv-brc.org",
            "workspace_output_folder": f"/{ALICE}/home/out",
        },
        "steps": [
            {
                "step_name": step,
                "app": "Date",
                "params": {"output_path": "${workspace_output_folder}", "output_file": step},
                "depends_on": wanted.split(),
            }
            for step, wanted in needs.items()
        ],
    } | fields
