"""What users do: submit random workflows, cancel some, and remember what was promised."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

Json = Any
FOLDER = "/chaos@bvbrc/home/run"
FINAL = ("succeeded", "failed", "cancelled")


@dataclass
class Promise:
    """A workflow that the API accepted, and how it must end."""

    workflow: str
    user: str
    name: str
    steps: int
    expected: str
    accepted_at: float
    cancel_at: float | None = None
    """When to cancel it, if at all."""
    cancelled_at: float | None = None
    """When the answer to the cancel came."""
    receipts: dict[str, str] = field(default_factory=dict)
    """Step names to the outcome that the cancel's answer gave."""
    ended: str = ""


class Users:
    """Some users and their tokens, in front of one or more APIs that may be dead."""

    def __init__(
        self, urls: list[str], token: Callable[[str], str], rng: random.Random, count: int = 4
    ) -> None:
        self._urls, self._token, self._rng = urls, token, rng
        self.names = [f"user{number}@bvbrc" for number in range(count)]
        self._tokens = {name: token(name) for name in self.names}
        self._session = requests.Session()
        self._session.trust_env = False
        self._number = 0
        self.promises: list[Promise] = []

    def submit(self, seconds: float = 120) -> Promise:
        """Submit until it is accepted, with one Idempotency-Key, as a careful client does."""
        self._number += 1
        name, user = f"w{self._number}", self._rng.choice(self.names)
        body, expected = workflow(name, self._rng)
        headers = {"Idempotency-Key": f"chaos-{self._number}"}
        answer = self._until(
            (200, 201), user, "POST", "/workflows/submit", seconds, headers=headers, json=body
        )
        promise = Promise(
            answer["workflow_id"], user, name, len(body["steps"]), expected, time.time()
        )
        if self._rng.random() < 0.1:
            promise.cancel_at = time.time() + self._rng.uniform(0, 4)
        self.promises.append(promise)
        return promise

    def cancel(self, promise: Promise, seconds: float = 120) -> None:
        """Cancel until it is answered; one that had ended keeps its end."""
        path = f"/workflows/{promise.workflow}/cancel"
        answer = self._until((200, 400), promise.user, "POST", path, seconds)
        if answer.get("status") == "cancelled":
            promise.cancelled_at = time.time()
            promise.expected = "cancelled"
            promise.receipts = {
                step["step_name"]: step["outcome"] for step in answer.get("steps", [])
            }
        promise.cancel_at = None

    def renew(self, user: str) -> None:
        """A fresh token, given to one of the user's workflows as a person would."""
        self._tokens[user] = self._token(user)
        mine = [promise for promise in self.promises if promise.user == user]
        if mine:
            path = f"/workflows/{mine[-1].workflow}/token"
            self._until((204, 404, 405), user, "PUT", path, 60)

    def status(self, promise: Promise) -> dict[str, Json]:
        path = f"/workflows/{promise.workflow}/status"
        return self._until((200,), promise.user, "GET", path, 60)

    def settle(self) -> int:
        """Look at those that have not ended; how many are left."""
        for promise in self.promises:
            if not promise.ended:
                found = self.status(promise)["status"]
                promise.ended = found if found in FINAL else ""
        return sum(not promise.ended for promise in self.promises)

    def _until(
        self, good: tuple[int, ...], user: str, verb: str, path: str, seconds: float, **more: Json
    ) -> dict[str, Json]:
        deadline = time.monotonic() + seconds
        last = ""
        while time.monotonic() < deadline:
            url = self._rng.choice(self._urls) + "/api/v1" + path
            headers = {"Authorization": self._tokens[user], **more.get("headers", {})}
            try:
                answer = self._session.request(
                    verb, url, timeout=10, **{**more, "headers": headers}
                )
            except requests.RequestException as away:
                last = type(away).__name__
            else:
                if answer.status_code in good:
                    return dict(answer.json()) if answer.content else {}
                last = f"{answer.status_code} {answer.text[:200]}"
                if answer.status_code == 401:  # the token was expired on purpose
                    self._tokens[user] = self._token(user)
            time.sleep(0.2)
        raise TimeoutError(f"{verb} {path} was not answered in {seconds:g} s: {last}")


def workflow(name: str, rng: random.Random) -> tuple[dict[str, Json], str]:
    """A random DAG of up to 8 steps, and the state in which it must end."""
    count = rng.randint(1, 8)
    fails = rng.randrange(count) if rng.random() < 0.1 else None
    steps = [
        {
            "step_name": f"s{index}",
            "app": "Date",
            "params": {
                "output_path": FOLDER,
                "output_file": f"{name}_s{index}" + ("_fails" if index == fails else ""),
            },
            "depends_on": sorted(
                {f"s{rng.randrange(index)}" for _ in range(rng.randint(0, 2))} if index else set()
            ),
        }
        for index in range(count)
    ]
    document = {
        "workflow_name": name,
        "version": "1.0",
        "base_context": {"base_url": "https://www.bv-brc.org", "workspace_output_folder": FOLDER},
        "steps": steps,
    }
    return document, "succeeded" if fails is None else "failed"
