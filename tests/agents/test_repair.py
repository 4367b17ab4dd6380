"""A scripted agent repairs broken workflows by the messages alone: what it cannot repair is a fault
of the messages."""

from __future__ import annotations

from typing import Any

import pytest
from mcp import Client

from tests.agents.broken import BREAKS, broken
from tests.agents.conftest import Agent
from tests.agents.policy import repair
from tests.product import GROUP

pytestmark = GROUP

CALLS = 3
"""Of validate_workflow, the first one included."""


def test_there_are_forty_broken_workflows() -> None:
    assert len(BREAKS) == 40


@pytest.mark.parametrize("part", range(4))
def test_a_scripted_agent_repairs_each_within_three_calls(agent: Agent, part: int) -> None:
    """Ten to a test: a connection for each would cost more than the calls."""
    names = list(BREAKS)[part::4]

    async def repair_all(client: Client) -> dict[str, list[list[str]]]:
        return {name: await _repair(client, broken(name)) for name in names}

    for name, problems in agent.use(repair_all).items():
        assert problems[0], f"{name} is not broken"
        assert problems[-1] == [], f"{name}: {problems}"


async def _repair(client: Client, workflow: dict[str, Any]) -> list[list[str]]:
    """The problems that each call answered, with their suggestions."""
    described: dict[str, Any] = {}
    answers: list[list[str]] = []
    for _ in range(CALLS):
        found = await _call(client, "validate_workflow", workflow=workflow)
        answers.append([f"{each['message']} {each['suggestion']}" for each in found["problems"]])
        if found["valid"]:
            return answers
        for step in workflow.get("steps", ()):
            app = str(step.get("app"))
            if app not in described:
                described[app] = await _describe(client, app)
        repair(workflow, found["problems"], described.__getitem__)
    return answers


async def _describe(client: Client, app: str) -> Any:
    result = await client.call_tool("describe_app", {"app": app})
    return result.structured_content if not result.is_error else None


async def _call(client: Client, tool: str, **arguments: Any) -> Any:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    return result.structured_content
