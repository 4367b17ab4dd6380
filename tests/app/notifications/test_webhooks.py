"""The routes of webhooks: who may, what is refused, and what is never shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymongo import MongoClient

from app.connections import connections_of
from tests.app.conftest import ADMIN, BOB, Api
from tests.app.notifications.webhook_routes import ROUTES
from tests.engine.conftest import document
from tests.engine.notifications.receiver import Receiver, receiver
from workflows.engine.notifications.deliver import deliver_due
from workflows.store.webhooks import subscriptions

ROOT = "/api/v1/webhooks"
ALLOW = {"webhooks": {"allow": ("127.0.0.1/32",)}}


@pytest.fixture
def hooks(make_api: Callable[..., Api]) -> Iterator[Api]:
    subscriptions.forget()
    yield make_api(**ALLOW)
    subscriptions.forget()


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def create(api: Api, there: Receiver, **wanted: Any) -> str:
    answer = api("POST", ROOT, json={"url": there.url, **wanted})
    assert answer.status_code == 201, answer.text
    there.secret = answer.json["secret"]
    subscriptions.forget()
    return str(answer.json["webhook_id"])


def deliver(api: Api) -> None:
    deliver_due(connections_of(api.client.application).context)


def test_a_webhook_hears_of_its_owners_workflow(hooks: Api, there: Receiver) -> None:
    webhook = create(hooks, there, events=["workflow.*"])
    engine = hooks.engine()
    workflow = hooks.submit(document(""))
    engine.ends(workflow)

    deliver(hooks)

    heard = there.heard()
    assert {each.content["data"]["workflow_id"] for each in heard} == {workflow}
    assert "workflow.succeeded" in {each.type for each in heard}
    page = hooks("GET", f"{ROOT}/{webhook}/deliveries?page_size=1").json
    assert page["deliveries"][0]["state"] == "delivered"
    following = page["next_page_token"]
    rest = hooks("GET", f"{ROOT}/{webhook}/deliveries?page_token={following}").json
    assert len(rest["deliveries"]) == len(heard) - 1


def test_the_secret_is_in_the_first_answer_alone(hooks: Api, there: Receiver) -> None:
    webhook = create(hooks, there)
    texts = [
        hooks("GET", ROOT).text,
        hooks("GET", f"{ROOT}/{webhook}").text,
        hooks("PATCH", f"{ROOT}/{webhook}", json={"description": "mine"}).text,
        hooks("POST", f"{ROOT}/{webhook}/test").text,
        hooks("GET", f"{ROOT}/{webhook}/deliveries").text,
    ]

    assert all("whsec_" not in text and "secret" not in text for text in texts)
    rotated = hooks("POST", f"{ROOT}/{webhook}/rotate").json
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != there.secret


def test_a_test_is_sent_and_sent_again(hooks: Api, there: Receiver) -> None:
    webhook = create(hooks, there)
    answer = hooks("POST", f"{ROOT}/{webhook}/test")
    assert answer.status_code == 202
    delivery = answer.json["delivery_id"]
    deliver(hooks)
    again = hooks("POST", f"{ROOT}/{webhook}/deliveries/{delivery}/redeliver")
    assert again.status_code == 202
    deliver(hooks)

    assert [each.id for each in there.heard()] == [delivery] * 2
    assert hooks("POST", f"{ROOT}/{webhook}/deliveries/msg_0/redeliver").status_code == 404


def test_labels_and_words_may_hold_any_characters(hooks: Api, there: Receiver) -> None:
    odd = {"labels": {"$a.b": "${x}", "ä": "\U0001f9ec"}, "description": "$$ROOT\n'\""}
    webhook = create(hooks, there, **odd)

    shown = hooks("GET", f"{ROOT}/{webhook}").json

    assert {name: shown[name] for name in odd} == odd
    assert hooks("PATCH", f"{ROOT}/{webhook}", json=odd).status_code == 200


def test_only_its_owner_and_admins_may_use_it(hooks: Api, there: Receiver) -> None:
    webhook = create(hooks, there)
    delivery = hooks("POST", f"{ROOT}/{webhook}/test").json["delivery_id"]

    for method, path in ROUTES:
        body: dict[str, Any] = {"json": {}} if method in ("POST", "PATCH") else {}
        mine, unknown = (
            f"/api/v1{path.format(id=each, delivery=delivery)}" for each in (webhook, "wh_0")
        )
        assert hooks(method, mine, None, **body).status_code == 401, path
        headers = {"Authorization": "garbage"}
        assert hooks(method, mine, None, headers=headers, **body).status_code == 401, path
        if "{id}" in path:
            assert hooks(method, mine, BOB, **body).status_code == 403, path
            assert hooks(method, unknown, **body).status_code == 404, path
    assert hooks("GET", f"{ROOT}/{webhook}", ADMIN).status_code == 200
    assert hooks("GET", ROOT, BOB).json == {"webhooks": []}


def test_it_is_changed_disabled_enabled_and_deleted(hooks: Api, there: Receiver) -> None:
    webhook = create(hooks, there, events=["step.failed"], labels={"a": "b"})
    change = {"events": [], "labels": {}, "description": "mine", "state": "disabled"}

    changed = hooks("PATCH", f"{ROOT}/{webhook}", json=change).json

    assert "workflow.succeeded" in changed["events"]
    assert (changed["labels"], changed["description"]) == ({}, "mine")
    assert (changed["state"], changed["reason"]) == ("disabled", "its owner has disabled it")
    refused = hooks("POST", f"{ROOT}/{webhook}/test")
    assert refused.status_code == 409
    enabled = hooks("PATCH", f"{ROOT}/{webhook}", json={"state": "enabled"}).json
    assert (enabled["state"], enabled["reason"]) == ("enabled", "")
    assert hooks("DELETE", f"{ROOT}/{webhook}").status_code == 204
    assert hooks("GET", f"{ROOT}/{webhook}").status_code == 404


@pytest.mark.parametrize(
    ("sent", "path", "code", "hint"),
    [
        ({}, "url", "missing_field", ""),
        ({"url": 7}, "url", "wrong_type", ""),
        ({"url": "http://198.41.0.4/"}, "url", "bad_url", "https://"),
        ({"url": "https://10.0.0.1/"}, "url", "bad_url", "https://"),
        ({"events": ["workflow.succeded"]}, "events[0]", "invalid_choice", "workflow.succeeded"),
        ({"events": "step.failed"}, "events", "wrong_type", ""),
        ({"labels": {"a": 1}}, "labels", "wrong_type", ""),
        ({"labels": {"a": "b\x00"}}, "labels", "bad_name", ""),
        ({"description": "\ud800"}, "description", "bad_text", ""),
        ({"description": "x" * 1_001}, "description", "bad_text", ""),
        ({"descripton": "x"}, "descripton", "unknown_field", "description"),
        ({"state": "enabled"}, "state", "unknown_field", ""),
    ],
)
def test_a_mistake_is_named_with_its_place(
    hooks: Api, there: Receiver, sent: dict[str, Any], *, path: str, code: str, hint: str
) -> None:
    url = {} if not sent or "url" in sent else {"url": there.url}
    answer = hooks("POST", ROOT, json={**url, **sent})

    assert answer.status_code == 400
    problem = next(each for each in answer.json["errors"] if each["path"] == path)
    assert problem["code"] == code
    assert hint in problem["suggestion"]


def test_a_user_has_at_most_so_many(make_api: Callable[..., Api], there: Receiver) -> None:
    few = make_api(webhooks={**ALLOW["webhooks"], "per_user": 2})
    for _ in range(2):
        create(few, there)

    refused = few("POST", ROOT, json={"url": there.url})

    assert refused.status_code == 409
    assert refused.json["errors"][0]["code"] == "quota_exceeded"
    assert len(few("GET", ROOT).json["webhooks"]) == 2
    assert few("POST", ROOT, BOB, json={"url": there.url}).status_code == 201


def test_an_operator_may_switch_webhooks_off(make_api: Callable[..., Api]) -> None:
    off = make_api(webhooks={"enabled": False})

    refused = off("POST", ROOT, json={"url": "https://198.41.0.4/"})

    assert refused.status_code == 403
    assert "webhooks.enabled" in refused.json["detail"]


def test_secrets_are_sealed_again_under_a_new_key(
    hooks: Api, there: Receiver, mongo: MongoClient
) -> None:
    create(hooks, there)
    application = hooks.client.application
    stored = mongo[hooks.settings.mongodb.database].webhooks
    before = stored.find_one({})["secret"]

    done = application.test_cli_runner().invoke(args=["credentials", "rotate"])

    assert "1 secrets of webhooks sealed under the first key" in done.output
    after = stored.find_one({})["secret"]
    vault = connections_of(application).context.vault
    assert after != before
    assert vault.open(after) == there.secret
