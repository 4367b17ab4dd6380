"""The MCP server while the API cannot be reached."""

from __future__ import annotations

from mcp import Client
from mcp_types import CallToolResult

from agents.api import Api
from agents.caller import Caller, set_caller
from agents.server import make_server
from config.interface_sections import Agents
from devstack import processes
from tests.agents.conftest import complete, text_of
from tests.product import document


def test_an_api_that_is_away_is_named_and_nothing_secret_is() -> None:
    url = f"http://127.0.0.1:{processes.free_port()}"

    async def call_all() -> list[CallToolResult]:
        set_caller(Caller("un=alice|sig=secret"))
        api = Api(url)
        try:
            async with Client(make_server(Agents(), api, verifies_tokens=False)) as client:
                workflow = document({"a": ""})
                return [
                    await client.call_tool("list_apps", {}),
                    await client.call_tool("validate_workflow", {"workflow": workflow}),
                    await client.call_tool(
                        "submit_workflow", {"workflow": workflow, "idempotency_key": "k"}
                    ),
                ]
        finally:
            await api.close()

    for result in complete(call_all()):
        assert result.is_error
        assert "The workflow engine cannot be reached now. Try again in 30" in text_of(result)
        assert "secret" not in text_of(result)


def test_a_caller_shows_no_token() -> None:
    assert "secret" not in repr(Caller("secret"))
