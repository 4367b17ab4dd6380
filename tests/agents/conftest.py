"""The MCP server as a process of its own beside the running product, and official clients of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult

from devstack import processes
from devstack.processes import Process, wait_until
from tests.product import ALICE, Product

T = TypeVar("T")
ERAS = ("2026-07-28", "2025-11-25")
MODES = {"2026-07-28": "auto", "2025-11-25": "legacy"}
Use = Callable[[Client], Coroutine[Any, Any, T]]


@dataclass
class Agent:
    """Speaks to the MCP server at ``url`` with the official client."""

    product: Product
    url: str
    process: Process
    era: str = ERAS[0]

    def use(self, work: Use[T], user: str = ALICE) -> T:
        """The result of ``work`` with a connected client."""

        async def run() -> T:
            headers = {"Authorization": f"Bearer {self.product.token(user)}"}
            async with (
                httpx2.AsyncClient(headers=headers, timeout=60) as http,
                Client(
                    streamable_http_client(self.url, http_client=http), mode=MODES[self.era]
                ) as client,
            ):
                assert client.protocol_version == self.era
                return await work(client)

        return complete(run())

    def call(self, tool: str, user: str = ALICE, **arguments: Any) -> dict[str, Any]:
        """The structured result of a tool, which the client has held against its schema."""
        result = self.raw(tool, user, **arguments)
        assert not result.is_error, text_of(result)
        assert result.structured_content is not None
        return dict(result.structured_content)

    def refused(self, tool: str, user: str = ALICE, **arguments: Any) -> str:
        """The text of a tool's refusal."""
        result = self.raw(tool, user, **arguments)
        assert result.is_error, text_of(result)
        return text_of(result)

    def raw(self, tool: str, user: str = ALICE, **arguments: Any) -> CallToolResult:
        async def call(client: Client) -> CallToolResult:
            return await client.call_tool(tool, arguments)

        return self.use(call, user)


def complete(work: Coroutine[Any, Any, T]) -> T:
    """The result of ``work``, in a thread of its own: in that of the tests Playwright's event loop
    runs from the first browser on, and asyncio allows no second one there."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, work).result()


def text_of(result: CallToolResult) -> str:
    return "\n".join(getattr(content, "text", "") for content in result.content)


@pytest.fixture(scope="session")
def running_server(running_product: Product) -> Iterator[tuple[str, Process]]:
    """The server, and nothing of the product's keys in its environment."""
    port = processes.free_port()
    process = running_product.stack.run(
        "mcp",
        "agents",
        env={
            "WORKFLOW_AGENTS__API_URL": running_product.url,
            "WORKFLOW_AGENTS__PORT": str(port),
            "WORKFLOW_AUTH__TOKEN_KEYS": "",
        },
    )
    wait_until(lambda: processes.listens(port), "the MCP server listens", process=process)
    # Until then no app is unknown. Each of the API's processes looks for itself.
    wait_until(
        lambda: not any(running_product.ask("GET", "/apps")["warnings"] for _ in range(20)),
        "every process has BV-BRC's list of apps",
    )
    yield f"http://127.0.0.1:{port}/mcp", process
    process.stop()


@pytest.fixture
def agent(product: Product, running_server: tuple[str, Process]) -> Agent:
    return Agent(product, *running_server)


@pytest.fixture(params=ERAS)
def agent_of_any_era(agent: Agent, request: pytest.FixtureRequest) -> Agent:
    agent.era = request.param
    return agent


def size_of(value: Any) -> int:
    """Characters of its JSON."""
    return len(json.dumps(value))
