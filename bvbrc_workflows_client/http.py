"""The HTTP client below everything, also below what is generated: it raises refusals as exceptions
and repeats what may be repeated."""

from __future__ import annotations

import time
from typing import Any, Final

import httpx

from bvbrc_workflows_client.errors import (
    BadAddress,
    ConnectionLost,
    Refused,
    TooManyRequests,
    Unavailable,
    refusal,
)

Json = Any
KEY: Final = "Idempotency-Key"
_FIRST_PAUSE_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 10.0


class HttpClient(httpx.Client):
    """Raises ``Refused`` and ``ConnectionLost``.

    Where an answer is lost, or the engine is busy or away, a request is repeated for
    ``patience_seconds`` if that cannot do anything twice: if it only reads, or has an idempotency
    key. What is read as a stream is never repeated.
    """

    def __init__(self, *, patience_seconds: float, **options: Any) -> None:
        super().__init__(**options)
        self._patience_seconds = patience_seconds

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """httpx's own ``send``, which every request goes through."""
        repeatable = not options.get("stream") and (
            request.method in ("GET", "HEAD") or KEY in request.headers
        )
        give_up = time.monotonic() + (self._patience_seconds if repeatable else 0.0)
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return self._send_once(request, **options)
            except (ConnectionLost, TooManyRequests, Unavailable) as error:
                wanted = error.retry_after if isinstance(error, Refused) else None
                seconds = max(pause, wanted or 0.0)
                if time.monotonic() + seconds > give_up:
                    raise
            time.sleep(seconds)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _send_once(self, request: httpx.Request, **options: Any) -> httpx.Response:
        address = f"{request.url.scheme}://{request.url.netloc.decode()}"
        try:
            response = super().send(request, **options)
            if response.is_error:
                response.read()
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise BadAddress(f"{address!r} is no web address.") from error
        except httpx.RequestError as error:
            raise lost(address, error) from error
        if response.is_error:
            raise_refusal(response)
        return response


def lost(address: str, error: Exception) -> ConnectionLost:
    """The exception for a connection that broke."""
    return ConnectionLost(
        f"The workflow engine at {address} cannot be reached ({type(error).__name__})."
    )


def raise_refusal(response: httpx.Response) -> None:
    """Raises what an answer refuses. A report of health is an answer with every status."""
    try:
        body = response.json()
    except ValueError:
        body = None
    detail, errors = _read_refusal(body)
    if detail is None and isinstance(body, dict) and "/health" in response.url.path:
        return
    raise refusal(
        response.status_code,
        detail or f"{response.url} answered {response.status_code}.",
        errors,
        _seconds(response.headers.get("Retry-After")),
    )


def _read_refusal(body: Json) -> tuple[str | None, list[dict[str, Any]]]:
    """``detail`` and ``errors`` of the API, ``msg`` of GA4GH WES; None if it says neither."""
    if not isinstance(body, dict):
        return None, []
    detail = body.get("detail", body.get("msg"))
    errors = body.get("errors")
    problems = [each for each in errors if isinstance(each, dict)] if errors else []
    return (detail if isinstance(detail, str) else None), problems


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdecimal() else None
