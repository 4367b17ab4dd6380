"""An engine for those who follow the documents, with an administrator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.stack import Wanted, stack
from tests.engine.notifications.mail_server import MailServer, mail_server
from tests.guide.shell import Shell
from tests.product import Product
from tests.simulated import QUICK

READER = "user@bvbrc"
"""Follows the pages, and runs the engine."""


PUBLIC_URL = "https://workflows.lab.example.org"
"""What links in letters begin with."""


@pytest.fixture(scope="package")
def post() -> Iterator[MailServer]:
    with mail_server() as made:
        yield made


@pytest.fixture(scope="package")
def engine(post: MailServer) -> Iterator[Product]:
    settings = {
        "notifications.smtp": f"smtp+plain://127.0.0.1:{post.port}",
        "notifications.sender": "workflows@lab.example.org",
        "api.public_url": PUBLIC_URL,
        "executor.polling_interval_seconds": 0.6,
        "executor.failure_evidence_seconds": 1,
        "auth.admins": f'["{READER}"]',
        "webhooks.allow": '["127.0.0.1/32"]',
    }
    with stack(Wanted(apis=1, settings=settings, simulator=QUICK)) as running:
        product = Product(running)
        product.is_up()
        product.simulator.app("*", run_seconds=1)
        yield product


@pytest.fixture
def shell(engine: Product, tmp_path: Path) -> Shell:
    env = {
        **engine.stack.env,
        "BVBRC_WORKFLOWS_URL": engine.url,
        "BVBRC_TOKEN": engine.token(READER),
    }
    return Shell(tmp_path, env)
