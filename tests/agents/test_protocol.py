"""The protocol around the tools: tokens, origins, resources, prompts, stdio."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import requests
from mcp import Client, StdioServerParameters
from mcp.shared.exceptions import MCPError

from agents.guide import INSTRUCTIONS
from tests.agents.conftest import Agent, complete
from tests.product import ALICE, GROUP, document
from tests.shared import ROOT

pytestmark = GROUP

INITIALIZE: dict[str, Any] = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


def post(agent: Agent, **headers: str) -> requests.Response:
    return requests.post(agent.url, json=INITIALIZE, headers={**ACCEPT, **headers}, timeout=60)


def bearer(agent: Agent) -> dict[str, str]:
    return {"Authorization": f"Bearer {agent.product.token()}"}


def test_a_client_without_a_good_token_is_told_where_to_get_one(agent: Agent) -> None:
    where = agent.url.replace("/mcp", "/.well-known/oauth-protected-resource/mcp")
    metadata = requests.get(where, timeout=60).json()
    expired = agent.product.simulator.token(ALICE, seconds=-60)

    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Bearer {expired}"}):
        refused = post(agent, **headers)
        assert refused.status_code == 401, headers
        assert f'resource_metadata="{where}"' in refused.headers["WWW-Authenticate"]
    assert metadata["resource"] == agent.url
    assert metadata["bearer_methods_supported"] == ["header"]
    assert metadata["authorization_servers"]
    assert metadata["scopes_supported"]
    assert metadata["resource_documentation"]
    assert post(agent, **bearer(agent)).status_code == 200


def test_foreign_pages_and_host_names_are_refused(agent: Agent) -> None:
    good = bearer(agent)

    assert post(agent, **good, Origin="https://evil.example").status_code == 403
    assert post(agent, **good, Host="evil.example").status_code == 421
    assert post(agent, **good, Origin="http://localhost:6274").status_code == 200


def test_an_unknown_revision_or_method_has_the_standards_code(agent: Agent) -> None:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2099-01-01",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
    headers = {
        **ACCEPT,
        **bearer(agent),
        "MCP-Protocol-Version": "2099-01-01",
        "Mcp-Method": "tools/list",
    }

    answer = requests.post(agent.url, json=body, headers=headers, timeout=60)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == -32022
    assert "2026-07-28" in answer.json()["error"]["data"]["supported"]


def test_instructions_resources_and_prompts(agent_of_any_era: Agent) -> None:
    workflow_id = agent_of_any_era.product.submit(document({"a": ""}))

    async def look(client: Client) -> dict[str, Any]:
        async def read(uri: str) -> str:
            return str(getattr((await client.read_resource(uri)).contents[0], "text", ""))

        prompt = await client.get_prompt("write_workflow", {"goal": "Annotate SRR1"})
        return {
            "instructions": client.instructions,
            "resources": [each.uri for each in (await client.list_resources()).resources],
            "templates": [
                each.uri_template
                for each in (await client.list_resource_templates()).resource_templates
            ],
            "prompts": [each.name for each in (await client.list_prompts()).prompts],
            "prompt": getattr(prompt.messages[0].content, "text", ""),
            "reference": await read("docs://workflow-document"),
            "status": await read(f"workflow://{workflow_id}"),
            "app": await read("bvbrc-app://GenomeAssembly2"),
        }

    seen = agent_of_any_era.use(look)

    assert seen["instructions"] == INSTRUCTIONS
    assert [str(uri) for uri in seen["resources"]] == ["docs://workflow-document"]
    assert seen["templates"] == ["workflow://{workflow_id}", "bvbrc-app://{app}"]
    assert seen["prompts"] == ["write_workflow", "diagnose_workflow"]
    assert "Annotate SRR1" in seen["prompt"]
    assert "steps" in seen["reference"]
    assert workflow_id in seen["status"]
    assert '"recipe"' in seen["app"]


def test_an_unknown_resource_says_why(agent: Agent) -> None:
    async def read(client: Client) -> None:
        await client.read_resource("workflow://wf_0")

    with pytest.raises((MCPError, ExceptionGroup)) as caught:
        agent.use(read)

    reasons = [caught.value]
    while isinstance(reasons[-1], ExceptionGroup):
        reasons.append(reasons[-1].exceptions[0])
    assert "There is no workflow 'wf_0'" in str(reasons[-1])


def test_a_persons_own_agent_speaks_over_stdio(agent: Agent) -> None:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "agents", "--stdio"],
        cwd=ROOT,
        env={"BVBRC_TOKEN": agent.product.token(), "BVBRC_WORKFLOWS_URL": agent.product.url},
    )

    async def run() -> Any:
        async with Client(server) as client:
            return await client.call_tool("validate_workflow", {"workflow": document({"a": ""})})

    assert complete(run()).structured_content["valid"] is True


def test_the_log_of_the_server_holds_no_token(agent: Agent) -> None:
    agent.refused("get_workflow", workflow_id=agent.product.token())

    assert agent.process.log is not None
    assert agent.product.token() not in agent.process.log.read_text()
