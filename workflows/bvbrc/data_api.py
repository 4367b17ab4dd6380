"""BV-BRC's database of genomes and features, as far as waiting for an annotated genome needs it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from workflows.bvbrc.rpc import local_time, require_alive
from workflows.bvbrc.wire import Request, Wire
from workflows.model.errors import InDoubt, Rejected, ServiceAway, Unauthorized

GENOME_ID: Final = re.compile(r"[0-9]+\.[0-9]+")
MOST: Final = 25_000
"""Records in one answer."""


class DataApi:
    """The data API. Threads may share it; a private genome is seen with its owner's token."""

    def __init__(
        self, wire: Wire, url: str, *, timeout: timedelta, now: Callable[[], datetime] = local_time
    ) -> None:
        """``now``: the time by which a token has expired."""
        self._now = now
        self._wire = wire
        self._url = url
        self._timeout = timeout

    def families(self, token: str, genome_id: str, enough: int = 1) -> int:
        """How many features of the genome are in a PGFam, counted up to ``enough``; 0 while it is
        not indexed. Raises ``Rejected`` for what is no genome id.
        """
        if not GENOME_ID.fullmatch(genome_id):
            raise Rejected(f"{genome_id!r} is not a genome id")
        require_alive(token, self._now())
        query = (
            f"eq(genome_id,{genome_id})&eq(feature_type,CDS)&eq(pgfam_id,*)"
            f"&select(pgfam_id)&limit({max(1, min(enough, MOST))})"
        )
        headers = {"Authorization": token, "Accept": "application/json"}
        url = f"{self._url}/genome_feature/?{query}"
        try:
            answer = self._wire.exchange(Request("GET", url, headers, self._timeout))
        except InDoubt as lost:
            raise ServiceAway(str(lost)) from lost
        if answer.status == HTTPStatus.UNAUTHORIZED:
            raise Unauthorized("the data API refused the token")
        try:
            found = answer.json() if answer.status == HTTPStatus.OK else None
        except ValueError:
            found = None
        if not isinstance(found, list):
            raise ServiceAway(f"the data API answered HTTP {answer.status} and no records")
        return sum(isinstance(each, dict) and bool(each.get("pgfam_id")) for each in found)
