"""Signing in with a user name and a password: who gets in, and what becomes of the password."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
import requests

from tests.product import UI_GROUP
from tests.ui.conftest import Visitor

pytestmark = UI_GROUP
PASSWORD = "simulated"
WRONG = "Tr0ub4dor&3 ü"


def sign_in(visitor: Visitor, user: str, password: str, **headers: str) -> requests.Response:
    form = {"username": user, "password": password, "next": "/ui/batches"}
    return visitor.post("/sign-in", data=form, headers=headers)


@pytest.mark.parametrize("user", ["alice", " alice@bvbrc "])
def test_a_user_signs_in_with_a_password(visitor: Visitor, user: str) -> None:
    answer = sign_in(visitor, user, PASSWORD)

    assert answer.status_code == 303
    assert answer.headers["Location"] == "/ui/batches"
    assert PASSWORD not in answer.headers["Set-Cookie"]
    assert "alice@bvbrc" in visitor.get("/").text


def test_a_wrong_password_signs_nobody_in_and_is_kept_nowhere(visitor: Visitor) -> None:
    answer = sign_in(visitor, "erin", WRONG)

    assert answer.status_code == 401
    assert "does not know this user name with this password" in answer.text
    assert "Set-Cookie" not in answer.headers
    assert 'value="erin"' in answer.text
    assert "Tr0ub4dor" not in answer.text
    logs = read_logs(visitor.product.stack.folder)
    assert logs
    assert not [name for name, text in logs.items() if "Tr0ub4dor" in text]


def read_logs(folder: Path) -> dict[str, str]:
    """Names to contents. The log of a workflow that a former test has deleted goes at any time."""
    texts: dict[str, str] = {}
    for file in folder.rglob("*.log"):
        with suppress(FileNotFoundError):
            texts[str(file)] = file.read_text(errors="replace")
    return texts


@pytest.mark.parametrize("form", [{}, {"username": "erin"}, {"password": "p" * 2000}])
def test_half_of_a_form_is_refused_without_asking(visitor: Visitor, form: dict[str, str]) -> None:
    before = len(visitor.product.simulator.calls(method="authenticate"))

    answer = visitor.post("/sign-in", data={"username": "", "password": "", **form})

    assert answer.status_code == 401
    assert len(visitor.product.simulator.calls(method="authenticate")) == before


def test_guesses_for_one_account_are_refused_unseen(visitor: Visitor) -> None:
    guesses = [sign_in(visitor, name, WRONG) for name in ["frank", "FRANK"] * 7]
    late = sign_in(visitor, "frank", PASSWORD)

    assert guesses[0].status_code == 401
    assert late.status_code == 429
    assert int(late.headers["Retry-After"]) > 0
    assert sign_in(visitor, "grace", PASSWORD).status_code == 303


def test_a_sign_in_that_bvbrc_cannot_answer_says_so(visitor: Visitor) -> None:
    visitor.product.simulator.fault("status", "authenticate", status=503)

    answer = sign_in(visitor, "alice", PASSWORD)

    assert answer.status_code == 503
    assert "BV-BRC&#39;s sign-in does not work now" in answer.text


def test_a_password_is_not_taken_over_http_from_elsewhere(visitor: Visitor) -> None:
    host = {"Host": "workflows.example.org"}
    before = len(visitor.product.simulator.calls(method="authenticate"))

    page = visitor.get("/sign-in", headers=host).text
    answer = sign_in(visitor, "alice", PASSWORD, **host)

    assert 'name="password"' not in page
    assert "over HTTPS only" in page
    assert 'name="token"' in page
    assert answer.status_code == 401
    assert len(visitor.product.simulator.calls(method="authenticate")) == before


def test_another_site_cannot_sign_anybody_in_with_a_password(visitor: Visitor) -> None:
    answer = sign_in(visitor, "alice", PASSWORD, Origin="https://evil.example")

    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers
