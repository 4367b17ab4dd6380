"""A running product as an operator meets it: from outside, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests

from devstack.processes import NotReady, wait_until
from devstack.stack import Stack
from tests.engine.conftest import document

ALICE = "alice@patricbrc.org"


@dataclass
class Product:
    stack: Stack
    token: str = ""

    @property
    def url(self) -> str:
        return self.stack.api_urls[0]

    def get(self, path: str, timeout: float = 60) -> requests.Response:
        return requests.get(f"{self.url}{path}", timeout=timeout)

    def serves(self) -> bool:
        try:
            return self.get("/api/v1/health/live", timeout=2).ok
        except requests.RequestException:
            return False

    def health(self) -> dict[str, Any]:
        return dict(self.get("/api/v1/health").json())

    def says(self, what: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first health that is as wanted. Two answers in a row may differ: each process of the
        API remembers what it found for a moment, and what does not answer it within a second is at
        fault."""
        answers: list[dict[str, Any]] = []

        def is_said() -> bool:
            answers.append(self.health())
            return wanted(answers[-1])

        try:
            wait_until(is_said, f"health says that {what}")
        except NotReady as late:
            raise NotReady(f"{late}\n{answers[-1]}") from None
        return answers[-1]

    def names(self, cause: str) -> dict[str, Any]:
        """What health says as soon as it names that cause."""
        return self.says(f"{cause!r}", lambda found: cause in "; ".join(found["causes"]))

    def is_well(self) -> dict[str, Any]:
        return self.says("all is well", lambda found: found["status"] == "healthy")

    def part(self, name: str) -> dict[str, Any]:
        """Facts of a part of health; none while MongoDB does not answer in time."""
        return dict(self.health()["parts"].get(name, {"status": "unknown"}))

    def workers(self) -> int:
        """How many are alive, as health knows it."""
        return int(self.part("workers").get("alive", -1))

    def post(self, path: str, body: Any = None) -> requests.Response:
        self.token = self.token or self.stack.simulator.token(ALICE)
        headers = {"Authorization": self.token}
        return requests.post(
            f"{self.url}/api/v1/workflows/{path}", json=body, headers=headers, timeout=90
        )

    def submit(self, *needs: str, app: str = "Date") -> str:
        found = document(*(needs or ("",)))
        for step in found["steps"]:
            step["app"] = app
        answer = self.post("submit", found)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["workflow_id"])

    def watch(self, workflow: str) -> requests.Response:
        """Its events, live."""
        headers = {"Accept": "text/event-stream"}
        url = f"{self.url}/api/v1/workflows/{workflow}/events"
        return requests.get(
            url, headers=headers | {"Authorization": self.token}, stream=True, timeout=60
        )

    def cancel(self, workflow: str) -> None:
        answer = self.post(f"{workflow}/cancel")
        assert answer.ok, answer.text

    def status(self, workflow: str) -> str:
        answer = self.get(f"/api/v1/workflows/{workflow}/status")
        return str(answer.json()["status"])
