"""Letters about the ends of workflows: to confirmed addresses alone, one each, and never a
parameter in them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.engine.batches import end_batch, submit_batch
from tests.engine.conftest import LONG, Engine, document
from tests.engine.notifications.conftest import deliver, hook, notify_from
from tests.engine.notifications.emails import (
    ALICES,
    HEAD,
    LEAVE,
    LINK,
    MIDDAY,
    confirm,
    mailer,
    mailing,
    register,
    settings,
)
from tests.engine.notifications.mail_server import MailServer, mail_server
from tests.engine.notifications.receiver import Receiver
from workflows.engine.commands import Owner
from workflows.engine.notifications import emails
from workflows.engine.notifications.emails import TooMany, WantedAddress
from workflows.engine.notifications.notices import announce_expiring
from workflows.model.errors import Conflict, Invalid, NotFound
from workflows.store import documents
from workflows.store.mongo import collection
from workflows.store.users import credentials, letters
from workflows.store.webhooks import claims, subscriptions

BOB = "bob@bvbrc"
HOUR = timedelta(hours=1)


@pytest.fixture
def post() -> Iterator[MailServer]:
    with mail_server() as made:
        yield made


@pytest.fixture
def writing(notifying: Engine, post: MailServer) -> Engine:
    return mailing(notifying, post.port)


def run(engine: Engine, *steps: str, labels: dict[str, str] | None = None) -> str:
    """The id of a workflow that has ended."""
    found = document("", *steps, **({"labels": labels} if labels else {}))
    workflow = engine.submit(found)
    engine.ends(workflow)
    return workflow


def send_all(engine: Engine) -> None:
    """Also what is due a moment later."""

    def is_sent() -> bool:
        deliver(engine)
        return not collection(documents.Delivery).count_documents({"due": {"$type": "date"}})

    engine.until(is_sent)


def test_an_address_gets_one_letter_until_its_reader_has_confirmed_it(
    writing: Engine, post: MailServer
) -> None:
    made = register(writing)
    assert str(made.state) == "unconfirmed"
    run(writing)
    deliver(writing)

    [asks] = post.got
    assert asks.to == ALICES
    assert asks.letter["Subject"] == "Confirm your e-mail address"
    assert "List-Unsubscribe" not in asks.letter
    with pytest.raises(Conflict, match="unconfirmed"):
        emails.send_test(writing.context, made)
    with pytest.raises(Conflict, match="unconfirmed"):
        emails.change(made, WantedAddress(enabled=True))

    found = LINK.search(asks.text)
    assert found
    emails.confirm(writing.context, found[1])
    emails.confirm(writing.context, found[1])  # a second look at the page does no harm
    subscriptions.forget()
    workflow = run(writing)
    deliver(writing)

    assert len(post.got) == 2
    assert workflow in post.got[1].text


def test_the_end_of_a_workflow_is_one_letter_without_a_parameter(
    writing: Engine, post: MailServer
) -> None:
    confirm(writing, post)
    writing.simulator.app(outcome="failed", run_seconds=0)
    workflow = run(writing, "a", "ab")
    deliver(writing)

    [got] = post.got
    letter = got.letter
    assert letter["Subject"] == "Failed: w"
    assert letter["From"] == HEAD.sender
    assert letter["To"] == ALICES
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Message-ID"].endswith("@engine.example.org>")
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    leave = LEAVE.search(letter["List-Unsubscribe"])
    assert leave
    assert leave[0] in got.text
    assert workflow in got.text
    assert "Failed" in got.text
    assert f"https://workflows.example.org/ui/workflows/{workflow}" in got.text
    for value in ("/home/", "output_path", "patricbrc.org/"):
        assert value not in got.text


def test_a_batch_is_one_letter_and_none_for_each_of_its_workflows(
    writing: Engine, post: MailServer
) -> None:
    confirm(writing, post)
    batch = submit_batch(writing, 3)
    end_batch(writing, batch)
    deliver(writing)

    [got] = post.got
    assert got.letter["Subject"] == "Succeeded: batch dates"
    assert "3 succeeded" in got.text
    assert batch in got.text


def test_an_address_hears_of_what_it_names(writing: Engine, post: MailServer) -> None:
    confirm(writing, post, ALICES, "workflow.failed")
    run(writing)
    writing.simulator.app(outcome="failed", run_seconds=0)
    failed = run(writing)
    deliver(writing)

    [got] = post.got
    assert failed in got.text


def test_other_users_letters_do_not_come(writing: Engine, post: MailServer) -> None:
    confirm(writing, post)
    bob = replace(writing, user=BOB, token="")
    run(bob)
    deliver(writing)

    assert post.got == []


def test_a_token_that_ends_soon_is_one_letter(writing: Engine, post: MailServer) -> None:
    confirm(writing, post)
    soon = datetime.now(UTC) + timedelta(hours=3)
    owner = Owner(writing.user, writing.simulator.token(writing.user), soon)
    credentials.keep(writing.context.vault, owner.name, owner.token, owner.expires_at)
    writing.simulator.app(run_seconds=None)
    writing.submit(document(""))
    collection(documents.Credential).update_one({}, {"$set": {"expires_at": soon}})
    for _ in range(2):
        collection(documents.Lock).delete_many({})
        assert announce_expiring(writing.context) == 1
    deliver(writing)

    [got] = post.got
    assert got.letter["Subject"] == "Your token ends soon"
    assert f"{soon:%Y-%m-%d %H:%M} UTC" in got.text


def test_who_leaves_gets_no_more_until_the_address_is_confirmed_again(
    writing: Engine, post: MailServer
) -> None:
    made = confirm(writing, post)
    run(writing)
    deliver(writing)
    found = LEAVE.search(post.got[0].text)
    assert found
    run(writing)  # waits when its reader leaves

    emails.leave(made.id, "0" * 32)
    assert emails.of_owner(writing.user)[0].is_enabled
    emails.leave(found[1], found[2])
    emails.leave(found[1], found[2])
    run(writing)
    deliver(writing)

    assert len(post.got) == 1
    now = emails.of_owner(writing.user)[0]
    assert (str(now.state), now.reason) == ("unsubscribed", "its reader has unsubscribed")
    with pytest.raises(Conflict, match="unsubscribed"):
        emails.change(now, WantedAddress(enabled=True))
    post.got.clear()
    again = register(writing)
    deliver(writing)
    assert again.id != made.id
    assert [each.letter["Subject"] for each in post.got] == ["Confirm your e-mail address"]


def test_a_disabled_address_gets_nothing_until_it_is_enabled(
    writing: Engine, post: MailServer
) -> None:
    made = confirm(writing, post)
    disabled = emails.change(made, WantedAddress(enabled=False))
    run(writing)
    deliver(writing)
    assert post.got == []
    assert str(register(writing).state) == "disabled"

    enabled = emails.change(disabled, WantedAddress(enabled=True))
    emails.send_test(writing.context, enabled)
    deliver(writing)
    assert [each.letter["Subject"] for each in post.got] == ["A test"]


def test_a_deleted_address_goes_with_its_letters(writing: Engine, post: MailServer) -> None:
    made = confirm(writing, post)
    run(writing)

    emails.remove(made)
    run(writing)
    deliver(writing)

    assert post.got == []
    assert collection(documents.Delivery).count_documents({}) == 0
    assert not collection(documents.Webhook).count_documents({})
    assert ALICES not in str(list(collection(documents.MailRequest).find()))


def test_a_link_counts_for_a_day_and_for_the_last_registration(
    writing: Engine, post: MailServer
) -> None:
    register(writing)
    deliver(writing)
    second = register(writing)
    deliver(writing)
    old, new = (LINK.search(each.text) for each in post.got)
    assert old and new  # noqa: PT018 - for the type checker

    for word in (old[1], new[1][:-2] + "xx", "garbage", ""):
        with pytest.raises(NotFound):
            emails.confirm(writing.context, word)
    assert str(emails.of_owner(writing.user)[0].state) == "unconfirmed"
    emails.confirm(writing.context, new[1])
    assert emails.of_owner(writing.user)[0].id == second.id
    assert emails.of_owner(writing.user)[0].is_enabled
    indexes = collection(documents.Webhook).index_information().values()
    assert any(each.get("expireAfterSeconds") == 0 for each in indexes)


def test_a_users_letters_of_a_day_are_limited_and_one_more_says_so(
    writing: Engine, post: MailServer
) -> None:
    few = notify_from(writing, settings(mailer(post.port), letters=3))
    both = [ALICES, "alice@home.example.org"]
    made = [confirm(few, post, each, "workflow.*") for each in both]
    post.answers("451 4.3.0 not now", "250 OK")
    run(few)
    send_all(few)  # a letter that is refused does not count; its next attempt does
    for _ in range(3):
        run(few)
    send_all(few)

    titles = [got.letter["Subject"] for got in post.got]
    assert titles.count("Succeeded: w") == 3
    others = [got for got in post.got if got.letter["Subject"] != "Succeeded: w"]
    assert sorted(got.to for got in others) == sorted(both)
    assert {got.letter["Subject"] for got in others} == {"No more letters today"}
    assert all("3 letters" in got.text and LEAVE.search(got.text) for got in others)
    stored = [each for found in made for each in emails.page_of(found, 50)[0]]
    failed = [each for each in stored if str(each.state) == "failed"]
    assert [each.last_error for each in failed] == ["not sent: 3 letters were sent today"] * 5
    mine = emails.of_owner(few.user)
    assert all(each.is_enabled and each.failing_since is None for each in mine)

    post.got.clear()
    few = notify_from(few, settings(mailer(post.port), letters=3, at=MIDDAY + timedelta(days=1)))
    last = run(few)
    send_all(few)
    assert [last in got.text for got in post.got] == [True, True]


def test_the_limit_of_letters_is_each_users_own(writing: Engine, post: MailServer) -> None:
    few = notify_from(writing, settings(mailer(post.port), letters=1))
    confirm(few, post)
    bob = replace(few, user=BOB, token="")
    confirm(bob, post, "bob@lab.example.org")
    for each in (few, few, bob):
        run(each)
    send_all(few)

    assert [got.letter["Subject"] for got in post.letters_to("bob@lab.example.org")] == [
        "Succeeded: w"
    ]


@pytest.mark.usefixtures("writing")
def test_letters_at_the_same_time_are_counted_exactly() -> None:
    carol = "carol@bvbrc"
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: letters.take(carol, MIDDAY, 5), range(40)))
    assert taken.count(True) == 5
    letters.give_back(carol, MIDDAY)
    assert [letters.take(carol, MIDDAY, 5) for _ in range(2)] == [True, False]
    assert letters.take(carol, MIDDAY, 6)
    assert not letters.take(carol, MIDDAY, 2)


@pytest.mark.usefixtures("writing")
def test_a_process_that_is_late_does_not_begin_a_day_again() -> None:
    carol, midnight = "carol@bvbrc", MIDDAY + timedelta(hours=12)
    assert letters.take(carol, midnight, 1)
    assert not letters.take(carol, midnight - timedelta(seconds=1), 1)
    letters.give_back(carol, midnight - timedelta(seconds=1))
    assert not letters.take(carol, midnight, 1)
    assert letters.take(carol, midnight + timedelta(days=1), 1)


def test_confirmations_are_limited_for_a_user_and_for_a_mailbox(
    writing: Engine, post: MailServer
) -> None:
    for number in range(3):
        assert register(writing, f"alice+{number}@lab.example.org")
    others = [replace(writing, user=f"u{number}@bvbrc", token="") for number in range(3)]
    shown = [emails.view(register(each, ALICES)) for each in others]  # too many: none learns of it
    deliver(writing)

    assert len(post.got) == 3
    assert {str(each["state"]) for each in shown} == {"unconfirmed"}
    for name in "ab":
        register(others[0], f"{name}@lab.example.org")
    with pytest.raises(TooMany, match="e-mail addresses"):
        register(others[0], "f@lab.example.org")
    for _ in range(2):
        register(others[0], "a@lab.example.org")
    with pytest.raises(TooMany, match="confirmations"):
        register(others[0], "a@lab.example.org")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "alice",
        "alice@",
        "@lab.example.org",
        "root@localhost",
        "alice@lab.example.org\r\nBcc: bob@lab.example.org",
        "alice@lab.example.org\n",
        "alice@lab.example.org\r",
        "alice\r\n@lab.example.org",
        "a b@lab.example.org",
        "<alice@lab.example.org>",
        "alice@lab.example.org, bob@lab.example.org",
        '"a\r\nb"@lab.example.org',
        "alice@[127.0.0.1]",
        "älice@lab.example.org",
        "alice@läb.example.org",
        "alice@lab.example.org\x00",
        "alice..b@lab.example.org",
        f"{'a' * 65}@lab.example.org",
        f"a@{'b' * 63}.{'c' * 63}.{'d' * 63}.{'e' * 63}.org",
    ],
)
def test_what_is_no_address_is_refused(writing: Engine, address: str) -> None:
    trimmed = address.strip() != address
    if trimmed and address.strip() == ALICES:
        assert register(writing, address).address == ALICES
        return
    with pytest.raises(Invalid):
        register(writing, address)


def test_a_letter_that_was_not_taken_comes_again_with_the_same_bytes(
    writing: Engine, post: MailServer
) -> None:
    made = confirm(writing, post)
    workflow = run(writing)
    stored = collection(documents.Delivery).find_one({"workflow": workflow})
    assert stored
    post.answers("450 4.2.1 later", "550 5.7.1 not this one", "250 OK")

    def arrived() -> bool:
        deliver(writing)
        return bool(post.got)

    writing.until(arrived)

    assert [each.content for each in post.got] == [stored["body"].encode()]
    [delivery] = [each for each in emails.page_of(made, 9)[0] if each.workflow == workflow]
    assert (delivery.attempts, delivery.last_status, delivery.last_error) == (3, 250, "")


def test_an_address_that_does_not_exist_is_disabled(writing: Engine, post: MailServer) -> None:
    made = confirm(writing, post)
    post.answers("550 5.1.1 no such user")
    run(writing)
    deliver(writing)

    now = emails.of_owner(writing.user)[0]
    assert (str(now.state), now.id) == ("disabled", made.id)
    assert now.reason == "the mail server says that there is no such address"


def test_whether_an_address_exists_is_shown_to_no_user(writing: Engine, post: MailServer) -> None:
    post.to_recipient = lambda to: "550 5.1.1 no" if to.startswith("no") else "250 OK"
    shown = []
    for address in ("no@lab.example.org", "yes@lab.example.org"):
        made = register(writing, address)
        deliver(writing)
        found = next(each for each in emails.of_owner(writing.user) if each.id == made.id)
        view = emails.view(found)
        shown.append({name: view[name] for name in view.keys() - {"address", "address_id"}})
        assert emails.page_of(found, 9) == ([], None)
    for times in ("created_at", "updated_at"):
        for each in shown:
            each.pop(times)

    assert shown[0] == shown[1]
    assert post.letters_to("no@lab.example.org") == []


def test_an_outage_of_the_mail_server_is_no_attempt_and_disables_nothing(
    writing: Engine, post: MailServer
) -> None:
    made = confirm(writing, post)
    with mail_server() as gone:
        closed = gone.port
    impatient = replace(settings(mailer(closed)), disable_after=timedelta(0))
    away = notify_from(writing, impatient)
    workflow = run(away)
    for _ in range(len(impatient.schedule) + 3):
        collection(documents.Webhook).update_one({}, {"$unset": {"hold_until": ""}})
        collection(documents.Delivery).update_many(
            {"due": {"$type": "date"}}, {"$set": {"due": datetime(2020, 1, 1, tzinfo=UTC)}}
        )
        deliver(away)

    [delivery] = [each for each in emails.page_of(made, 9)[0] if each.workflow == workflow]
    assert (str(delivery.state), delivery.attempts) == ("pending", 0)
    assert delivery.last_error.startswith("our mail server failed")
    now = emails.of_owner(writing.user)[0]
    assert now.is_enabled
    assert now.failing_since is None
    assert claims.find_waiting() == []  # held back for a while


def test_a_mail_server_that_hangs_holds_up_no_webhook_and_no_other_address(
    writing: Engine, post: MailServer, there: Receiver
) -> None:
    hook(writing, there)
    slow, quick = "slow@lab.example.org", "quick@lab.example.org"
    for address in (slow, quick):
        confirm(writing, post, address)
    post.hangs = lambda address: address == slow
    for _ in range(3):
        run(writing)
    patience = timedelta(seconds=3 * LONG)
    patient = settings(mailer(post.port, seconds=3 * LONG), lease=patience)
    delivering = threading.Thread(target=deliver, args=(notify_from(writing, patient),))
    delivering.start()
    try:
        writing.until(lambda: len(post.letters_to(quick)) == 3 and len(there.came) == 3)
        assert post.most_at_once <= 4
        assert post.letters_to(slow) == []
    finally:
        post.released.set()
        delivering.join(LONG)

    assert not delivering.is_alive()
    assert len(post.letters_to(slow)) == 3


def test_without_a_mail_server_letters_wait_and_none_is_registered(
    writing: Engine, post: MailServer
) -> None:
    confirm(writing, post)
    run(writing)
    mail = writing.context.notifications
    assert mail
    off = notify_from(writing, replace(mail, mail=None))
    deliver(off)
    assert post.got == []
    with pytest.raises(Exception, match=r"notifications\.smtp"):
        register(off)

    deliver(writing)
    assert len(post.got) == 1


def test_with_webhooks_switched_off_letters_go_out(
    writing: Engine, post: MailServer, there: Receiver
) -> None:
    hook(writing, there)
    confirm(writing, post)
    found = writing.context.notifications
    assert found
    lettered = notify_from(writing, replace(found, poster=None))
    run(lettered)
    deliver(lettered)

    assert len(post.got) == 1
    assert there.came == []
