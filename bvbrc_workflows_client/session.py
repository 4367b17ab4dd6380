"""One user's session with the engine's API: paths below ``/api/v1`` in, JSON out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any, BinaryIO, Final, Self
from urllib.parse import quote

import httpx

from bvbrc_workflows_client.errors import BadAddress, NotTheEngine, Unauthenticated
from bvbrc_workflows_client.http import KEY, HttpClient, lost
from bvbrc_workflows_client.version import __version__

Json = Any
PREFIX: Final = "/api/v1"
PATIENCE_SECONDS: Final = 60.0
CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 60.0
SILENCE_SECONDS: Final = 60.0
"""A live stream says every 15 seconds that it lives."""
ANSWER: Final = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
_NOT_SENT: Final = "The token has characters that no BV-BRC token has: it is not sent."
_STREAM: Final = httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)


@dataclass(eq=False)
class Session:
    """The API at ``url``, with one token or none. Raises refusals as ``Refused``, and
    ``ConnectionLost`` after trying again for ``patience_seconds``."""

    url: str
    token: str = field(default="", repr=False)
    patience_seconds: float = PATIENCE_SECONDS

    def __post_init__(self) -> None:
        self.url = self.url.rstrip("/").removesuffix(PREFIX)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def http(self) -> HttpClient:
        """The connections, which what is generated shares. Nothing is read from ``~/.netrc``."""
        if self.token and not (self.token.isascii() and self.token.isprintable()):
            raise Unauthenticated(HTTPStatus.UNAUTHORIZED, _NOT_SENT)
        try:
            return HttpClient(
                patience_seconds=self.patience_seconds,
                base_url=self.url,
                timeout=ANSWER,
                follow_redirects=True,
                headers={"User-Agent": f"bvbrc-workflows-client/{__version__}"}
                | ({"Authorization": self.token} if self.token else {}),
            )
        except httpx.InvalidURL as error:
            raise BadAddress(f"{self.url!r} is no web address.") from error

    def close(self) -> None:
        """Closes the connections; the next request opens new ones."""
        if "http" in self.__dict__:
            self.__dict__.pop("http").close()

    def get(self, path: str, **query: Json) -> Json:
        return self._json(self.ask("GET", path, params=query))

    def text(self, path: str, **query: Json) -> str:
        return self.ask("GET", path, params=query).content.decode(errors="replace")

    def content(self, path: str, kind: str) -> bytes:
        """The answer's bytes in this media type."""
        return self.ask("GET", path, headers={"Accept": kind}).content

    def save(self, path: str, target: BinaryIO, query: Mapping[str, str]) -> int:
        """Writes the answer's bytes to a file as they come, and returns their number. Raises
        ``ConnectionLost`` where they break off."""
        with self._stream(path, params=dict(query)) as parts:
            return sum(map(target.write, parts))

    def put(self, path: str) -> None:
        self.ask("PUT", path)

    def put_object(self, path: str, body: Json) -> Json:
        return self._json(self.ask("PUT", path, json=body))

    def patch(self, path: str, body: Json) -> Json:
        return self._json(self.ask("PATCH", path, json=body))

    def post_form(
        self,
        path: str,
        files: Mapping[str, tuple[str, bytes]],
        texts: Json,
        key: str,
        **query: Json,
    ) -> Json:
        """Posts a form with files; the idempotency key makes it safe to repeat."""
        return self._json(
            self.ask("POST", path, headers={KEY: key}, files=dict(files), data=texts, params=query)
        )

    def delete(self, path: str) -> None:
        self.ask("DELETE", path)

    def post(self, path: str, body: bytes = b"{}", key: str | None = None) -> Json:
        """Posts a body; with an idempotency key it is repeated where its answer is lost."""
        headers = {"Content-Type": "application/json"} | ({KEY: key} if key else {})
        return self._json(self.ask("POST", path, content=body, headers=headers))

    def lines(
        self, path: str, headers: Mapping[str, str] | None = None, **query: Json
    ) -> Iterator[str]:
        """Yields lines as they arrive. Raises ``ConnectionLost`` when the stream breaks off."""
        with self._stream(path, params=query, headers=dict(headers or {})) as parts:
            for line in split_lines(parts):
                yield line.decode(errors="replace")

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """The answer, unless it is a refusal."""
        return self.http.request(method, f"{PREFIX}{path}", **_without_none(options))

    @contextmanager
    def _stream(self, path: str, **options: Any) -> Iterator[Iterator[bytes]]:
        """The answer's bytes as they come."""
        request = {"timeout": _STREAM} | _without_none(options)
        with self.http.stream("GET", f"{PREFIX}{path}", **request) as response:
            try:
                yield response.iter_bytes()
            except httpx.RequestError as error:
                raise lost(self.url, error) from error

    def _json(self, response: httpx.Response) -> Json:
        try:
            return response.json()
        except ValueError as error:
            raise NotTheEngine(f"The server at {self.url} is not the workflow engine.") from error


def _without_none(options: dict[str, Any]) -> dict[str, Any]:
    """Query arguments that are None are left out; without any, those in the path stay."""
    query = options.pop("params", None) or {}
    given = {name: value for name, value in query.items() if value is not None}
    return options | ({"params": given} if given else {})


def split_lines(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Lines that end with a line feed, not with another of Unicode's line ends."""
    begun = b""
    for part in parts:
        *whole, begun = (begun + part).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r")
    if begun:
        yield begun


def events_of(lines: Iterable[str]) -> Iterator[Json]:
    """The data of server-sent events, each of which is one line of JSON."""
    for line in lines:
        if line.startswith("data:"):
            yield json.loads(line.removeprefix("data:"))


def of_workflow(workflow_id: str, rest: str = "") -> str:
    """The path of a workflow's resource."""
    return f"/workflows/{quote(workflow_id, safe='')}{rest}"


def of_batch(batch_id: str, rest: str = "") -> str:
    """The path of a batch's resource."""
    return f"/batches/{quote(batch_id, safe='')}{rest}"
