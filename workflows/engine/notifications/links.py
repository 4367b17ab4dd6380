"""Signed words in links that expire: only the reader of a letter has the word in its link."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from itsdangerous import BadData, URLSafeTimedSerializer

from workflows.store.webhooks.addresses import Asked

LASTS: Final = timedelta(days=1)
"""How long a link confirms an address."""


class Links:
    """``keys``: those that seal tokens; the first signs, each verifies."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._serializer = URLSafeTimedSerializer(
            list(reversed(keys)),  # the library signs with the last one
            salt="confirm an e-mail address",
            signer_kwargs={"digest_method": hashlib.sha256},
        )

    def sign(self, asked: Asked) -> str:
        return str(self._serializer.dumps([asked.id, asked.nonce]))

    def read(self, word: str) -> Asked | None:
        """None where we did not sign it, or longer ago than ``LASTS``."""
        try:
            address_id, nonce = self._serializer.loads(word, max_age=int(LASTS.total_seconds()))
        except (BadData, ValueError, TypeError):
            return None
        return Asked(str(address_id), str(nonce))
