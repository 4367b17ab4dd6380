"""Other people's library verifies every signature."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from workflows.model.values import Event
from workflows.model.webhooks import Subscription
from workflows.rules.webhooks.attempts import make_headers, write_secret
from workflows.rules.webhooks.events import Subject, report_events

AT = datetime(2026, 1, 19, 10, 41, 7, 112000, tzinfo=UTC)
ANY = Subscription("wh_1", "alice", ("*",))


@given(st.text(min_size=1, max_size=50), st.binary(min_size=24, max_size=64))
def test_headers_are_printable_and_the_signature_verifies(name: str, key: bytes) -> None:
    event = Event(1, AT, "step", "running", "failed", 0, name, "Date", 1)
    [found] = report_events([ANY], Subject("wf_1", "w", "running"), [event], "")
    secret, now = write_secret(key), datetime.now(UTC)

    headers = make_headers(found, [secret, write_secret(b"x" * 24)], now, "tests")

    assert all(text.isascii() and text.isprintable() for text in headers.values())
    assert Webhook(secret).verify(found.body, headers) == json.loads(found.body)
