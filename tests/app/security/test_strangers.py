"""What belongs to one user answers no other one, on each route of the API and each page.

The routes are those that the application has, so that one which is new and forgets to ask fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from werkzeug.routing import Rule

from app.http.auth import OPEN
from tests.app.batches.test_batches import samples
from tests.app.batches.test_batches import submit as submit_batch
from tests.app.catalogue.test_templates import store as store_template
from tests.app.conftest import ADMIN, ALICE, BOB, Api
from tests.engine.conftest import document
from tests.store.guards.stored_rows import everything
from tests.store.guards.webhook_rows import put_address, put_message, put_webhook
from workflows.store import documents
from workflows.store.mongo import collection

SEE_OTHER, FORBIDDEN, NOT_FOUND, CONFLICT = 303, 403, 404, 409
OF_A_USER = {"workflow_id", "batch_id", "webhook_id", "address_id", "hold_id", "name"}
"""Arguments of routes that name what belongs to a user; a template that is private is not found."""
FOR_ADMINS = re.compile("/(api/v1|ui)/admin(/|$)")
"""Beginnings of the paths of routes that are for admins."""
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PATCH", "/api/v1/batches/<batch_id>"): {"max_active": 3},
    ("PUT", "/api/v1/admin/users/<user>"): {"weight": 2},
    ("POST", "/api/v1/templates/<name>@<version>/batches"): {"samples": [{"file": "x"}]},
}
WITHOUT_A_QUERY = (400, 404, 503)
"""Of pages that need one. That an app is unknown is not certain before BV-BRC's list is there."""
WITH_BODY = ("POST", "PUT", "PATCH")
REFUSAL = re.compile("belongs to another user|has set this hold|no template")
"""What an answer says that refuses for its owner, and not for another reason."""
ENDLESS = {"/ui/live"}
"""It says that something has changed, and nothing else."""
STORED = (
    documents.Workflow,
    documents.Batch,
    documents.Template,
    documents.TemplateVersion,
    documents.Webhook,
    documents.Delivery,
    documents.Hold,
    documents.Credential,
    documents.User,
)
_SECRET = re.compile(r'name="secret" value="([^"]+)"')


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    """Knowing an id suffices for nothing."""
    return make_api(auth={"reads": "owner"})


def hold(api: Api, user: str, scope: str, target: str) -> str:
    wanted = {"scope": scope, "target": target, "reason": "look"}
    answer = api("POST", "/api/v1/holds", user, json=wanted)
    assert answer.status_code == 201, answer.text
    return str(answer.json["hold_id"])


@pytest.fixture
def belongings(api: Api) -> dict[str, Any]:
    """What Alice has, by the arguments of routes; values of the other arguments besides."""
    workflow = api.submit(document(""))
    batch = submit_batch(api, samples(1))
    store_template(api)
    put_webhook("wh_1", owner=ALICE)
    put_address("em_1", owner=ALICE)
    put_message("d_1", owner=ALICE)
    hold(api, ALICE, "batch", batch)
    return {
        "workflow_id": workflow,
        "batch_id": batch,
        "webhook_id": "wh_1",
        "address_id": "em_1",
        "delivery_id": "d_1",
        "hold_id": hold(api, ALICE, "workflow", workflow),
        "name": "dates",
        "version": 1,
        "step_name": "a",
        "task_id": "0.1",
        "user": ALICE,
    }


class Visitor:
    """A user who is signed in to the pages as well."""

    def __init__(self, api: Api, user: str) -> None:
        self.api, self.user = api, user
        signed_in = api.client.post("/ui/sign-in", data={"token": api.token(user)})
        assert signed_in.status_code == 303
        found = _SECRET.search(api.client.get("/ui/").text)
        assert found
        self.form = {"secret": found[1]}

    def ask(self, rule: Rule, method: str, belongings: dict[str, Any]) -> tuple[int, str]:
        """The status and the text of the answer to a request; its body is empty where that
        suffices."""
        adapter = self.api.client.application.url_map.bind("localhost")
        given = {name: belongings[name] for name in rule.arguments}
        path = adapter.build(rule.endpoint, given, method=method)
        return self.open(method, path, BODIES.get((method, rule.rule), {}))

    def open(self, method: str, path: str, sent: dict[str, Any]) -> tuple[int, str]:
        """The same of a path."""
        is_page = path.startswith("/ui")
        body = {"data": {**self.form, **sent}} if is_page else {"json": sent}
        user = None if is_page else self.user
        with self.api(method, path, user, **body if method in WITH_BODY else {}) as answer:
            return answer.status_code, answer.text


def routes(api: Api) -> Iterator[tuple[Rule, str]]:
    """Those that need a token, and each of their methods."""
    application = api.client.application
    for rule in sorted(application.url_map.iter_rules(), key=str):
        if getattr(application.view_functions[rule.endpoint], "access", None) != OPEN:
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule, method


def test_no_route_answers_another_user(api: Api, belongings: dict[str, Any]) -> None:
    bob, before = Visitor(api, BOB), everything(STORED)

    answers = {
        f"{method} {rule}": (bob.ask(rule, method, belongings), rule.arguments)
        for rule, method in routes(api)
        if rule.arguments & OF_A_USER
    }

    assert len(answers) > 80
    assert {
        route: code
        for route, ((code, text), arguments) in answers.items()
        if code != (NOT_FOUND if "name" in arguments else FORBIDDEN) or not REFUSAL.search(text)
    } == {}
    assert everything(STORED) == before


def test_what_is_for_admins_answers_no_user(api: Api, belongings: dict[str, Any]) -> None:
    for_admins = [(rule, method) for rule, method in routes(api) if FOR_ADMINS.match(rule.rule)]
    assert len(for_admins) >= 3

    alice = Visitor(api, ALICE)
    for rule, method in for_admins:
        assert alice.ask(rule, method, belongings)[0] == FORBIDDEN, rule

    root = Visitor(api, ADMIN)
    for rule, method in for_admins:
        assert root.ask(rule, method, belongings)[0] == 200, rule


def test_no_list_shows_what_another_user_has(api: Api, belongings: dict[str, Any]) -> None:
    names = [belongings[name] for name in OF_A_USER] + ["a@b.org", "https://a.org"]
    lists = [
        rule.rule
        for rule, method in routes(api)
        if method == "GET"
        and not rule.arguments
        and not FOR_ADMINS.match(rule.rule)
        and rule.rule not in ENDLESS
    ]

    def shown(visitor: str) -> dict[str, set[str]]:
        Visitor(api, visitor)
        found = {}
        for path in lists:
            answer = api("GET", path, None if path.startswith("/ui") else visitor)
            assert answer.status_code in (200, *WITHOUT_A_QUERY), path
            found[path] = {name for name in names if name in answer.text}
        return found

    assert set().union(*shown(BOB).values()) == set()
    assert set().union(*shown(ALICE).values()) >= {*names} - {"d_1"}


RESUMES = {
    "workflow": ("/api/v1/workflows/<workflow_id>/resume", "/ui/workflows/<workflow_id>/resume"),
    "batch": ("/api/v1/batches/<batch_id>/resume", "/ui/batches/<batch_id>/resume"),
}


@pytest.mark.parametrize("scope", RESUMES)
def test_a_user_lifts_no_hold_of_an_admin(api: Api, belongings: dict[str, Any], scope: str) -> None:
    held = {hold(api, ADMIN, scope, belongings[f"{scope}_id"])}
    alice = Visitor(api, ALICE)

    for rule, method in routes(api):
        if rule.rule in RESUMES[scope]:
            assert alice.ask(rule, method, belongings)[0] == CONFLICT, rule
        elif rule.rule == "/api/v1/holds/<hold_id>":
            theirs = {**belongings, "hold_id": min(held)}
            assert alice.ask(rule, method, theirs)[0] == FORBIDDEN

    assert held <= {row["_id"] for row in everything([documents.Hold])["Hold"]}


def share_template(api: Api) -> None:
    """One of Alice's, ``shared``, with Bob and another."""
    store_template(api, name="shared")
    shared = {"shared_with": [BOB, "carol@bvbrc"]}
    assert api("PATCH", "/api/v1/templates/shared", json=shared).status_code == 200


@dataclass(frozen=True)
class Named:
    """A request that names what is Alice's besides its path."""

    method: str
    path: str
    sent: dict[str, Any] = field(default_factory=dict)
    status: int = FORBIDDEN


def holds_of(path: str) -> Iterator[Named]:
    for scope, target in (
        ("workflow", "{workflow_id}"),
        ("batch", "{batch_id}"),
        ("user", ALICE),
        ("app", "Date"),
        ("global", ""),
    ):
        sent = {"scope": scope, "target": target, "mode": "hold", "reason": "r"}
        yield Named("POST", path, {name: text for name, text in sent.items() if text})


OF_ALICE = {"action": "cancel", "filter": {"owner": ALICE}, "dry_run": True}
NAMED = [
    Named("GET", "/ui/new/document?former={workflow_id}"),
    Named("GET", "/ui/new/app?app=Date&former={workflow_id}"),
    Named("GET", "/ui/new/save?former={workflow_id}"),
    Named("GET", "/ui/new/sheet?former={workflow_id}"),
    Named("GET", "/ui/new/template?template=shared@1&former={workflow_id}"),
    Named("GET", "/ui/new/template?template=dates@1", status=NOT_FOUND),
    Named("POST", "/api/v1/batches", {"template": "dates@1", "samples": [{}]}, NOT_FOUND),
    Named("GET", f"/ui/?owner={ALICE}"),
    Named("GET", "/ui/?owner=*"),
    Named("GET", f"/ui/live?owner={ALICE}"),
    Named("GET", f"/ui/many/cancel?owner={ALICE}&state=pending"),
    Named("POST", "/ui/many/cancel", {"owner": ALICE, "expected_count": "1"}),
    Named("GET", f"/api/v1/workflows?owner={ALICE}"),
    Named("GET", "/api/v1/workflows?owner=*"),
    Named("POST", "/api/v1/workflows/actions", OF_ALICE),
    *holds_of("/api/v1/holds"),
    *holds_of("/ui/holds"),
]


@pytest.mark.parametrize("named", NAMED, ids=lambda each: f"{each.method} {each.path} {each.sent}")
def test_what_a_request_names_is_not_another_user_s(
    api: Api, belongings: dict[str, Any], named: Named
) -> None:
    share_template(api)
    bob, before = Visitor(api, BOB), everything(STORED)
    sent = {
        name: value.format(**belongings) if isinstance(value, str) else value
        for name, value in named.sent.items()
    }

    assert bob.open(named.method, named.path.format(**belongings), sent)[0] == named.status

    assert everything(STORED) == before


def test_who_may_use_a_template_changes_nothing_and_sees_no_further_users(
    api: Api, belongings: dict[str, Any]
) -> None:
    assert belongings
    share_template(api)
    bob, before = Visitor(api, BOB), everything(STORED)

    for path in ("/api/v1/templates/shared", "/ui/templates/shared"):
        status, text = bob.open("GET", path, {})
        assert (status, "carol@bvbrc" in text) == (200, False), path
    for path in ("/api/v1/templates/shared", "/api/v1/templates/shared@1"):
        assert bob.open("PATCH", path, {"deprecated": "no"})[0] == FORBIDDEN, path
    status, _ = bob.open("PATCH", "/api/v1/templates/shared", {"visibility": "public"})
    assert status == FORBIDDEN

    assert everything(STORED) == before


def test_no_page_compares_with_what_another_user_has(api: Api, belongings: dict[str, Any]) -> None:
    former = {"former": belongings["workflow_id"], "action": "check"}
    changed = json.dumps(document("", name="changed"))

    texts = {
        user: Visitor(api, user).open("POST", "/ui/new/document", {**former, "document": changed})
        for user in (ALICE, BOB)
    }

    assert {code for code, _ in texts.values()} == {200}
    removed = {user: 'class="removed"' in text for user, (_, text) in texts.items()}
    assert removed == {ALICE: True, BOB: False}


def test_a_template_that_its_user_has_no_longer_is_not_offered_again(
    api: Api, belongings: dict[str, Any]
) -> None:
    bobs = api.submit(document(""), BOB)
    made_from = {"template": {"name": "dates", "version": 1}}
    collection(documents.Workflow).update_many({}, {"$set": made_from})

    for user, workflow, page in (
        (ALICE, belongings["workflow_id"], "/ui/new/template"),
        (BOB, bobs, "/ui/new/app"),
    ):
        Visitor(api, user)
        answer = api("GET", f"/ui/workflows/{workflow}/again", None)
        assert answer.headers["Location"].startswith(page)


def test_no_page_begins_with_the_cwl_of_another_user(api: Api, belongings: dict[str, Any]) -> None:
    source = {"files": {"a.cwl": "# Alice's"}, "main": "a.cwl", "entry": "", "inputs": {}}
    collection(documents.Spec).update_many({}, {"$set": {"source": json.dumps(source)}})

    for page in ("document", "save", "sheet"):
        path = f"/ui/new/{page}?former={belongings['workflow_id']}"
        for user, status in ((ALICE, 200), (BOB, FORBIDDEN)):
            found, text = Visitor(api, user).open("GET", path, {})
            assert (found, "Alice&#39;s" in text) == (status, user == ALICE), (page, user)


def test_what_a_user_pauses_on_a_page_the_user_resumes(
    api: Api, belongings: dict[str, Any]
) -> None:
    alice, path = Visitor(api, ALICE), f"/ui/workflows/{belongings['workflow_id']}"
    collection(documents.Hold).delete_many({})

    assert alice.open("POST", f"{path}/pause", {})[0] == SEE_OTHER
    assert [row["by"] for row in everything([documents.Hold])["Hold"]] == [ALICE]
    assert alice.open("POST", f"{path}/resume", {})[0] == SEE_OTHER

    assert everything([documents.Hold])["Hold"] == []
