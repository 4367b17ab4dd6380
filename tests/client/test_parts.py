"""Parts of the client that need no server."""

from __future__ import annotations

import pytest

from bvbrc_workflows_client import Workflows
from bvbrc_workflows_client.errors import Refused, Unauthenticated, refusal
from bvbrc_workflows_client.session import Session, events_of, split_lines


def test_lines_end_with_line_feeds_alone_however_they_arrive() -> None:
    text = 'data: {"a": "x\u2028y"}\r\nté\n\nlast'.encode()

    for size in (1, 2, 7, len(text)):
        parts = (text[start : start + size] for start in range(0, len(text), size))
        lines = [line.decode() for line in split_lines(parts)]

        assert lines == ['data: {"a": "x\u2028y"}', "té", "", "last"]
        assert list(events_of(lines)) == [{"a": "x\u2028y"}]


def test_a_refusal_of_any_status_reads_as_its_problems() -> None:
    problem = {"path": "steps[0]", "code": "odd", "message": "It is odd.", "suggestion": "Even it."}

    error = refusal(418, "No.", [problem])

    assert type(error) is Refused
    assert str(error) == "No.\n- steps[0]: It is odd. (odd). Even it."


def test_no_token_is_shown() -> None:
    secret = "un=a|sig=0123"

    with Workflows("http://127.0.0.1:9", secret) as workflows:
        shown = [
            workflows.session,
            workflows.run("wf_0"),
            workflows.session.http.headers,
            workflows,
        ]

        assert secret not in "".join(map(repr, shown))


@pytest.mark.parametrize("token", ["un=ä|sig=0", "un=a\nHost: b", "→"])
def test_what_can_be_no_token_is_not_sent(token: str) -> None:
    with Session("http://127.0.0.1:9", token) as session, pytest.raises(Unauthenticated) as refusal:
        session.get("/usage")

    assert "no BV-BRC token" in str(refusal.value)
    assert token not in str(refusal.value)


def test_the_prefix_of_the_api_may_be_in_the_address() -> None:
    assert Session("http://127.0.0.1:8000/api/v1/").url == "http://127.0.0.1:8000"
