"""Keys come from the pinned signers alone, and outlast a signer that is away."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.bvbrc import tokens
from tests.bvbrc.loopback import Received, answering, reply, serving
from workflows.bvbrc.signers import SignerKeys
from workflows.bvbrc.wire import Wire
from workflows.model.errors import BadToken, Unavailable

KEY = tokens.private_key(0).public_key()
NEVER = timedelta(hours=1)
AT_ONCE = timedelta(0)


class Signer:
    """What the signer at the other end answers, and how often it was asked."""

    def __init__(self, answer: Callable[[], bytes] | None = None) -> None:
        self.asked: list[Received] = []
        self.answer = answer or (lambda: reply(200, tokens.signer_answer(KEY)))

    def __call__(self, request: Received) -> bytes:
        self.asked.append(request)
        return self.answer()


def test_a_key_is_fetched_once_and_kept() -> None:
    signer = Signer()
    with serving(answering(signer)) as server:
        keys = SignerKeys(Wire("tests"), [server.url])
        assert keys(server.url) is keys(server.url)
    assert keys(server.url) == KEY
    assert len(signer.asked) == 1
    assert signer.asked[0].headers["user-agent"] == "tests"
    assert "authorization" not in signer.asked[0].headers


def test_a_signer_that_is_not_on_the_list_is_never_asked() -> None:
    signer = Signer()
    with serving(answering(signer)) as server, pytest.raises(BadToken):
        SignerKeys(Wire("tests"), ["https://elsewhere.example"])(server.url)
    assert not signer.asked


def test_a_redirect_is_not_followed() -> None:
    other = Signer()
    with serving(answering(other)) as target:
        signer = Signer(lambda: reply(302, "", {"Location": target.url}))
        with serving(answering(signer)) as server, pytest.raises(Unavailable):
            SignerKeys(Wire("tests"), [server.url])(server.url)
    assert len(signer.asked) == 1
    assert not other.asked


@pytest.mark.parametrize(
    "answer",
    [
        reply(500, "{}"),
        reply(500, tokens.signer_answer(KEY)),
        reply(200, "<html>"),
        reply(200, "[]"),
        reply(200, "[" * 50_000),
        reply(200, '{"pubkey": 5}'),
        reply(200, '{"pubkey": "-----BEGIN PUBLIC KEY-----"}'),
        reply(200, " " * 70_000 + tokens.signer_answer(KEY)),
        b"nonsense\r\n\r\n",
    ],
)
def test_a_signer_without_a_usable_answer_is_left_alone_for_a_while(answer: bytes) -> None:
    signer = Signer(lambda: answer)
    with serving(answering(signer)) as server:
        keys = SignerKeys(Wire("tests"), [server.url], pause=NEVER)
        for _ in range(3):
            with pytest.raises(Unavailable):
                keys(server.url)
    assert len(signer.asked) == 1


def test_an_unreachable_signer_is_asked_again_after_the_pause() -> None:
    signer = Signer(lambda: reply(503, ""))
    with serving(answering(signer)) as server:
        keys = SignerKeys(Wire("tests"), [server.url], pause=AT_ONCE)
        with pytest.raises(Unavailable):
            keys(server.url)
        signer.answer = lambda: reply(200, tokens.signer_answer(KEY))
        assert keys(server.url) == KEY


def test_an_old_key_is_good_while_its_signer_is_away() -> None:
    signer = Signer()
    with serving(answering(signer)) as server:
        keys = SignerKeys(Wire("tests"), [server.url], lifetime=AT_ONCE, pause=NEVER)
        first = keys(server.url)
        signer.answer = lambda: reply(503, "")
        assert keys(server.url) is keys(server.url) is first
    assert len(signer.asked) == 2


def test_nobody_with_an_old_key_waits_for_who_asks_for_a_new_one() -> None:
    signer, asked, release = Signer(), threading.Event(), threading.Event()

    def slow() -> bytes:
        asked.set()
        release.wait(120)
        return reply(200, tokens.signer_answer(KEY))

    with serving(answering(signer)) as server:
        keys = SignerKeys(Wire("tests"), [server.url], lifetime=AT_ONCE)
        keys(server.url)
        signer.answer = slow
        first = threading.Thread(target=keys, args=(server.url,))
        second = threading.Thread(target=keys, args=(server.url,))
        first.start()
        assert asked.wait(60)
        second.start()
        second.join(60)
        waited = second.is_alive()
        release.set()
        first.join(60)
        second.join(60)
    assert not waited


def test_a_new_key_replaces_the_old_and_the_same_stays_the_same_object() -> None:
    signer, other = Signer(), tokens.private_key(1).public_key()
    with serving(answering(signer)) as server:
        keys = SignerKeys(Wire("tests"), [server.url], lifetime=AT_ONCE)
        assert keys(server.url) is keys(server.url)
        signer.answer = lambda: reply(200, tokens.signer_answer(other))
        assert keys(server.url) == other
    assert len(signer.asked) == 3


def test_many_threads_ask_once() -> None:
    signer, start = Signer(), threading.Barrier(8)
    with serving(answering(signer)) as server:
        keys = SignerKeys(Wire("tests"), [server.url])

        def ask() -> None:
            start.wait(60)
            assert keys(server.url) == KEY

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert len(signer.asked) == 1
