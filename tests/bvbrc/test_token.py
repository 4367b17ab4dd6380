"""A token is believed only if it can be read in one way, is alive, and is signed by a known key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from hypothesis import given
from hypothesis import strategies as st

from tests.bvbrc import tokens
from workflows.bvbrc import token
from workflows.model.errors import BadToken, TokenExpired, Unavailable

NOW = datetime(2026, 11, 23, tzinfo=UTC)
END = datetime(2030, 1, 1, tzinfo=UTC)
GENUINE = tokens.sign(tokens.claims())
SIGNATURE = GENUINE.rpartition("|sig=")[2]


def key_of(_signer: str) -> RSAPublicKey:
    return tokens.private_key(0).public_key()


def no_key(_signer: str) -> RSAPublicKey:
    raise Unavailable("away")


def verify(text: str, now: datetime = NOW, keys: token.Keys = key_of) -> token.Identity:
    return token.verify(text, keys=keys, trusted=[tokens.SIGNER], now=now)


def test_a_genuine_token_says_whose_it_is_and_until_when() -> None:
    assert verify(GENUINE) == token.Identity("alice@bvbrc", END)


def test_a_token_made_by_the_services_own_tools_verifies() -> None:
    text, key = tokens.example()
    assert verify(text, keys=lambda _: key).user == "alice@patricbrc.org"
    with pytest.raises(BadToken):
        verify(text.replace("alice", "malory"), keys=lambda _: key)


@pytest.mark.parametrize(
    "header",
    ["{}", " {} ", "Bearer {}", "bearer  {}\n", "OAuth {}", "Oauth {}\t", " OAUTH {}"],
)
def test_a_prefix_and_blanks_around_a_token_are_tolerated(header: str) -> None:
    assert token.strip(header.format(GENUINE)) == GENUINE


@pytest.mark.parametrize(
    "signed",
    [
        tokens.claims().replace("un=", "uid="),
        tokens.claims() + "|un=bob@bvbrc",
        tokens.claims() + "|note=x un=bob@bvbrc",
        "note=un=bob@bvbrc|" + tokens.claims(),
        tokens.claims() + "|expiry=9999999999",
        tokens.claims() + f"|SigningSubject={tokens.SIGNER}",
        tokens.claims() + "|sig=00",
        tokens.claims(user=""),
        tokens.claims(user="alice/home@bvbrc"),
        tokens.claims(user="alice bob"),
        tokens.claims(user="alice\n@bvbrc"),
        tokens.claims(user="älice@bvbrc"),
        tokens.claims().replace("expiry=1893456000", "expiry=soon"),
        tokens.claims().replace("expiry=1893456000", "expiry=-5"),
        tokens.claims().replace("expiry=1893456000|", ""),
        tokens.claims() + "|note=" + "x" * 8192,
        tokens.claims() + "|note=\x00",
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_though_genuinely_signed(signed: str) -> None:
    with pytest.raises(BadToken) as refusal:
        verify(tokens.sign(signed))
    assert not isinstance(refusal.value, TokenExpired)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        tokens.claims(),
        tokens.claims() + "|sig=",
        tokens.claims() + "|sig=xyz",
        tokens.claims() + "|sig=abc",
        tokens.claims() + "|sig=00",
        tokens.claims() + "|sig=" + "ff" * 256,
        tokens.claims() + "|sig=" + "ff" * 300,
        GENUINE[:-2],
        GENUINE + "00",
        GENUINE.replace("alice", "malory"),
        GENUINE.replace("expiry=1893456000", "expiry=1893456001"),
        "Bearer " + GENUINE,
        tokens.sign(tokens.claims(), number=1),
    ],
)
def test_a_forged_or_damaged_token_is_refused(text: str) -> None:
    with pytest.raises(BadToken):
        verify(text)


def test_expiry_is_checked_before_the_signer_and_the_signer_before_its_key() -> None:
    expired = tokens.sign(tokens.claims(expiry=1, signer="https://evil.example/key"))
    with pytest.raises(TokenExpired):
        verify(expired, keys=no_key)
    with pytest.raises(BadToken, match="unknown signer"):
        verify(tokens.sign(tokens.claims(signer="https://evil.example/key")), keys=no_key)
    with pytest.raises(Unavailable):
        verify(GENUINE, keys=no_key)


@pytest.mark.parametrize(("ahead", "alive"), [(1, True), (0, False), (-1, False)])
def test_a_token_ends_at_its_expiry_and_not_a_second_later(ahead: int, alive: bool) -> None:
    if alive:
        assert verify(GENUINE, now=END - timedelta(seconds=ahead))
    else:
        with pytest.raises(TokenExpired):
            verify(GENUINE, now=END - timedelta(seconds=ahead))


def test_an_expiry_past_the_calendar_is_the_end_of_the_calendar() -> None:
    assert verify(tokens.sign(tokens.claims(expiry=999_999_999_999))).expires_at.year == 9999


def test_a_verifier_that_knows_a_token_still_checks_its_time_and_its_key() -> None:
    keys = [tokens.private_key(0).public_key()]
    verifier = token.Verifier(keys=lambda _: keys[0], trusted=[tokens.SIGNER])
    assert verifier(GENUINE, NOW) == verifier(GENUINE, NOW) == token.Identity("alice@bvbrc", END)
    with pytest.raises(TokenExpired):
        verifier(GENUINE, END)
    keys[0] = tokens.private_key(1).public_key()
    with pytest.raises(BadToken):
        verifier(GENUINE, NOW)


def test_a_verifier_remembers_a_bounded_number_of_tokens() -> None:
    key = tokens.private_key(1).public_key()
    verifier = token.Verifier(keys=lambda _: key, trusted=[tokens.SIGNER])
    for number in range(token.REMEMBERED + 10):
        verifier(tokens.sign(tokens.claims(user=f"u{number}"), number=1), NOW)
    assert len(verifier._proven) == token.REMEMBERED


@pytest.mark.parametrize("text", [GENUINE.replace("alice", "\udc80"), "\udc80"])
def test_a_verifier_refuses_what_is_no_text(text: str) -> None:
    verifier = token.Verifier(keys=key_of, trusted=[tokens.SIGNER])
    with pytest.raises(BadToken):
        verifier(text, NOW)


def test_no_value_or_error_shows_the_secret() -> None:
    shown = repr(token.parse(GENUINE)) + repr(verify(GENUINE))
    with pytest.raises(BadToken) as refusal:
        verify(GENUINE + "00")
    shown += str(refusal.value)
    assert tokens.SECRET not in shown
    assert SIGNATURE[:16] not in shown


FIELD = st.sampled_from(
    ["un=a@b", "un=", "expiry=1893456000", "expiry=x", "sig=00", f"SigningSubject={tokens.SIGNER}"]
)


@given(st.one_of(st.text(), st.lists(st.one_of(FIELD, st.text(max_size=8))).map("|".join)))
def test_any_text_is_read_or_refused_and_never_believed(text: str) -> None:
    with pytest.raises(BadToken):
        verify(token.strip(text))


@given(st.data())
def test_changing_any_one_character_of_a_token_loses_it(data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(GENUINE) - 1))
    other = data.draw(st.characters(max_codepoint=0x7F).filter(lambda c: c != GENUINE[place]))
    changed = GENUINE[:place] + other + GENUINE[place + 1 :]
    if changed.lower() == GENUINE.lower() and place > GENUINE.rindex("="):
        return  # a hex digit in the other case is the same signature
    with pytest.raises(BadToken):
        verify(changed)
