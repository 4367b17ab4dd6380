"""What users do in front of APIs that may be dead: submit workflows and batches, add rows, look,
cancel, try again, renew tokens.

Each user is a thread of its own, as patient as a careful client: what got no answer is asked again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any

import requests

from benchmarks.chaos.batches import BatchPromise, draft_batch
from benchmarks.chaos.listener import Listener
from benchmarks.chaos.workload import FINAL, NO_FILES, Draft, Promise, draft

Json = Any
Token = Callable[[str, float], str]
"""A user and seconds to a token."""
LONG_SECONDS = 86_400.0
SUBSCRIBED_SECONDS = 1.5
"""A webhook hears of what happens a second after its creation."""


class User:
    """One user. Only one thread at a time may use it; ``promises`` may be read by others."""

    def __init__(self, name: str, urls: Sequence[str], token: Token, rng: random.Random) -> None:
        self.name = name
        self.promises: list[Promise] = []
        self.parked_at = 0.0
        """When the present token was invalidated; 0: it was not."""
        self.batches: list[BatchPromise] = []
        """The last one may not be accepted yet."""
        self._urls, self._issue, self._rng = urls, token, rng
        self._of_batches = random.Random(f"batches of {name}/{rng.random()}")
        self._session = requests.Session()
        self._session.trust_env = False
        self._number = 0
        self._draft: Draft | None = None
        """What is not accepted yet."""
        self.files = NO_FILES
        self._token, self._ends = token(name, LONG_SECONDS), time.time() + LONG_SECONDS

    @property
    def going(self) -> list[Promise]:
        return [promise for promise in self.promises if not promise.ended]

    @property
    def going_batches(self) -> list[BatchPromise]:
        return [batch for batch in self.batches if not batch.ended]

    def act(self, most: int, most_steps: int) -> None:
        """One thing that the user does now; raises ``TimeoutError`` where nobody answers."""
        now = time.time()
        if self.parked_at or now > self._ends + self._rng.uniform(0, 5):
            self.renew(self._life())
        for promise in self.going:
            if promise.cancel_at is not None and promise.cancel_at <= now:
                self.cancel(promise, 1)
                return
        waiting = [each for each in self.going_batches if each.further or not each.id]
        if waiting or (self.going_batches and self._of_batches.random() < 0.1):
            self.go_on((waiting or self.going_batches)[0], 15)
        elif len(self.going) + len(self.going_batches) < most:
            self._begin(most_steps)
        elif self.going:
            self.look(self._rng.choice(self.going), 10)

    def _begin(self, most_steps: int) -> None:
        """Another workflow, or at times a batch."""
        if not self.going_batches and self._of_batches.random() < 0.15:
            self.submit_batch(15)
        else:
            self.submit(most_steps, 15)

    def submit(self, most_steps: int, seconds: float) -> None:
        """Submit until it is accepted, with one Idempotency-Key, now or the next time."""
        if self._draft is None:
            self._number += 1
            self._draft = draft(self._name(), self._rng, most_steps, self.files)
        headers = {"Idempotency-Key": self._name()}
        wanted = self._draft
        answer = self._until(
            (200, 201), "POST", "/workflows/submit", seconds, headers=headers, body=wanted.document
        )
        self._draft = None
        promise = Promise(
            answer["workflow_id"],
            self.name,
            self._name(),
            len(wanted.document["steps"]),
            wanted.expected,
            time.time(),
            retry=wanted.retry,
        )
        if self._rng.random() < 0.1:
            promise.cancel_at = time.time() + self._rng.uniform(0, 4)
        self.promises.append(promise)

    def submit_batch(self, seconds: float) -> None:
        """Begin another batch; it is accepted now or the next time."""
        name = f"{self.name.partition('@')[0]}b{len(self.batches)}"
        batch = draft_batch(self.name, name, f"{self.files.folder}/{name}", self._of_batches)
        self.batches.append(batch)
        self.go_on(batch, seconds)

    def go_on(self, batch: BatchPromise, seconds: float) -> None:
        """Submit it, or add its further rows, under one Idempotency-Key; or note its end."""
        good, headers = (200, 201), {"Idempotency-Key": batch.name}
        if not batch.id:
            answer = self._until(
                good, "POST", "/batches", seconds, headers=headers, body=batch.document
            )
            batch.id = answer["batch_id"]
            return
        path = f"/batches/{batch.id}"
        if batch.further:
            added = batch.addition
            self._until(good, "POST", f"{path}/samples", seconds, headers=headers, body=added)
            batch.rows, batch.further = batch.rows + batch.further, 0
            return
        found = self._until((200,), "GET", path, seconds)
        batch.ended = found["status"] if found["status"] in FINAL else ""

    def subscribe(self, listener: Listener) -> None:
        """Hear of every event. Before the first fault: a lost answer would lose the secret."""
        body = {"url": f"{listener.url}/{self.name}", "events": ["*"]}
        answer = self._until((201,), "POST", "/webhooks", 150, body=body, patience=150)
        listener.secrets[self.name] = answer["secret"]
        # A refusal may come after the webhook was stored.
        for each in self._until((200,), "GET", "/webhooks", 150)["webhooks"]:
            if each["webhook_id"] != answer["webhook_id"]:
                self._until((204, 404), "DELETE", f"/webhooks/{each['webhook_id']}", 150)

    def cancel(self, promise: Promise, seconds: float) -> None:
        """Cancel until it is answered; one that had ended keeps its end."""
        path = f"/workflows/{promise.workflow}/cancel"
        answer = self._until((200, 400), "POST", path, seconds)
        if answer.get("status") == "cancelled":
            promise.cancelled_at = time.time()
            promise.expected = "cancelled"
            promise.retry = False
            promise.receipts = {
                step["step_name"]: step["outcome"] for step in answer.get("steps", [])
            }
        promise.cancel_at = None

    def look(self, promise: Promise, seconds: float) -> None:
        """Note its end; one that failed is taken up again, where that is meant to help: also where
        a fault had failed it before the step that was to fail.
        """
        found = self._until((200,), "GET", f"/workflows/{promise.workflow}/status", seconds)
        if found["status"] == "failed" and promise.retry:
            self._until((200, 409), "POST", f"/workflows/{promise.workflow}/retry", seconds)
            promise.retried, promise.expected = True, "succeeded"
        elif found["status"] in FINAL:
            promise.ended = found["status"]

    def renew(self, life_seconds: float = LONG_SECONDS, seconds: float = 60) -> None:
        """A fresh token, given to one of the user's workflows as a person would."""
        begun = self.parked_at
        self._fresh(life_seconds)
        if self.promises:
            path = f"/workflows/{self.promises[-1].workflow}/token"
            self._until((204,), "PUT", path, seconds)
        if self.parked_at == begun:
            self.parked_at = 0.0

    def _life(self) -> float:
        """One token in three ends while workflows are under way."""
        return self._rng.uniform(8, 20) if self._rng.random() < 0.34 else LONG_SECONDS

    def _fresh(self, life_seconds: float) -> None:
        self._token = self._issue(self.name, life_seconds)
        self._ends = time.time() + life_seconds

    def _name(self) -> str:
        return f"{self.name.partition('@')[0]}w{self._number}"

    def _until(
        self,
        good: tuple[int, ...],
        verb: str,
        path: str,
        seconds: float,
        *,
        headers: dict[str, str] | None = None,
        body: Json = None,
        patience: float = 10,
    ) -> dict[str, Json]:
        """``patience``: seconds until a request that got no answer is made again."""
        deadline = time.monotonic() + seconds
        last = ""
        while time.monotonic() < deadline:
            url = self._rng.choice(self._urls) + "/api/v1" + path
            sent = {"Authorization": self._token, **(headers or {})}
            try:
                answer = self._session.request(verb, url, headers=sent, json=body, timeout=patience)
            except requests.RequestException as away:
                last = type(away).__name__
            else:
                if answer.status_code in good:
                    return dict(answer.json()) if answer.content else {}
                last = f"{answer.status_code} {answer.text[:200]}"
                if answer.status_code == 401:  # the token has ended: the engine wants one, too
                    self._fresh(LONG_SECONDS)
                    self.parked_at = time.time()
            time.sleep(0.2)
        raise TimeoutError(f"{verb} {path} was not answered in {seconds:g} s: {last}")


class Users:
    """All of them."""

    def __init__(self, urls: Sequence[str], token: Token, seed: int, count: int = 4) -> None:
        self._all = [
            User(f"user{number}@bvbrc", urls, token, random.Random(f"{seed}/{number}"))
            for number in range(count)
        ]

    def __iter__(self) -> Iterator[User]:
        return iter(self._all)

    @property
    def promises(self) -> list[Promise]:
        return [promise for user in self._all for promise in list(user.promises)]

    @property
    def batches(self) -> list[BatchPromise]:
        return [batch for user in self._all for batch in list(user.batches)]

    def begin(self, most_steps: int, listener: Listener) -> None:
        """Everybody's first workflow: where that is accepted, the product is up."""
        for user in self._all:
            user.subscribe(listener)
        time.sleep(SUBSCRIBED_SECONDS)
        for user in self._all:
            user.submit(most_steps, 150)
        self._all[0].submit_batch(150)

    @contextmanager
    def at_work(self, going: int, most_steps: int) -> Iterator[None]:
        """Everybody keeps a share of so many workflows under way."""
        over = Event()
        share = max(1, going // len(self._all))
        threads = [
            Thread(target=_work, args=(user, share, most_steps, over), daemon=True)
            for user in self._all
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join(150)

    def finish(self, seconds: float = 60) -> None:
        """Nothing new: what was to be cancelled is, and every token is good. A cancel that gets no
        answer in time is for the judge: its workflow counts as lost where it does not end so.
        """
        for user in self._all:
            user.renew(seconds=150)  # the APIs may have just been started
            for promise in user.going:
                if promise.cancel_at is not None:
                    try:
                        user.cancel(promise, seconds)
                    except TimeoutError:
                        promise.expected = "cancelled"

    def settle(self, seconds: float = 60) -> int:
        """Look at those that have not ended; how many are left."""
        for user in self._all:
            for promise in user.going:
                with suppress(TimeoutError):
                    user.look(promise, seconds)
            for batch in user.going_batches:
                with suppress(TimeoutError):
                    user.go_on(batch, seconds)
        return sum(len(user.going) + len(user.going_batches) for user in self._all)


def _work(user: User, share: int, most_steps: int, over: Event) -> None:
    while not over.wait(0.05):
        with suppress(TimeoutError):
            user.act(share, most_steps)
