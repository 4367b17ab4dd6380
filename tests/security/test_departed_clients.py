"""Clients that leave before they are answered: nothing goes on for them."""

from __future__ import annotations

import json
import re
import socket
from contextlib import ExitStack

from devstack.processes import wait_until
from tests.cwl.planning import workflow
from tests.product import GROUP, Product, document
from tests.security.attacks import another_api, connect, get

pytestmark = GROUP

LOOPS = workflow(
    "".join(
        f"  s{number}:\n    run: bvbrc://Sleep\n    out: []\n"
        "    in: {sleep_time: {valueFrom: '${while (true) {}}'}}\n"
        for number in range(5)
    ),
    needs="InlineJavascriptRequirement StepInputExpressionRequirement",
)
ROUTE = "/api/v1/workflows/submit-cwl"
LEAVER = "leaver@bvbrc"


def send(  # noqa: PLR0917 - a request is all of these
    product: Product, url: str, method: str, path: str, body: bytes = b"", accept: str = "*/*"
) -> socket.socket:
    """The connection of a request whose answer nobody has read yet."""
    connection = connect(url)
    head = {
        "Host": "x",
        "Authorization": product.token(LEAVER),
        "Accept": accept,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {text}" for name, text in head.items())]
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
    return connection


def answers(product: Product) -> dict[str, float]:
    """Status to how many requests for plans were answered with it."""
    text = get(product.url, "/metrics").text
    rows = re.findall(r"^http_requests_total\{(.*)\} (\S+)$", text, re.MULTILINE)
    return {
        re.search(r'status="(\d+)"', labels).group(1): float(count)  # type: ignore[union-attr]
        for labels, count in rows
        if f'route="{ROUTE}"' in labels
    }


def test_planning_ends_when_the_client_leaves(product: Product) -> None:
    """A plan that goes on to its end is refused with 400 for its loops; who left is no failure."""
    body = json.dumps({"workflow": LOOPS}).encode()

    # By one process: another one would count its requests a second later, and a plan takes one.
    with another_api(product, "--workers", "1") as url:
        before = answers(product)
        with ExitStack() as stack:
            for _ in range(2):
                stack.enter_context(send(product, url, "POST", ROUTE, body))
            wait_until(
                lambda: used(product, "concurrent_requests", url) >= 3, "both are being planned"
            )

        wait_until(lambda: sum(answers(product).values()) >= sum(before.values()) + 2, "both end")
    assert answers(product).get("499", 0) == before.get("499", 0) + 2


def test_a_live_stream_ends_when_its_client_leaves(product: Product) -> None:
    product.simulator.app("*", run_seconds=None)
    watched = product.submit(document({"a": ""}), LEAVER)
    path = f"/api/v1/workflows/{watched}/events"

    with send(product, product.url, "GET", path, accept="text/event-stream") as connection:
        assert b" 200 " in connection.recv(4096)
        wait_until(lambda: used(product, "live_streams") == 1, "the stream counts")

    wait_until(lambda: used(product, "live_streams") == 0, "the stream has ended")
    assert product.steps(watched)["a"] != "succeeded"
    product.ask("POST", f"/workflows/{watched}/cancel", LEAVER)


def used(product: Product, limit: str, url: str = "") -> float:
    answer = get(url or product.url, "/api/v1/usage", Authorization=product.token(LEAVER))
    return float(answer.json()["limits"][limit]["used"])
