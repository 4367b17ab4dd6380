"""Which texts are e-mail addresses, and which addresses are one mailbox."""

from __future__ import annotations

import pytest

from workflows.rules.mail.addresses import is_address, mailbox, normalise

HOST = "b" * 60
DOMAIN = f"{HOST}.{HOST}.{HOST}.org"
LONGEST = f"{'a' * 64}@cc.{DOMAIN}"
"""Of 254 characters, 64 of them before the @."""


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("a.b+c@bv-brc.org", True),
        (LONGEST, True),
        (LONGEST.replace("@c", "@cc"), False),
        (f"{'a' * 64}@b.org", True),
        (f"{'a' * 65}@b.org", False),
        ("a@localhost", False),
        ("a b@b.org", False),
        ("a@b.org\n", False),
        ("@b.org", False),
        ("a@@b.org", False),
        ("", False),
    ],
)
def test_an_address_is_ascii_with_a_domain_and_not_too_long(text: str, *, fits: bool) -> None:
    assert is_address(text) is fits


def test_addresses_of_one_mailbox_are_told() -> None:
    assert normalise(" Ann+x@BV-BRC.org ") == "Ann+x@bv-brc.org"
    assert mailbox("Ann+x@BV-BRC.org") == mailbox("ann@bv-brc.org") == "ann@bv-brc.org"
