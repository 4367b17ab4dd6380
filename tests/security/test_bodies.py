"""Bodies that cost more to read than to send."""

from __future__ import annotations

from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import HTTPRedirectHandler, Request, build_opener

import psutil
import pytest
import requests

from tests.product import ALICE, GROUP, Product, product, running_product
from tests.security.attacks import answer_to, connect

__all__ = ["product", "running_product"]
pytestmark = GROUP
MIB = 1024 * 1024
FORM = "application/x-www-form-urlencoded"
MOST_GROWTH_BYTES = 200 * MIB


def peak_bytes(product: Product) -> int:
    """The most memory that any process of the API has had at one time."""
    master = psutil.Process(product.stack.apis[0].pid)
    found = []
    for each in master.children(recursive=True):
        status = Path(f"/proc/{each.pid}/status").read_text()
        found.append(int(status.split("VmHWM:")[1].split()[0]) * 1024)
    return max(found)


def post(product: Product, path: str, body: bytes, kind: str, **headers: str) -> requests.Response:
    return requests.post(
        f"{product.url}{path}", data=body, headers={"Content-Type": kind, **headers}, timeout=120
    )


def test_a_form_of_16_mb_is_refused_before_it_is_parsed(product: Product) -> None:
    before = peak_bytes(product)

    for _ in range(3):
        answer = post(product, "/ui/sign-in", b"a=b&" * (4 * MIB), FORM)
        assert answer.status_code == 413

    assert peak_bytes(product) - before < 50 * MIB


HOSTILE = {
    "lists": b"[" + b"[]," * 5_000_000 + b"[]]",
    "objects": b"[" + b"{}," * 5_000_000 + b"{}]",
    "keys": b"{" + b",".join(b'"%x":0' % number for number in range(1_300_000)) + b"}",
    "as many keys as are read": b"{"
    + b",".join(b'"%x":0' % number for number in range(499_000))
    + b"}",
    "numbers": b"[" + b"1e9," * 3_900_000 + b"1]",
    "deep": b"[" * 8_000_000 + b"]" * 8_000_000,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_document_does_not_fill_the_memory(product: Product, kind: str) -> None:
    before = peak_bytes(product)
    token = product.token(ALICE)

    path = "/api/v1/workflows/validate"
    answer = post(product, path, HOSTILE[kind], "application/json", Authorization=token)

    assert answer.status_code in (400, 413)
    assert peak_bytes(product) - before < MOST_GROWTH_BYTES


@pytest.mark.parametrize(
    "chunk", [b"3;\x01\r\nabc\r\n0\r\n\r\n", b"zz\r\nabc\r\n0\r\n\r\n", b"3\r\nabcd\r\n0\r\n\r\n"]
)
def test_a_bad_chunk_is_the_clients_fault(product: Product, chunk: bytes) -> None:
    head = (
        b"POST /api/v1/workflows/submit HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with connect(product.url) as connection:
        connection.sendall(head + chunk)

        answer = answer_to(connection)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"detail"' in answer


class Stay(HTTPRedirectHandler):
    """Follows no redirect."""

    def redirect_request(self, *_: object) -> None:
        return None


@pytest.mark.parametrize(
    "place", ["%2Fui%2F%0D%0ASet-Cookie%3A+a%3Db", "%2Fui%2F%00", "%2Fui%2F%0A"]
)
def test_a_place_with_a_line_break_leads_nowhere_else(product: Product, place: str) -> None:
    token = quote(product.token(ALICE), safe="")
    url = f"{product.url}/ui/sign-in"
    body = f"token={token}&next={place}"

    # Not with requests: the harness looks at each answer's headers, and a session is sealed there.
    sent = Request(url, body.encode(), {"Content-Type": FORM}, method="POST")  # noqa: S310
    with pytest.raises(HTTPError) as redirected:
        build_opener(Stay).open(sent, timeout=20)

    with redirected.value as answer:
        assert answer.code == 303
        assert answer.headers["Location"] == "/ui/"
