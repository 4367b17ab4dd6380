"""The API on a real MongoDB, Redis and simulator; requests come through Flask's test client."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.fernet import Fernet
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from config.settings import Settings, read_settings
from tests.simulated import simulator_process
from workflows import models
from workflows.bvbrc.simulator.client import Simulator

KEY = Fernet.generate_key().decode()
ALICE, BOB, ADMIN = "alice@patricbrc.org", "bob@bvbrc", "root@bvbrc"
ROOT = "/api/v1/workflows"


@dataclass
class Api:
    """One application, and tokens to call it with."""

    client: FlaskClient
    simulator: Simulator
    settings: Settings
    tokens: dict[str, str]

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
    return simulator_server


@pytest.fixture
def settings(
    monkeypatch: pytest.MonkeyPatch,
    mongo_uri: str,
    redis_uri: str,
    database: str,
    simulator: Simulator,
) -> Settings:
    variables = {
        "MONGODB__URI": mongo_uri,
        "MONGODB__DATABASE": database,
        "BROKER__URL": redis_uri,
        "SCHEDULER__URL": simulator.app_service_url,
        "AUTH__TOKEN_KEYS": f'["{KEY}"]',
        "AUTH__TRUSTED_SIGNERS": f'["{simulator.signer}"]',
        "AUTH__ADMINS": f'["{ADMIN}"]',
    }
    for name, value in variables.items():
        monkeypatch.setenv(f"WORKFLOW_{name}", value)
    return read_settings()


@pytest.fixture
def make_api(settings: Settings, simulator: Simulator) -> Iterator[Callable[..., Api]]:
    """Makes applications with changed settings: ``make_api(auth={"reads": "owner"})``."""

    def make(**sections: Mapping[str, Any]) -> Api:
        changed = settings.model_copy(
            update={
                name: getattr(settings, name).model_copy(update=dict(changes))
                for name, changes in sections.items()
            }
        )
        models.close_database()
        return Api(create_app(changed).test_client(), simulator, changed, {})

    yield make
    models.close_database()


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    return make_api()
