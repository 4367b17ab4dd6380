"""The API on a real MongoDB, Redis and simulator; requests come through Flask's test client."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from mongoengine import get_connection
from pymongo import MongoClient
from werkzeug.test import TestResponse

from app import connections as request_connections
from app import create_app
from app.connections import connections
from app.health import health_checks
from app.live import broadcaster, stream
from config.settings import Settings, read_settings
from simulator.client import Simulator
from tasks.celery import app as celery
from tests.engine.conftest import LONG, QUICK, Engine
from tests.simulated import simulator_process
from workflows.cwl.process.planner import Planner
from workflows.engine.jobs.send import Drain
from workflows.store import connection, documents

KEY = Fernet.generate_key().decode()
ALICE, BOB, ADMIN = "alice@patricbrc.org", "bob@bvbrc", "root@bvbrc"
ROOT = "/api/v1/workflows"
LIMITS = replace(QUICK, evidence_deadline=timedelta(seconds=20))
"""What a job wrote is read in five calls: on a busy machine they take longer than half a second."""


@cache
def planner() -> Planner:
    """One for the workers of all tests of this process."""
    warm = Planner()
    atexit.register(warm.close)
    return warm


@dataclass
class Api:
    """One application, and tokens to call it with."""

    client: FlaskClient
    simulator: Simulator
    settings: Settings
    tokens: dict[str, str] = field(default_factory=dict, repr=False)

    def token(self, user: str = ALICE) -> str:
        if user not in self.tokens:
            self.tokens[user] = self.simulator.token(user)
        return self.tokens[user]

    def __call__(
        self, method: str, path: str, user: str | None = ALICE, **request: Any
    ) -> TestResponse:
        headers = dict(request.pop("headers", {}))
        if user:
            headers.setdefault("Authorization", self.token(user))
        return self.client.open(path, method=method, headers=headers, **request)

    def engine(self) -> Engine:
        """A worker and a beat, turned by hand, on the same MongoDB."""
        with self.client.application.app_context():
            context = replace(connections().context, limits=LIMITS, planner=planner())
        return Engine(context, self.simulator, Drain(8))

    def submit(self, found: Mapping[str, Any], user: str = ALICE) -> str:
        answer = self("POST", f"{ROOT}/submit", user, json=found)
        assert answer.status_code == 201, answer.text
        return str(answer.json["workflow_id"])


@pytest.fixture(scope="session")
def simulator_server() -> Iterator[Simulator]:
    with simulator_process() as simulator:
        yield simulator


@pytest.fixture
def simulator(simulator_server: Simulator) -> Simulator:
    simulator_server.reset()
    simulator_server.app(queue_seconds=0, run_seconds=0, lag_seconds=0)
    return simulator_server


@pytest.fixture(scope="session")
def settings(mongo_uri: str, redis_server: str, simulator_server: Simulator) -> Settings:
    """Read from an environment that is then as before: what later tests start inherits it."""
    variables = {
        "MONGODB__URI": mongo_uri,
        "MONGODB__DATABASE": "test_api",
        "BROKER__URL": redis_server,
        "SCHEDULER__URL": simulator_server.app_service_url,
        "WORKSPACE__URL": simulator_server.workspace_url,
        "AUTH__TOKEN_KEYS": f'["{KEY}"]',
        "AUTH__TRUSTED_SIGNERS": f'["{simulator_server.signer}"]',
        "AUTH__ADMINS": f'["{ADMIN}"]',
        "METRICS__ENABLE_PROMETHEUS": "false",  # sharing is for the whole process, other tests too
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(f"WORKFLOW_{name}", value)
        found = read_settings()
    celery.conf.update(broker_url=redis_server)
    return found


@pytest.fixture(scope="session")
def applications() -> Iterator[dict[str, Flask]]:
    """Those made so far, by what is special about their settings."""
    made: dict[str, Flask] = {}
    yield made
    for application in made.values():
        with application.app_context():
            connections().planner.close()


def asking() -> list[threading.Thread]:
    """Those of this process that ask BV-BRC for its list of apps."""
    return [thread for thread in threading.enumerate() if thread.name == "apps"]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request waits for a server that stands still for some seconds, as on a busy machine; what
    is answered while a server is away is no matter of how long.
    """
    for module, name in (
        (request_connections, "PATIENCE_SECONDS"),
        (broadcaster, "OPENING_SECONDS"),
        (stream, "READ_SECONDS"),
    ):
        monkeypatch.setattr(module, name, float(LONG))
    monkeypatch.setattr(request_connections, "_WORKSPACE_TIMEOUT", timedelta(seconds=LONG))


@pytest.fixture
def patient_health(monkeypatch: pytest.MonkeyPatch) -> None:
    """``/health`` waits for MongoDB: after its usual 0.7 s it would say that MongoDB is away."""
    for name in ("PATIENCE_SECONDS", "_GIVE_UP_SECONDS"):
        monkeypatch.setattr(health_checks, name, float(LONG))


@pytest.fixture
def make_api(
    settings: Settings, simulator: Simulator, mongo: MongoClient, applications: dict[str, Flask]
) -> Iterator[Callable[..., Api]]:
    """Makes applications with changed settings: ``make_api(auth={"reads": "owner"})``."""
    stored = mongo[settings.mongodb.database]
    for name in set(stored.list_collection_names()) - {"app_specs"}:
        stored[name].delete_many({})
    connection.close_database()
    connection.open_database(settings.mongodb.address, settings.mongodb.database)
    get_connection().admin.command("ping")
    if not applications:
        documents.ensure_indexes()  # a request waits ten seconds for new ones, and no longer

    def make(**sections: Mapping[str, Any]) -> Api:
        changed = settings.model_copy(
            update={
                name: getattr(settings, name).model_copy(update=dict(changes))
                for name, changes in sections.items()
            }
        )
        if str(sections) not in applications:
            applications[str(sections)] = create_app(changed)
        return Api(applications[str(sections)].test_client(), simulator, changed)

    yield make
    for thread in asking():  # it stores what BV-BRC answers
        thread.join(LONG)
    connection.close_database()


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    return make_api()
