"""Reads the content of Workspace objects part by part, however large they are.

``Workspace.read`` holds an object in memory; this does not. The token goes only to the Workspace's
own host, and to no place that an answer redirects to.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import requests

from workflows.bvbrc.wire import CHUNK_BYTES, CONNECT_SECONDS, FAULTS, USER_AGENT
from workflows.bvbrc.workspace import Item, Workspace
from workflows.model.errors import Conflict, NotFound, Rejected, ServiceAway

SILENCE_SECONDS: Final = 30.0
"""How long Shock may send nothing."""


@dataclass(frozen=True, slots=True)
class Download:
    """The content of one object. ``parts`` must be read to their end, or closed."""

    item: Item
    parts: Generator[bytes]

    def close(self) -> None:
        """The rest is not read."""
        self.parts.close()


class Downloads:
    """Threads may share it; every call takes the token of the user it is for."""

    def __init__(self, workspace: Workspace, url: str, *, limit_bytes: int, longest: timedelta):
        """``url``: the Workspace's. No object larger than ``limit_bytes`` is read, and none for
        longer than ``longest``.
        """
        self._workspace = workspace
        self._host = urlsplit(url)[:2]
        self._limit_bytes = limit_bytes
        self._longest = longest

    def open(self, token: str, path: str) -> Download:
        """Raises ``NotFound``, ``Conflict`` for what cannot be downloaded, ``ServiceAway``."""
        item = self._look(token, path)
        if item.is_folder:
            raise Conflict("It is a folder: its files can be downloaded one by one.")
        if item.size_bytes > self._limit_bytes:
            raise Conflict(
                f"It has {item.size_bytes} bytes, more than can be downloaded here"
                f" ({self._limit_bytes}): take it from BV-BRC's Workspace page."
            )
        if item.shock_url:
            return Download(item, self._fetch(token, item.shock_url))
        content = self._workspace.read(token, path).encode()
        return Download(item, (part for part in (content,)))

    def _look(self, token: str, path: str) -> Item:
        try:
            return self._workspace.item(token, path)
        except NotFound as absent:
            raise NotFound(f"There is no {path} in the Workspace any more.") from absent
        except Rejected as refusal:
            raise Conflict(f"The Workspace refuses it: {refusal}") from refusal

    def _fetch(self, token: str, url: str) -> Generator[bytes]:
        """The answer has begun when this returns, so that a failure before it is an error."""
        if urlsplit(url)[:2] != self._host:
            raise Conflict("Its content is kept on another host.")
        headers = {"Authorization": f"OAuth {token}", "User-Agent": USER_AGENT}
        session = requests.Session()
        session.trust_env = False  # no token of ~/.netrc in place of the user's
        try:
            answer = session.get(
                f"{url}?download",
                headers=headers,
                stream=True,
                allow_redirects=False,
                timeout=(CONNECT_SECONDS, SILENCE_SECONDS),
            )
        except FAULTS as fault:
            raise ServiceAway(f"the content cannot be had: {type(fault).__name__}") from fault
        if answer.status_code != HTTPStatus.OK:
            answer.close()
            raise ServiceAway(f"HTTP {answer.status_code} instead of the content of an object")
        return self._parts(answer)

    def _parts(self, answer: requests.Response) -> Generator[bytes]:
        """Raises ``ServiceAway`` where it breaks off, so that the client sees that it did."""
        ends, sent = time.monotonic() + self._longest.total_seconds(), 0
        with answer:
            try:
                for part in answer.iter_content(CHUNK_BYTES):
                    sent += len(part)
                    if sent > self._limit_bytes or time.monotonic() > ends:
                        raise ServiceAway("the content is longer, or slower, than is allowed")
                    yield part
            except FAULTS as fault:
                raise ServiceAway(f"the content broke off: {type(fault).__name__}") from fault
