"""Messages to webhooks: each event of a workflow comes, verified by other people's libraries."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tests.bvbrc.loopback import Received, reply
from tests.engine.batches import end_batch, submit_batch
from tests.engine.conftest import LONG, Engine, document
from tests.engine.notifications.conftest import (
    SETTINGS,
    deliver,
    deliveries,
    hook,
    notify_from,
)
from tests.engine.notifications.receiver import Receiver, receiver
from tests.profiling import profiled
from workflows.engine.advance import advance
from workflows.engine.batches import commands as batches
from workflows.engine.commands import Owner
from workflows.engine.notifications import webhooks
from workflows.engine.notifications.notices import announce_expiring
from workflows.engine.notifications.webhooks import Wanted
from workflows.model.errors import Conflict, NotFound
from workflows.model.states import WorkflowState
from workflows.store import documents
from workflows.store.batches import stored as stored_batches
from workflows.store.due import Work, due
from workflows.store.mongo import collection
from workflows.store.users import credentials
from workflows.store.webhooks import claims
from workflows.store.workflows import events

HOUR = timedelta(hours=1)


def test_every_event_of_a_workflow_is_delivered_and_verified(
    notifying: Engine, there: Receiver
) -> None:
    hook(notifying, there, "*")
    workflow = notifying.submit(document("", "a", labels={"project": "x"}))
    notifying.ends(workflow)

    deliver(notifying)

    recorded = events.of_workflow(workflow)
    heard = sorted(there.heard(), key=lambda each: each.content["data"]["sequence"])
    assert [each.type for each in heard] == [f"{each.subject}.{each.after}" for each in recorded]
    assert [each.content["data"]["sequence"] for each in heard] == list(range(1, len(heard) + 1))
    last = heard[-1]
    assert last.content["data"] == {
        "workflow_id": workflow,
        "workflow_name": "w",
        "status": "succeeded",
        "sequence": len(recorded),
        "labels": {"project": "x"},
        "url": f"https://workflows.example.org/ui/workflows/{workflow}",
    }
    assert last.event.get_type() == "org.bv-brc.workflow.workflow.succeeded"
    assert last.event.get_source() == f"/api/v1/workflows/{workflow}"
    assert last.event.get_time() == recorded[-1].at
    step = next(each for each in heard if each.type == "step.succeeded")
    assert step.event.get_subject() == step.content["data"]["step_name"] == "a"
    assert step.content["data"]["duration_seconds"] >= 0
    assert step.headers["user-agent"].startswith("bvbrc-workflow-engine/")
    assert step.headers["content-type"] == "application/json"


def test_a_webhook_that_names_no_events_hears_of_the_end_alone(
    notifying: Engine, there: Receiver
) -> None:
    hook(notifying, there)
    notifying.simulator.app(outcome="failed", run_seconds=0)
    workflow = notifying.submit(document(""))
    notifying.ends(workflow)

    deliver(notifying)

    assert [each.type for each in there.heard()] == ["workflow.failed"]


def test_labels_narrow_a_webhook_and_other_users_hear_nothing(
    notifying: Engine, there: Receiver
) -> None:
    hook(notifying, there, "workflow.*", labels={"project": "x"})
    bob = replace(notifying, user="bob@bvbrc", token="")
    for engine, labels in ((notifying, {"project": "y"}), (bob, {"project": "x"})):
        engine.ends(engine.submit(document("", labels=labels)))

    deliver(notifying)

    assert there.came == []


def test_a_failed_attempt_is_repeated_with_the_same_id_and_bytes(
    notifying: Engine, there: Receiver
) -> None:
    webhook = hook(notifying, there)
    there.answers(500, 404, 200)
    webhooks.send_test(notifying.context, webhook)

    attempts_until(notifying, webhook, "delivered")

    assert len(there.came) == 3
    assert all(len(bodies) == 1 for bodies in there.bodies().values())
    assert len(there.bodies()) == 1
    [delivery] = deliveries(webhook)
    assert (delivery.attempts, delivery.last_status, delivery.last_error) == (3, 200, "")


def test_the_last_attempt_of_the_schedule_ends_it(notifying: Engine, there: Receiver) -> None:
    webhook = hook(notifying, there)
    there.answers(500)
    webhooks.send_test(notifying.context, webhook)

    attempts_until(notifying, webhook, "failed")

    assert len(there.came) == 1 + len(SETTINGS.schedule)
    assert deliveries(webhook)[0].last_error == "it answered 500"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_receiver_that_is_overloaded_is_left_alone_as_long_as_it_asks(
    notifying: Engine, there: Receiver, status: int
) -> None:
    webhook = hook(notifying, there)
    there.answers(status, Retry_After="3600")
    for _ in range(3):
        webhooks.send_test(notifying.context, webhook)

    deliver(notifying)

    assert 1 <= len(there.came) <= claims.SLOTS
    assert claims.find_waiting() == []
    waits = [
        each.due - each.created_at for each in deliveries(webhook) if each.attempts and each.due
    ]
    assert waits
    assert min(waits) > 0.8 * HOUR


def test_a_receiver_that_is_gone_gets_nothing_more(notifying: Engine, there: Receiver) -> None:
    webhook = hook(notifying, there)
    there.answers(410)
    for _ in range(5):
        webhooks.send_test(notifying.context, webhook)

    deliver(notifying)

    now = webhooks.of_owner(notifying.user)[0]
    assert len(there.came) <= claims.SLOTS
    assert (now.is_enabled, now.reason) == (
        False,
        "the receiver answered 410: it wants no more messages",
    )
    assert {str(each.state) for each in deliveries(webhook)} == {"failed"}
    with pytest.raises(Conflict, match="disabled"):
        webhooks.send_test(notifying.context, now)


def test_a_webhook_of_which_all_fails_for_days_is_disabled(
    notifying: Engine, there: Receiver
) -> None:
    impatient = notify_from(notifying, replace(SETTINGS, disable_after=timedelta(0)))
    webhook = hook(impatient, there)
    there.answers(500)
    webhooks.send_test(impatient.context, webhook)

    deliver(impatient)

    now = webhooks.of_owner(impatient.user)[0]
    assert not now.is_enabled
    assert now.reason.startswith("every attempt has failed for")
    enabled = webhooks.change(impatient.context, now, Wanted(enabled=True))
    assert (enabled.is_enabled, enabled.reason, enabled.failing_since) == (True, "", None)


def test_a_success_ends_a_series_of_failures(notifying: Engine, there: Receiver) -> None:
    webhook = hook(notifying, there)
    there.answers(500, 200)
    webhooks.send_test(notifying.context, webhook)

    attempts_until(notifying, webhook, "delivered")

    now = webhooks.of_owner(notifying.user)[0]
    assert now.failing_since is None
    assert now.last_success_at is not None


def test_redirects_are_not_followed(notifying: Engine, there: Receiver) -> None:
    webhook = hook(notifying, there)
    with receiver() as elsewhere:
        there.answers(302, Location=elsewhere.url)
        webhooks.send_test(notifying.context, webhook)
        deliver(notifying)

        assert elsewhere.came == []
    assert deliveries(webhook)[0].last_error == "it answered 302, and redirects are not followed"


def test_neither_a_proxy_nor_a_password_comes_from_the_environment(
    notifying: Engine, there: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login root password secret\n")
    webhook = hook(notifying, there)
    with receiver() as proxy:
        place = proxy.url.partition("/hook")[0]
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, place)
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.delenv("no_proxy", raising=False)
        webhooks.send_test(notifying.context, webhook)
        deliver(notifying)

        assert proxy.came == []
    [request] = there.came
    assert "authorization" not in request.headers
    assert request.headers["host"] == there.url.split("/")[2]


def test_for_a_day_after_a_rotation_both_secrets_verify(notifying: Engine, there: Receiver) -> None:
    webhook = hook(notifying, there)
    old, new = there.secret, webhooks.rotate(notifying.context, webhook)
    webhooks.send_test(notifying.context, webhook)
    deliver(notifying)
    assert old != new
    assert [each.id for each in there.heard(old)] == [each.id for each in there.heard(new)]

    there.came.clear()
    collection(documents.Webhook).update_one(
        {"_id": webhook.id}, {"$set": {"old_secret_until": datetime(2020, 1, 1, tzinfo=UTC)}}
    )
    webhooks.send_test(notifying.context, webhook)
    deliver(notifying)

    assert len(there.heard(new)) == 1
    with pytest.raises(WebhookVerificationError):
        there.heard(old)


def test_the_secret_is_stored_sealed(notifying: Engine, there: Receiver) -> None:
    hook(notifying, there)

    row = collection(documents.Webhook).find_one({})

    assert row
    assert there.secret not in str(row)
    assert there.secret.removeprefix("whsec_") not in str(row)
    assert Webhook(there.secret)


def test_a_message_is_sent_again_under_its_id(notifying: Engine, there: Receiver) -> None:
    webhook = hook(notifying, there)
    delivery = webhooks.send_test(notifying.context, webhook)
    deliver(notifying)

    webhooks.send_again(webhook, delivery.id)
    deliver(notifying)

    assert [request.headers["webhook-id"] for request in there.came] == [delivery.id] * 2
    assert len(there.bodies()[delivery.id]) == 1
    with pytest.raises(NotFound):
        webhooks.send_again(webhook, "msg_0")


def test_nothing_is_sent_to_a_deleted_webhook(notifying: Engine, there: Receiver) -> None:
    webhook = hook(notifying, there, "*")
    workflow = notifying.submit(document(""))
    notifying.ends(workflow)
    assert deliveries(webhook)

    webhooks.remove(webhook)
    notifying.ends(notifying.submit(document("")))  # its owner's webhooks may still be in memory
    deliver(notifying)

    assert there.came == []
    assert collection(documents.Delivery).count_documents({}) == 0


def test_what_waits_when_a_webhook_is_disabled_fails_and_may_be_sent_later(
    notifying: Engine, there: Receiver
) -> None:
    webhook = hook(notifying, there)
    delivery = webhooks.send_test(notifying.context, webhook)
    disabled = webhooks.change(notifying.context, webhook, Wanted(enabled=False))
    deliver(notifying)
    assert there.came == []
    assert [str(each.state) for each in deliveries(webhook)] == ["failed"]

    enabled = webhooks.change(notifying.context, disabled, Wanted(enabled=True))
    webhooks.send_again(enabled, delivery.id)
    deliver(notifying)

    assert len(there.heard()) == 1


@pytest.fixture
def hanging(there: Receiver) -> Iterator[threading.Event]:
    """The receiver answers once this is set."""
    released = threading.Event()

    def answer(_request: Received) -> bytes:
        released.wait(2 * LONG)
        return reply(204, b"")

    there.answer = answer
    yield released
    released.set()


def test_a_receiver_that_hangs_holds_up_no_other_and_gets_two_at_a_time(
    notifying: Engine, there: Receiver, hanging: threading.Event
) -> None:
    slow = hook(notifying, there)
    patient = replace(SETTINGS.poster, timeout=timedelta(seconds=3 * LONG))
    lease = timedelta(seconds=3 * LONG)
    engine = notify_from(notifying, replace(SETTINGS, poster=patient, lease=lease))
    for _ in range(6):
        webhooks.send_test(engine.context, slow)
    delivering = threading.Thread(target=deliver, args=(engine,))
    with receiver() as quick:
        other = hook(engine, quick)
        delivering.start()
        engine.until(lambda: there.at_once == claims.SLOTS)
        webhooks.send_test(engine.context, other)
        engine.until(lambda: len(quick.came) == 1)
        assert there.most_at_once == claims.SLOTS
    hanging.set()
    delivering.join(LONG)

    assert not delivering.is_alive()
    assert there.most_at_once == claims.SLOTS
    assert len(there.came) == 6


def test_an_answer_that_never_ends_is_left_at_the_deadline(
    notifying: Engine, there: Receiver, hanging: threading.Event
) -> None:
    quick = replace(SETTINGS.poster, timeout=timedelta(seconds=0.3))
    engine = notify_from(notifying, replace(SETTINGS, poster=quick))
    webhook = hook(engine, there)
    webhooks.send_test(engine.context, webhook)

    deliver(engine)

    assert not hanging.is_set()
    assert deliveries(webhook)[0].last_error.startswith("it did not answer in time")


def test_the_end_of_a_batch_is_reported_once_and_each_end_anew(
    notifying: Engine, there: Receiver
) -> None:
    hook(notifying, there, "batch.*")
    notifying.simulator.app(outcome="failed", run_seconds=0, count=1)
    batch = submit_batch(notifying, 2)
    end_batch(notifying, batch)
    notifying.simulator.clear_rules()
    notifying.simulator.app(queue_seconds=0, run_seconds=0, lag_seconds=0)
    failed = {WorkflowState.FAILED}
    batches.retry(notifying.context, notifying.owner(), stored_batches.get(batch), failed, None)
    end_batch(notifying, batch)

    deliver(notifying)

    heard = sorted(there.heard(), key=lambda each: each.content["data"]["sequence"])
    assert [each.type for each in heard] == ["batch.failed", "batch.succeeded"]
    assert heard[0].content["data"]["batch_id"] == batch
    assert heard[0].content["data"]["counts"] == {"succeeded": 1, "failed": 1}
    assert heard[0].event.get_source() == f"/api/v1/batches/{batch}"


def test_a_token_that_ends_soon_is_reported_once_while_work_is_under_way(
    notifying: Engine, there: Receiver
) -> None:
    webhook = hook(notifying, there)
    soon = datetime.now(UTC) + timedelta(hours=3)
    owner = Owner(notifying.user, notifying.simulator.token(notifying.user), soon)
    credentials.keep(notifying.context.vault, owner.name, owner.token, owner.expires_at)
    assert announce_expiring(notifying.context) == 0  # no work is under way

    notifying.simulator.app(run_seconds=None)
    notifying.submit(document(""))
    collection(documents.Credential).update_one({}, {"$set": {"expires_at": soon}})
    for _ in range(2):
        collection(documents.Lock).delete_many({})
        assert announce_expiring(notifying.context) == 1
    deliver(notifying)

    [heard] = there.heard()
    assert heard.type == "token.expires_soon"
    assert heard.content["data"]["expires_at"].startswith(f"{soon:%Y-%m-%dT%H:%M}")
    assert len(deliveries(webhook)) == 1


def test_the_sweep_finds_messages_that_nobody_announced(notifying: Engine, there: Receiver) -> None:
    assert Work.NOTIFY not in due(timedelta(0), timedelta(0)).works
    webhooks.send_test(notifying.context, hook(notifying, there))

    assert Work.NOTIFY in due(timedelta(0), timedelta(0)).works


def test_users_without_a_webhook_cost_an_advance_one_read_at_most(notifying: Engine) -> None:
    workflows = [notifying.submit(document("")) for _ in range(10)]

    with profiled() as profile:
        advance(notifying.context, workflows)

    asked = [row["ns"].partition(".")[2] for row in profile.find()]
    assert asked.count("workflows") > 1
    assert asked.count("webhooks") == 1
    assert asked.count("deliveries") == 0


def test_switched_off_nothing_is_stored(notifying: Engine, there: Receiver) -> None:
    hook(notifying, there, "*")
    off = notify_from(notifying, None)

    off.ends(off.submit(document("")))

    assert collection(documents.Delivery).count_documents({}) == 0


def attempts_until(engine: Engine, webhook: webhooks.StoredWebhook, state: str) -> None:
    def ended() -> bool:
        deliver(engine)
        return {str(each.state) for each in deliveries(webhook)} == {state}

    engine.until(ended)
