"""Lost answers and busy times: what may be repeated is, and nothing is done twice."""

from __future__ import annotations

import json

import pytest

from bvbrc_workflows_client import BadAddress, ConnectionLost, NotTheEngine, Unavailable, Workflows
from tests.client.conftest import USER, Connect
from tests.client.gateway import LOSE, gateway
from tests.product import GROUP, Product, document

pytestmark = GROUP


def count(product: Product, name: str) -> int:
    return len(product.ask("GET", f"/workflows?name={name}", USER)["workflows"])


def test_a_submission_whose_answers_are_lost_starts_one_workflow(
    product: Product, connect: Connect
) -> None:
    with gateway(product.url, LOSE, 502, LOSE) as between:
        run = connect(url=between.url).submit(document({"a": ""}, "lost-answers"))

    assert product.state(run.id)
    assert count(product, "lost-answers") == 1
    assert len(between.seen) == 4
    assert len({key for _, key in between.seen}) == 1


def test_what_has_no_key_is_not_repeated(product: Product, connect: Connect) -> None:
    run = connect().submit(document({"a": ""}, "no-key"))
    with gateway(product.url, LOSE) as between:
        with pytest.raises(ConnectionLost):
            connect(url=between.url).run(run.id).cancel()

        assert len(between.seen) == 1


def test_reading_goes_on_after_a_gateway_had_no_answer(product: Product, connect: Connect) -> None:
    run = connect().submit(document({"a": ""}, "busy"))
    with gateway(product.url, 503, 429, 502) as between:
        assert connect(url=between.url).run(run.id).status()["workflow_name"] == "busy"

        assert len(between.seen) == 4


def test_patience_ends(product: Product, connect: Connect) -> None:
    with gateway(product.url, *[503] * 9) as between:
        hasty = connect(url=between.url, patience_seconds=0)
        with pytest.raises(Unavailable) as refusal:
            hasty.run("wf_0").status()

        assert refusal.value.retry_after == 0
        assert len(between.seen) == 1


def test_events_come_whole_through_a_lost_connection(product: Product, connect: Connect) -> None:
    with gateway(product.url, LOSE, LOSE) as between:
        run = connect().submit(document({"a": ""}, "streamed"))
        there = connect(url=between.url).run(run.id)
        events = [each["id"] for each in there.stream()]

    assert events == list(range(1, len(events) + 1))
    assert json.dumps(events)


@pytest.mark.parametrize("address", ["nonsense", "ftp://127.0.0.1", "http://[::1"])
def test_what_is_no_address_is_named(address: str) -> None:
    with (
        Workflows(address, "", patience_seconds=0) as workflows,
        pytest.raises(BadAddress) as error,
    ):
        workflows.run("wf_0").status()

    assert "no web address" in str(error.value)


def test_another_server_is_named(product: Product) -> None:
    with (
        Workflows(f"{product.url}/ui", "", patience_seconds=0) as workflows,
        pytest.raises(Exception) as error,  # noqa: PT011 - its type is looked at
    ):
        workflows.session._json(workflows.session.http.get("/sign-in", follow_redirects=True))

    assert isinstance(error.value, NotTheEngine)
