"""The commands for webhooks against the running product, whose worker delivers."""

from __future__ import annotations

import json

from devstack.processes import wait_until
from tests.cli.conftest import Terminal
from tests.engine.notifications.receiver import receiver
from tests.product import GROUP

pytestmark = GROUP


def test_a_webhook_is_created_tested_rotated_and_deleted(terminal: Terminal) -> None:
    with receiver() as there:
        made = terminal("webhook", "create", there.url, "--event", "step.*", "--label", "a:b")
        assert made.exit_code == 0, made.output
        webhook, there.secret = made.stdout.split()[:2]
        delivery = terminal("webhook", "test", webhook).stdout.strip()
        wait_until(lambda: len(there.came) == 1, "the test message")
        assert [(each.id, each.type) for each in there.heard()] == [(delivery, "webhook.test")]

        def listed() -> bool:
            return "delivered" in terminal("webhook", "deliveries", webhook).stdout

        wait_until(listed, "the record of it")
        assert terminal("webhook", "redeliver", webhook, delivery).exit_code == 0
        wait_until(lambda: len(there.came) == 2, "the same again")
        rotated = terminal("webhook", "rotate", webhook, "--json")
        assert json.loads(rotated.stdout)["secret"] != there.secret

    assert terminal("webhook", "disable", webhook).stdout.strip() == "disabled"
    assert terminal("webhook", "test", webhook).exit_code == 6
    assert terminal("webhook", "enable", webhook).stdout.strip() == "enabled"
    assert webhook in terminal("webhook", "list").stdout
    assert terminal("webhook", "delete", webhook, "-y").exit_code == 0
    assert terminal("webhook", "test", webhook).exit_code == 5


def test_mistakes_are_named(terminal: Terminal) -> None:
    private = terminal("webhook", "create", "https://10.0.0.1/")
    unknown = terminal("webhook", "create", "https://198.41.0.4/", "--event", "step.faild")
    label = terminal("webhook", "create", "https://198.41.0.4/", "--label", "nothing")

    assert (private.exit_code, unknown.exit_code, label.exit_code) == (3, 3, 2)
    assert "not public" in private.stderr
    assert "step.failed" in unknown.stderr
