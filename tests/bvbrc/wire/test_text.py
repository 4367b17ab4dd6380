"""No piece of a token that could help anybody is left in a text that is shown."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bvbrc import captures, tokens
from workflows.bvbrc.safe_text import LONGEST, message
from workflows.model.redaction import MASK, redact

TOKEN = tokens.sign(tokens.claims())
SIGNATURE = TOKEN.rpartition("|sig=")[2]
WINDOW = 8
SECRETS = {
    secret[place : place + WINDOW]
    for secret in (tokens.SECRET, SIGNATURE)
    for place in range(len(secret) - WINDOW + 1)
}


def leaks(text: str) -> bool:
    return any(secret in text for secret in SECRETS)


def test_the_trace_is_cut_and_the_reason_kept() -> None:
    text = "Required parameter Contigs (contigs) missing\n at /opt/x/Util.pm line 160.\n\tA::b(1)"
    assert message(text) == "Required parameter Contigs (contigs) missing"


@pytest.mark.parametrize(
    "text",
    [
        "Invalid enum value 'x' passed for recipe: valid values are auto spades",
        "File /alice@bvbrc/home/reads/s1.fastq does not exist",
        "run=5 sung=x -un sig=0.05 --signature=2 expiry=soon",
        "81C8463E-431E-11F1-9482-164E4F0E7298",
        "md5 9e107d9d372bb6826bd81d3542a419d6",
        "oauth is needed, basic authentication too",
        "",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert redact(text) == message(text) == text


@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "P3_AUTH_TOKEN={}",
        '"{}"',
        "'{}'",
        "<{}>",
        "at x({}, HASH(0x55)) called",
        "Authorization: OAuth {}",
        "https://x.example/?token={}&x=1",
        "xx{}",
        "run{}",
    ],
)
@pytest.mark.parametrize("token", [TOKEN, TOKEN.replace("|", "%7C").replace("=", "%3D")])
def test_a_whole_token_is_masked_wherever_it_stands(form: str, token: str) -> None:
    shown = redact(form.format(token))
    assert not leaks(shown)
    assert MASK in shown


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "OAuth", "Basic"])
def test_any_credential_after_its_scheme_is_masked(scheme: str) -> None:
    assert redact(f"{scheme} {'x' * 20}!") == f"{scheme} {MASK}"


def test_a_signature_that_lost_its_name_is_masked() -> None:
    assert not leaks(redact(f"sig: {SIGNATURE}, {SIGNATURE[:64]}"))


@given(
    before=st.text(max_size=20),
    length=st.integers(0, len(TOKEN)),
    after=st.text(max_size=20),
)
def test_no_secret_survives_however_much_of_a_token_stands_in_whatever_text(
    before: str, length: int, after: str
) -> None:
    assert not leaks(redact(f"{before}{TOKEN[:length]}{after}"))
    assert not leaks(message(f"{before}{TOKEN[:length]}{after}"))


@given(place=st.integers(70, len(TOKEN) - 80))
def test_a_token_that_lost_its_beginning_is_masked(place: int) -> None:
    assert not leaks(redact(f"… {TOKEN[place:]}"))


@given(st.text())
def test_a_message_can_be_stored_and_says_the_same_when_read_again(text: str) -> None:
    shown = message(text)
    assert len(shown) <= LONGEST
    assert shown.encode("utf-8").decode() == shown
    assert message(shown) == shown


def test_a_long_message_is_bounded_and_not_slow() -> None:
    assert len(message("un=" * 10**6)) <= LONGEST
    assert len(message(" at x" * 10**6)) <= LONGEST
    assert redact("a|" * 10**6)
    assert redact("bearer " * 10**6)


def test_no_message_of_the_genuine_service_shows_a_token_or_a_trace() -> None:
    looked_at = 0
    for name, capture in captures.every().items():
        body = (capture["response"] or {}).get("body") or ""
        if '"error":{' in body:
            shown = message(json.loads(body)["error"]["message"])
            assert shown, name
            assert "tokenid" not in shown, name
            assert "un=" not in shown, name
            assert " called at " not in shown, name
            looked_at += 1
    assert looked_at > 80
