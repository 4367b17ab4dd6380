"""The client of the engine's API; it raises refusals as ``Failed``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final
from urllib.parse import quote

import requests
from requests.auth import AuthBase

from cli.show.failures import ConnectionLost, Exit, Failed, of_status

Json = Any
PREFIX: Final = "/api/v1"
CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 30.0
SILENCE_SECONDS: Final = 60.0
"""A live stream says every 15 seconds that it lives."""
CHUNK_BYTES: Final = 64 * 1024
_TRIES: Final = 3


class _Raw(AuthBase):
    """Sends the token as it is; with this, requests does not replace it from ~/.netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._token
        return request


class _Nobody(AuthBase):
    """No token, and nothing from ~/.netrc either."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


@dataclass(slots=True)
class Api:
    """The API at ``url``, with one token or none."""

    url: str
    token: str = field(default="", repr=False)
    _session: requests.Session = field(default_factory=requests.Session, repr=False)

    def __post_init__(self) -> None:
        self.url = self.url.rstrip("/").removesuffix(PREFIX)
        self._session.auth = _Raw(self.token) if self.token else _Nobody()

    def get(self, path: str, **query: Json) -> Json:
        return self._json(self._ask("GET", path, params=query))

    def text(self, path: str, **query: Json) -> str:
        return self._ask("GET", path, params=query).content.decode(errors="replace")

    def content(self, path: str, kind: str) -> bytes:
        """The answer's bytes in this media type."""
        return self._ask("GET", path, headers={"Accept": kind}).content

    def save(self, path: str, target: BinaryIO, query: Mapping[str, str]) -> int:
        """Writes the answer's bytes to a file as they come, and returns their number. Raises
        ``ConnectionLost`` where they break off."""
        written = 0
        with (
            self._ask(
                "GET",
                path,
                params=dict(query),
                stream=True,
                timeout=(CONNECT_SECONDS, SILENCE_SECONDS),
            ) as response,
            _translate_failures(self.url),
        ):
            for part in response.iter_content(CHUNK_BYTES):
                written += target.write(part)
        return written

    def put(self, path: str) -> None:
        self._ask("PUT", path)

    def put_object(self, path: str, body: Json) -> Json:
        return self._json(self._ask("PUT", path, json=body))

    def patch(self, path: str, body: Json) -> Json:
        return self._json(self._ask("PATCH", path, json=body))

    def post_form(
        self,
        path: str,
        files: Mapping[str, tuple[str, bytes]],
        texts: Json,
        key: str,
        **query: Json,
    ) -> Json:
        """Posts a form with files; the idempotency key makes it safe to retry a lost answer."""
        options = {"files": dict(files), "data": texts, "params": query}
        headers = {"Idempotency-Key": key}
        for _ in range(_TRIES - 1):
            try:
                return self._json(self._ask("POST", path, headers=headers, **options))
            except ConnectionLost:
                continue
        return self._json(self._ask("POST", path, headers=headers, **options))

    def delete(self, path: str) -> None:
        self._ask("DELETE", path)

    def post(self, path: str, body: bytes = b"{}", key: str | None = None) -> Json:
        """Posts a body; with an idempotency key a lost answer is retried."""
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        for _ in range(_TRIES - 1 if key else 0):
            try:
                return self._json(self._ask("POST", path, data=body, headers=headers))
            except ConnectionLost:
                continue
        return self._json(self._ask("POST", path, data=body, headers=headers))

    def lines(
        self, path: str, headers: Mapping[str, str] | None = None, **query: Json
    ) -> Iterator[str]:
        """Yields lines as they arrive. Raises ``ConnectionLost`` when the stream breaks off."""
        with (
            self._ask(
                "GET",
                path,
                params=query,
                headers=dict(headers or {}),
                stream=True,
                timeout=(CONNECT_SECONDS, SILENCE_SECONDS),
            ) as response,
            _translate_failures(self.url),
        ):
            for line in response.iter_lines():
                yield line.decode(errors="replace")

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        options.setdefault("timeout", (CONNECT_SECONDS, ANSWER_SECONDS))
        with _translate_failures(self.url):
            response = self._session.request(method, f"{self.url}{PREFIX}{path}", **options)
        if not response.ok:
            raise _refusal(response)
        return response

    def _json(self, response: requests.Response) -> Json:
        try:
            return response.json()
        except ValueError as error:
            raise Failed(
                Exit.UNEXPECTED, f"The server at {self.url} is not the workflow engine."
            ) from error


def of_workflow(workflow_id: str, rest: str = "") -> str:
    """The path of a workflow's resource."""
    return f"/workflows/{quote(workflow_id, safe='')}{rest}"


def of_webhook(webhook_id: str, rest: str = "") -> str:
    """The path of a webhook's resource."""
    return f"/webhooks/{quote(webhook_id, safe='')}{rest}"


def of_batch(batch_id: str, rest: str = "") -> str:
    """The path of a batch's resource."""
    return f"/batches/{quote(batch_id, safe='')}{rest}"


def of_template(template: str, rest: str = "") -> str:
    """The path of a template (``name``) or of one of its versions (``name@version``)."""
    return f"/templates/{quote(template, safe='@')}{rest}"


@contextmanager
def _translate_failures(url: str) -> Iterator[None]:
    try:
        yield
    except (
        requests.exceptions.MissingSchema,
        requests.exceptions.InvalidSchema,
        requests.exceptions.InvalidURL,
    ) as error:
        raise Failed(Exit.USAGE, f"{url!r} is no web address.") from error
    except requests.RequestException as error:
        raise ConnectionLost(
            f"The workflow engine at {url} cannot be reached ({type(error).__name__})."
        ) from error


def _refusal(response: requests.Response) -> Failed:
    """The failure for an API answer, with the API's message if it has one."""
    code = of_status(response.status_code)
    try:
        body = json.loads(response.content)
        return Failed(code, str(body["detail"]), body.get("errors") or ())
    except (ValueError, KeyError, TypeError, AttributeError):
        return Failed(code, f"{response.request.url} answered {response.status_code}.")
