"""Bodies that cost more to read than to send."""

from __future__ import annotations

import json
import re
import resource
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import HTTPRedirectHandler, Request, build_opener

import psutil
import pytest
import requests

from devstack.processes import wait_until
from tests.product import ALICE, GROUP, Product, document
from tests.security.attacks import another_api, answer_to, connect, get

pytestmark = GROUP
MIB = 1024 * 1024
FORM = "application/x-www-form-urlencoded"
MOST_GROWTH_BYTES = 200 * MIB


def peak_bytes(product: Product, *, since_now: bool = False) -> int:
    """The most memory that any process of the API has had at one time, or has now and counts
    from."""
    master = psutil.Process(product.stack.apis[0].pid)
    found = []
    for each in master.children(recursive=True):
        if since_now:
            with suppress(OSError):
                Path(f"/proc/{each.pid}/clear_refs").write_text("5")
        with suppress(OSError):  # a planner or a sandbox may have ended since
            status = Path(f"/proc/{each.pid}/status").read_text()
            peaks = re.findall(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE)
            found += [int(peak) * 1024 for peak in peaks]
    return max(found)


def post(product: Product, path: str, body: bytes, kind: str, **headers: str) -> requests.Response:
    return requests.post(
        f"{product.url}{path}", data=body, headers={"Content-Type": kind, **headers}, timeout=120
    )


def test_a_form_of_16_mb_is_refused_before_it_is_parsed(product: Product) -> None:
    before = peak_bytes(product, since_now=True)

    for _ in range(3):
        answer = post(product, "/ui/sign-in", b"a=b&" * (4 * MIB), FORM)
        assert answer.status_code == 413

    assert peak_bytes(product) - before < 50 * MIB


def with_keys(count: int) -> bytes:
    return b"{" + b",".join(b'"%x":0' % number for number in range(count)) + b"}"


HOSTILE: dict[str, Callable[[], bytes]] = {
    "lists": lambda: b"[" + b"[]," * 5_000_000 + b"[]]",
    "objects": lambda: b"[" + b"{}," * 5_000_000 + b"{}]",
    "keys": lambda: with_keys(1_300_000),
    "as many keys as are read": lambda: with_keys(499_000),
    "numbers": lambda: b"[" + b"1e9," * 3_900_000 + b"1]",
    "deep": lambda: b"[" * 8_000_000 + b"]" * 8_000_000,
}
"""Each is made where it is sent: every process of the tests loads this file."""


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_document_does_not_fill_the_memory(product: Product, kind: str) -> None:
    before = peak_bytes(product, since_now=True)
    token = product.token(ALICE)

    path = "/api/v1/workflows/validate"
    answer = post(product, path, HOSTILE[kind](), "application/json", Authorization=token)

    assert answer.status_code in (400, 413)
    assert peak_bytes(product) - before < MOST_GROWTH_BYTES


BOUNDS = {
    "WORKFLOW_API__MAX_WAITING_BYTES": str(64 * MIB),
    "WORKFLOW_API__MAX_WAITING_BYTES_PER_ADDRESS": str(32 * MIB),
}
REFUSED = r'http_refusals_total\{kind="waiting"\} (\S+)'


def head(size: int) -> bytes:
    route = b"POST /api/v1/workflows/validate HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    return route + b"Content-Length: %d\r\n\r\n" % size


def answer_from(url: str, address: str, size: int) -> bytes:
    """The answer to a whole body; without a token 401 says that it was read."""
    with connect(url, address) as connection:
        connection.sendall(head(size) + b" " * size)
        return answer_to(connection)


def test_bodies_that_are_never_whole_fill_no_disk_and_keep_nobody_waiting(
    product: Product,
) -> None:
    most, part = 14 * MIB, 12 * MIB
    with another_api(product, "--workers", "1", **BOUNDS) as url, ExitStack() as stack:
        for address in ("127.0.0.3", "127.0.0.3", "127.0.0.4", "127.0.0.4"):
            connection = stack.enter_context(connect(url, address))
            connection.sendall(head(most) + b" " * part)

        of_address = answer_from(url, "127.0.0.3", most)
        elsewhere = answer_from(url, "127.0.0.5", most)
        stack.enter_context(connect(url, "127.0.0.6")).sendall(head(most) + b" " * part)
        in_all = answer_from(url, "127.0.0.5", most)
        small = answer_from(url, "127.0.0.3", 1000)

        assert (code_of(of_address), code_of(elsewhere), code_of(in_all)) == (429, 401, 503)
        assert code_of(small) == 401
        assert b"\r\nRetry-After: 5\r\n" in of_address
        assert b"\r\nRetry-After: 5\r\n" in in_all
        counted = re.search(REFUSED, get(url, "/metrics").text)
        assert counted is not None
        assert float(counted.group(1)) >= 2

        stack.close()
        wait_until(lambda: code_of(answer_from(url, "127.0.0.3", most)) == 401, "room again")


def test_large_answers_that_nobody_reads_fill_no_disk(product: Product) -> None:
    large = document({"a": ""})
    large["base_context"]["text"] = "x" * 10 * MIB
    workflow = product.ask("POST", "/workflows/plan", json=large)["workflow_id"]
    asked = b"GET /api/v1/workflows/%s HTTP/1.1\r\nHost: x\r\n\r\n" % workflow.encode()
    with another_api(product, "--workers", "1", **BOUNDS) as url, ExitStack() as stack:

        def begin(address: str) -> bytes:
            """Asks, and reads no more than the beginning of the answer."""
            connection = stack.enter_context(connect(url, address))
            connection.sendall(asked)
            return connection.recv(20)

        assert [code_of(begin("127.0.0.3")) for _ in range(4)] == [200, 200, 200, 429]
        assert [code_of(begin("127.0.0.4")) for _ in range(3)] == [200, 200, 200]
        assert code_of(begin("127.0.0.5")) == 503

        stack.close()
        wait_until(lambda: code_of(begin("127.0.0.3")) == 200, "room again")
    product.ask("DELETE", f"/workflows/{workflow}")


def test_a_disk_that_takes_no_more_refuses_what_is_large_and_nothing_else(
    product: Product,
) -> None:
    """A limit on the size of files takes the place of a full disk: the same error of the system."""
    large = document({"a": ""})
    large["base_context"]["text"] = "x" * 10 * MIB
    workflow = product.ask("POST", "/workflows/plan", json=large)["workflow_id"]
    path = f"/api/v1/workflows/{workflow}"
    asked = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {product.token(ALICE)}\r\n"
    with another_api(product, "--workers", "1") as url:
        log = product.stack.apis[-1].log
        assert log is not None
        before = log.stat().st_size  # an API of another test had the same name
        with files_of_at_most(4 * MIB, product.stack.apis[-1].pid):
            body = answer_from(url, "127.0.0.3", 14 * MIB)
            with connect(url) as connection:
                connection.sendall(f"{asked}Connection: close\r\n\r\n".encode())
                answer = answer_to(connection)
            small = answer_from(url, "127.0.0.3", 1000)
        room_again = answer_from(url, "127.0.0.3", 14 * MIB)

    assert [code_of(each) for each in (body, answer, small, room_again)] == [503, 503, 401, 401]
    for refusal in (body, answer):
        assert b"disk of the API's temporary files takes no more" in refusal
        assert b"\r\nRetry-After: 5\r\n" in refusal
    logged = log.read_bytes()[before:].decode()
    lines = [json.loads(line) for line in logged.splitlines() if line.startswith("{")]
    errors = [line["event"] for line in lines if line["level"] == "error"]
    assert len(errors) == 2
    assert all("temporary files cannot be written" in error for error in errors)
    product.ask("DELETE", f"/workflows/{workflow}")


@contextmanager
def files_of_at_most(size: int, master: int) -> Iterator[None]:
    """No process of this API writes a larger file."""
    pids = [child.pid for child in psutil.Process(master).children(recursive=True)]
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    yield
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)


def code_of(answer: bytes) -> int:
    return int(answer.split()[1])


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
        build_opener(Stay).open(sent, timeout=60)

    with redirected.value as answer:
        assert answer.code == 303
        assert answer.headers["Location"] == "/ui/"
