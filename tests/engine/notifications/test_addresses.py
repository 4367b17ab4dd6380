"""No URL of a webhook leads a request into the networks around us."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest

from devstack.processes import free_port
from tests.bvbrc.loopback import Received, Server, _Connection, answering, reply
from workflows.bvbrc.wire import Wire
from workflows.engine.notifications.addresses import (
    Address,
    UnfitAddress,
    check_target,
    is_public,
    parse_target,
)
from workflows.engine.notifications.post import Poster
from workflows.model.webhooks import Message

NOW = datetime.now(UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MESSAGE = Message("msg_1", "wh_1", "a", "webhook.test", NOW, "{}", "/api/v1/webhooks/wh_1")
LOCAL = ("127.0.0.2/32",)

PRIVATE = [
    "https://127.0.0.1/",
    "https://127.1:8443/",
    "https://127.255.255.254/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://localhost/",
    "https://LOCALHOST./",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.64.0.1/",
    "https://192.0.0.8/",
    "https://198.18.0.1/",
    "https://203.0.113.7/",
    "https://224.0.0.1/",
    "https://239.255.255.250/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    "https://[fe80::1]/",
    "https://[fc00::1]/",
    "https://[fd12:3456::1]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a00:1::1]/",
    "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "https://[2001:db8::1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::1]/",
    "https://[100::1]/",
]
UNFIT = [
    "http://198.41.0.4/",
    "ftp://198.41.0.4/",
    "file:///etc/passwd",
    "gopher://198.41.0.4/",
    "//198.41.0.4/",
    "198.41.0.4",
    "",
    "https://",
    "https:///path",
    "https://user@198.41.0.4/",
    "https://user:password@198.41.0.4/",
    "https://198.41.0.4@127.0.0.1/",
    "https://127.0.0.1\\@198.41.0.4/",
    "https://198.41.0.4#@127.0.0.1/",
    "https://198.41.0.4/#fragment",
    "https://198.41.0.4:22/",
    "https://198.41.0.4:80/",
    "https://198.41.0.4:0/",
    "https://198.41.0.4:99999/",
    "https://198.41.0.4:x/",
    "https://198.41.0.4:/\r\nX: y",
    "https://198.41.0.4/ a",
    "https://198.41.0.4/\tx",
    "https://exa\x00mple.org/",
    "https://exämple.org/",
    "https://①②⑦.0.0.1/",
    "https://[fe80::1%25eth0]/",
    "https://[::1",
    "https://[v1.x]/",
    "https://no-such-host.invalid/",
    "https://198.41.0.4/" + "x" * 3_000,
]


@pytest.mark.parametrize("url", PRIVATE + UNFIT)
def test_a_url_that_leads_elsewhere_than_to_a_public_address_is_refused(url: str) -> None:
    with pytest.raises(UnfitAddress):
        check_target(parse_target(url), LOCAL)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://198.41.0.4/hook?x=1", "198.41.0.4"),
        ("https://198.41.0.4:8443/", "198.41.0.4"),
        ("HTTPS://[2001:503:ba3e::2:30]/", "2001:503:ba3e::2:30"),
        ("http://127.0.0.2:81/", "127.0.0.2"),
    ],
)
def test_a_public_address_and_an_allowed_one_may_be_reached(url: str, address: str) -> None:
    assert check_target(parse_target(url), LOCAL) == [address]


@pytest.mark.parametrize("text", ["2002:c629:4::1", "::ffff:198.41.0.4"])
def test_an_address_that_holds_a_public_one_of_version_4_is_judged_by_it(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.fixture
def two_servers() -> Iterator[tuple[list[Received], list[Received], int]]:
    """What came at 127.0.0.2, which is allowed, and at 127.0.0.1, which is not: one port."""
    allowed: list[Received] = []
    forbidden: list[Received] = []
    port = free_port()  # one of the kernel's choice may be that of a client at 127.0.0.1
    with listen("127.0.0.2", port, allowed), listen("127.0.0.1", port, forbidden):
        yield allowed, forbidden, port


class listen:  # noqa: N801 - used as a function
    """A server at an address of this machine."""

    def __init__(self, address: str, port: int, came: list[Received]) -> None:
        def answer(request: Received) -> bytes:
            came.append(request)
            return reply(204, b"")

        self._server = Server((address, port), _Connection)
        self._server.script = answering(answer)

    def __enter__(self) -> Server:
        import threading  # noqa: PLC0415

        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self._server

    def __exit__(self, *_failure: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_a_name_that_leads_elsewhere_a_moment_later_changes_nothing(
    two_servers: tuple[list[Received], list[Received], int],
) -> None:
    allowed, forbidden, port = two_servers
    asked: list[str] = []

    def rebind(host: str, _port: int) -> list[Address]:
        """A name server of an attacker: the first answer is harmless."""
        asked.append(host)
        return [ip_address("127.0.0.2" if len(asked) == 1 else "127.0.0.1")]

    poster = Poster(Wire(), LOCAL, timedelta(seconds=60), rebind)
    url = f"http://rebind.example.org:{port}/hook"

    first = poster.post(MESSAGE, url, [SECRET], NOW)
    second = poster.post(MESSAGE, url, [SECRET], NOW)

    assert first.status == 204
    assert [request.headers["host"] for request in allowed] == [f"rebind.example.org:{port}"]
    assert second.status is None
    assert second.error.startswith("not sent:")
    assert forbidden == []
    assert len(asked) == 2


def test_one_bad_address_among_good_ones_is_enough_to_refuse() -> None:
    target = parse_target("https://two.example.org/")

    with pytest.raises(UnfitAddress, match="not public"):
        check_target(target, (), lambda *_: [ip_address("198.41.0.4"), ip_address("10.0.0.1")])
