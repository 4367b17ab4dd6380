"""The routes, pages and commands of e-mail addresses: who may, what is refused, what links do."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from structlog.testing import capture_logs
from werkzeug.serving import make_server

from app.connections import connections_of
from cli.main import main
from tests.app.conftest import ADMIN, ALICE, BOB, Api
from tests.app.notifications.email_routes import ROUTES
from tests.engine.conftest import document
from tests.engine.notifications.mail_server import MailServer, mail_server
from workflows.engine.notifications.deliver import deliver_due
from workflows.store.webhooks import subscriptions

ROOT = "/api/v1/email-addresses"
ADDRESS = "alice@lab.example.org"
URL = "https://workflows.example.org"
CONFIRM = re.compile(rf"{URL}(/ui/email/confirm\?word=\S+)")
LEAVE = re.compile(rf"{URL}(/ui/email/leave\?\S+)")


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    """One for all tests of this file: applications are kept by their settings."""
    with mail_server() as made:
        yield made


@pytest.fixture
def post(server: MailServer) -> MailServer:
    server.got.clear()
    return server


@pytest.fixture
def mails(make_api: Callable[..., Api], post: MailServer) -> Iterator[Api]:
    subscriptions.forget()
    smtp = f"smtp+plain://127.0.0.1:{post.port}"
    yield make_api(
        notifications={"smtp": smtp, "sender": "workflows@engine.example.org"},
        api={"public_url": URL},
    )
    subscriptions.forget()


def deliver(api: Api) -> None:
    deliver_due(connections_of(api.client.application).context)


def register(api: Api, address: str = ADDRESS, user: str = ALICE, **wanted: Any) -> str:
    answer = api("POST", ROOT, user, json={"address": address, **wanted})
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"{ROOT}/{answer.json['address_id']}"
    return str(answer.json["address_id"])


def confirm(api: Api, post: MailServer) -> str:
    """A confirmed address; the letter with its link is taken away."""
    address_id = register(api)
    deliver(api)
    link = CONFIRM.search(post.got[0].text)
    assert link
    assert api.client.post(link[1]).status_code == 200
    post.got.clear()
    subscriptions.forget()
    return address_id


def test_a_link_confirms_by_its_button_alone_and_another_one_ends_the_letters(
    mails: Api, post: MailServer
) -> None:
    address_id = register(mails)
    deliver(mails)
    link = CONFIRM.search(post.got[0].text)
    assert link

    def state() -> str:
        return str(mails("GET", f"{ROOT}/{address_id}").json["state"])

    page = mails.client.get(link[1])  # as programs do that check mail
    assert "Confirm my address" in page.text
    assert state() == "unconfirmed"
    assert "Confirmed" in mails.client.post(link[1]).text
    assert state() == "enabled"
    subscriptions.forget()
    mails.engine().ends(mails.submit(document("")))
    deliver(mails)

    letter = post.got[-1].letter
    leave = LEAVE.search(letter["List-Unsubscribe"].strip("<>"))
    assert leave
    assert mails.client.get(leave[1]).status_code == 200
    assert state() == "enabled"
    one_click = {"List-Unsubscribe": "One-Click"}
    for _ in range(2):
        answer = mails.client.post(leave[1], data=one_click)
        assert (answer.status_code, answer.headers.getlist("Set-Cookie")) == (200, [])
    assert state() == "unsubscribed"
    unknown = mails.client.post("/ui/email/leave?address=em_0&word=0", data=one_click)
    assert (unknown.status_code, unknown.text) == (200, answer.text)


def test_a_link_that_is_not_ours_confirms_nothing(mails: Api) -> None:
    register(mails)

    answer = mails.client.post("/ui/email/confirm?word=garbage")

    assert answer.status_code == 404
    assert "Register the address again" in answer.text


def test_only_its_user_and_admins_may_use_it(mails: Api, post: MailServer) -> None:
    address_id = confirm(mails, post)

    for method, path in ROUTES:
        body: dict[str, Any] = {"json": {}} if method in ("POST", "PATCH") else {}
        mine, unknown = (f"/api/v1{path.format(id=each)}" for each in (address_id, "em_0"))
        assert mails(method, mine, None, **body).status_code == 401, path
        if "{id}" in path:
            assert mails(method, mine, BOB, **body).status_code == 403, path
            assert mails(method, unknown, **body).status_code == 404, path
    assert mails("GET", f"{ROOT}/{address_id}", ADMIN).status_code == 200
    assert mails("GET", ROOT, BOB).json == {"email_addresses": []}
    assert mails("GET", f"/api/v1/webhooks/{address_id}").status_code == 404
    assert mails("GET", "/api/v1/webhooks").json == {"webhooks": []}


def test_it_is_tested_changed_and_deleted(mails: Api, post: MailServer) -> None:
    address_id = confirm(mails, post)
    place = f"{ROOT}/{address_id}"
    assert mails("POST", f"{place}/test").status_code == 202
    deliver(mails)
    assert [each.letter["Subject"] for each in post.got] == ["A test"]
    letters = mails("GET", f"{place}/deliveries").json["deliveries"]
    assert [each["state"] for each in letters] == ["delivered", "delivered"]

    changed = mails("PATCH", place, json={"events": ["batch.*"], "state": "disabled"}).json
    assert (changed["events"], changed["state"]) == (["batch.*"], "disabled")
    assert mails("POST", f"{place}/test").status_code == 409
    assert mails("PATCH", place, json={"state": "enabled"}).json["state"] == "enabled"

    assert mails("DELETE", place).status_code == 204
    assert mails("GET", place).status_code == 404


def test_mistakes_are_named_all_at_once(mails: Api) -> None:
    sent = {"address": "x", "events": ["workflow.faild", "step.failed"], "adress": "y"}
    answer = mails("POST", ROOT, json=sent).json
    assert [each["path"] for each in answer["errors"]] == ["adress", "events[0]", "events[1]"]
    assert "workflow.failed" in answer["errors"][1]["suggestion"]
    assert mails("POST", ROOT, json={}).json["errors"][0]["code"] == "missing_field"
    for address in ("x", "a@b.org\r\nBcc: c@d.org"):
        refused = mails("POST", ROOT, json={"address": address})
        assert refused.status_code == 400
        assert refused.json["errors"][0]["code"] == "bad_address"
    assert mails("PATCH", f"{ROOT}/em_0", json={"state": "unconfirmed"}).status_code == 400


def test_letters_to_confirm_are_limited(mails: Api) -> None:
    for _ in range(5):
        register(mails)
    refused = mails("POST", ROOT, json={"address": ADDRESS})

    assert refused.status_code == 429
    assert refused.json["errors"][0]["code"] == "quota_exceeded"
    assert refused.headers["Retry-After"]
    for name in "ab":
        register(mails, f"{name}@lab.example.org", BOB)
    register(mails, "c@lab.example.org", BOB)
    full = mails("POST", ROOT, BOB, json={"address": "d@lab.example.org"})
    assert full.status_code == 409


def test_without_a_mail_server_there_is_none(api: Api) -> None:
    refused = api("POST", ROOT, json={"address": ADDRESS})

    assert refused.status_code == 403
    assert "notifications.smtp" in refused.json["detail"]


def test_pages_register_test_disable_and_delete(mails: Api, post: MailServer) -> None:
    mails.client.post("/ui/sign-in", data={"token": mails.token(ALICE)})

    def press(path: str, **fields: str) -> None:
        page = mails.client.get("/ui/email").text
        secret = re.search(r'name="secret" value="([^"]+)"', page)
        assert secret
        answer = mails.client.post(f"/ui/email{path}", data={"secret": secret[1], **fields})
        assert answer.status_code == 303, answer.text

    press("", address=ADDRESS, events="workflow.failed batch.*")
    deliver(mails)
    link = CONFIRM.search(post.got[0].text)
    assert link
    assert "unconfirmed" in mails.client.get("/ui/email").text
    mails.client.post(link[1])
    [found] = mails("GET", ROOT).json["email_addresses"]
    address_id = found["address_id"]
    press(f"/{address_id}/test")
    deliver(mails)
    assert len(post.got) == 2
    press(f"/{address_id}/state", state="disabled")
    assert "its user has disabled it" in mails.client.get("/ui/email").text
    assert mails.client.post(f"/ui/email/{address_id}/delete").status_code == 403
    press(f"/{address_id}/delete")
    assert address_id not in mails.client.get("/ui/email").text


@pytest.fixture
def terminal(mails: Api, tmp_path: Path) -> Iterator[Callable[..., Result]]:
    """The command line, over HTTP to this application, whose log is not among what is printed."""
    server = make_server("127.0.0.1", 0, mails.client.application, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    env = {
        "BVBRC_WORKFLOWS_URL": f"http://127.0.0.1:{server.server_port}",
        "HOME": str(tmp_path),
        "BVBRC_TOKEN": mails.token(ALICE),
        "P3_AUTH_TOKEN": "",
        "KB_AUTH_TOKEN": "",
    }

    def run(*words: str) -> Result:
        with capture_logs():
            return CliRunner().invoke(main, words, env=env, catch_exceptions=False)

    yield run
    server.shutdown()
    server.server_close()


def test_commands_register_test_disable_and_delete(
    mails: Api, post: MailServer, terminal: Callable[..., Result]
) -> None:
    added = terminal("email", "add", ADDRESS, "--event", "workflow.failed")
    assert added.exit_code == 0, added.output
    [address_id] = re.findall(r"em_\w{32}", added.stdout)
    assert "link" in added.stdout
    assert terminal("email", "test", address_id).exit_code == 6
    deliver(mails)
    link = CONFIRM.search(post.got[0].text)
    assert link
    mails.client.post(link[1])

    assert terminal("email", "test", address_id).exit_code == 0
    deliver(mails)
    assert "delivered" in terminal("email", "deliveries", address_id).stdout
    assert terminal("email", "disable", address_id).stdout.strip().endswith("disabled")
    assert terminal("email", "enable", address_id).stdout.strip().endswith("enabled")
    assert f'"address": "{ADDRESS}"' in terminal("email", "list", "--json").stdout
    assert ADDRESS in terminal("email", "list").stdout
    assert terminal("email", "delete", address_id, "-y").exit_code == 0
    assert terminal("email", "test", address_id).exit_code == 5
    assert terminal("email", "add", "nobody").exit_code == 3
