"""Writes a letter as the bytes that a mail server takes (RFC 5322), in ASCII. Pure.

Everything in it follows from the event, so that each attempt sends the same bytes under the same
Message-ID. The library refuses line ends in headers; names are put on one line before that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from typing import Final

MOST_SUBJECT: Final = 150
"""Characters of a workflow's name in a subject."""


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What all letters have in common."""

    sender: str
    """``Name <address>``, or an address alone."""
    public_url: str
    """What links begin with."""

    @property
    def address(self) -> str:
        """Of the sender."""
        return parseaddr(self.sender)[1]

    @property
    def domain(self) -> str:
        """Of the sender."""
        return self.address.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter before it is written."""

    id: str
    """Of its message: the same however often it is made."""
    to: str
    subject: str
    text: str = field(repr=False)
    at: datetime
    unsubscribe: str = field(default="", repr=False)
    """The address of the page that ends such letters; empty: the reader gets no others."""


def write_letter(letter: Letter, head: Letterhead) -> str:
    """The whole letter, lines ended by CR and LF."""
    made = EmailMessage(policy=SMTP)
    made["From"] = Address(one_line(parseaddr(head.sender)[0]), addr_spec=head.address)
    made["To"] = Address(addr_spec=letter.to)
    made["Subject"] = one_line(letter.subject)
    made["Date"] = letter.at.astimezone(UTC).replace(microsecond=0)
    made["Message-ID"] = f"<{letter.id}@{head.domain}>"
    made["Auto-Submitted"] = "auto-generated"
    if letter.unsubscribe:
        made["List-Unsubscribe"] = f"<{letter.unsubscribe}>"
        if letter.unsubscribe.startswith("https://"):  # RFC 8058: a mail program's own button
            made["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    made.set_content(letter.text, cte="quoted-printable")
    return made.as_bytes().decode("ascii")


def one_line(text: str) -> str:
    """Without line ends and other characters that print nothing."""
    line = " ".join(text.split())
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in line)


def shorten(text: str, most: int = MOST_SUBJECT) -> str:
    """On one line, of at most so many characters."""
    line = one_line(text)
    return line if len(line) <= most else f"{line[: most - 1]}…"
