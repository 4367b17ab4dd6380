"""What an e-mail address is, here. Pure."""

from __future__ import annotations

import re
from typing import Final

_LONGEST: Final = 254
"""Characters, as RFC 5321 has it."""
_ADDRESS: Final = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?",
    re.IGNORECASE,
)
_LONGEST_LOCAL: Final = 64


def is_address(text: str) -> bool:
    """Whether it is ``local@host.domain`` in ASCII, without quotes, blanks or line ends."""
    local = text.partition("@")[0]
    within = len(text) <= _LONGEST and len(local) <= _LONGEST_LOCAL
    return within and _ADDRESS.fullmatch(text) is not None


def normalise(text: str) -> str:
    """The host in lower case, as all programs read it; the rest belongs to its mail server."""
    local, _, host = text.strip().rpartition("@")
    return f"{local}@{host.lower()}"


def mailbox(address: str) -> str:
    """What addresses have in common that lead to one mailbox nearly everywhere: to count the
    letters to it."""
    local, _, host = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{host}"
