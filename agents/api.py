"""The client of the engine's REST API; it raises every refusal as ``ToolError``, in words that a
model can act on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import httpx2
from mcp.server.mcpserver.exceptions import ToolError

from agents.caller import Caller, caller
from workflows import __version__

Json = Any
PREFIX: Final = "/api/v1"
USER_AGENT: Final = f"bvbrc-mcp/{__version__}"
_TIMEOUT: Final = httpx2.Timeout(60.0, connect=5.0)
_AWAY: Final = "The workflow engine cannot be reached now. Try again in 30 seconds."
_TRIES: Final = 3


class Api:
    """The API at ``url``. All requests of a process share its connections."""

    def __init__(self, url: str) -> None:
        self.reference_url: Final = f"{url}/llms.txt"
        """How to write workflows, for models."""
        self._client = httpx2.AsyncClient(
            base_url=f"{url}{PREFIX}", timeout=_TIMEOUT, headers={"User-Agent": USER_AGENT}
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def get(self, path: str, query: Mapping[str, Any] | None = None) -> Json:
        return (await self.ask("GET", path, params=query)).json()

    async def text(self, path: str, query: Mapping[str, Any] | None = None) -> str:
        return (await self.ask("GET", path, params=query)).content.decode(errors="replace")

    async def post(
        self, path: str, body: Json, key: str = "", query: Mapping[str, Any] | None = None
    ) -> Json:
        """Posts a body. With an idempotency key, a request whose answer is lost is repeated."""
        headers = {"Idempotency-Key": key} if key else {}
        for _ in range(_TRIES - 1 if key else 0):
            answer = await self.send("POST", path, json=body, params=query, headers=headers)
            if answer is not None:
                return check_answer(answer).json()
        answer = await self.ask("POST", path, json=body, params=query, headers=headers)
        return answer.json()

    async def ask(self, method: str, path: str, **request: Any) -> httpx2.Response:
        """The answer to a request; raises ``ToolError`` for a refusal."""
        answer = await self.send(method, path, **request)
        if answer is None:
            raise ToolError(_AWAY)
        return check_answer(answer)

    async def send(
        self, method: str, path: str, who: Caller | None = None, **request: Any
    ) -> httpx2.Response | None:
        """The answer to a request for the present caller, also a refusal; None if it is lost."""
        headers = (who or caller()).headers() | dict(request.pop("headers", None) or {})
        query = {
            name: value for name, value in (request.pop("params", None) or {}).items() if value
        }
        try:
            return await self._client.request(
                method, path, headers=headers, params=query, **request
            )
        except httpx2.TransportError:
            return None


def check_answer(answer: httpx2.Response) -> httpx2.Response:
    """The answer, unless it is a refusal."""
    if answer.is_success or answer.status_code == httpx2.codes.NOT_MODIFIED:
        return answer
    raise ToolError(refusal_text(answer))


def refusal_text(answer: httpx2.Response) -> str:
    """``detail``, and a line for each problem: path, message, code and suggestion."""
    detail, errors = read_refusal(answer)
    lines = [detail, *map(_problem_line, errors)]
    seconds = answer.headers.get("Retry-After")
    if seconds:
        lines.append(f"Try again in {seconds} seconds.")
    return "\n".join(lines)


def read_refusal(answer: httpx2.Response) -> tuple[str, list[dict[str, Any]]]:
    """``detail`` and ``errors`` of a refusal."""
    try:
        body = answer.json()
        return str(body["detail"]), list(body.get("errors") or ())
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"The workflow engine answered {answer.status_code}.", []


def _problem_line(problem: Mapping[str, Any]) -> str:
    place = f"{problem['path']}: " if problem.get("path") else ""
    hint = f" {problem['suggestion']}" if problem.get("suggestion") else ""
    return f"- {place}{problem.get('message', '')} ({problem.get('code', '')}).{hint}"


def of_workflow(workflow_id: str, rest: str = "") -> str:
    """The path of a workflow's resource."""
    return f"/workflows/{quote(workflow_id, safe='')}{rest}"
