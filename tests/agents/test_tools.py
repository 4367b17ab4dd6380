"""What an agent does with the tools of the MCP server, through the official client."""

from __future__ import annotations

import uuid
from typing import Any

from mcp import Client
from mcp_types import Tool

from agents.tools.inspection import NOTICE
from tests.agents.conftest import Agent, size_of
from tests.product import BOB, GROUP, document

pytestmark = GROUP

NAMES = [
    *("list_templates", "describe_template", "submit_template"),
    *("list_apps", "describe_app", "validate_workflow", "submit_workflow", "submit_cwl"),
    *("submit_batch", "get_batch"),
    *("list_workflows", "get_workflow", "wait_for_workflow", "explain_workflow"),
    *("forecast_end", "get_log", "get_step_output", "cancel_workflow", "retry_workflow"),
]


def key() -> str:
    return uuid.uuid4().hex


def submit(agent: Agent, workflow: dict[str, Any]) -> str:
    found = agent.call("submit_workflow", workflow=workflow, idempotency_key=key())
    return str(found["workflow_id"])


def end(agent: Agent, workflow_id: str) -> dict[str, Any]:
    found: dict[str, Any] = {"finished": False}
    for _ in range(5):
        if not found["finished"]:
            found = agent.call("wait_for_workflow", workflow_id=workflow_id, timeout_seconds=20)
    return found


def tools_of(agent: Agent) -> list[Tool]:
    async def tools(client: Client) -> list[Tool]:
        return list((await client.list_tools()).tools)

    return agent.use(tools)


def test_all_tools_say_what_they_take_and_give(agent_of_any_era: Agent) -> None:
    tools = tools_of(agent_of_any_era)

    assert [tool.name for tool in tools] == NAMES
    for tool in tools:
        assert tool.title
        assert len(tool.description or "") > 60
        assert tool.input_schema["additionalProperties"] is False
        assert all(each["description"] for each in tool.input_schema["properties"].values())
        assert tool.output_schema is not None
        assert tool.output_schema["type"] == "object"
        assert tool.annotations is not None
    destructive = [tool.name for tool in tools if tool.annotations.destructive_hint]
    assert destructive == ["cancel_workflow"]
    dumped = [tool.model_dump(by_alias=True, exclude_none=True) for tool in tools]
    assert size_of(dumped) < 40_000


def test_an_agent_writes_a_workflow_and_gets_its_results(agent_of_any_era: Agent) -> None:
    agent = agent_of_any_era
    apps = agent.call("list_apps", query="date")["apps"]
    app = agent.call("describe_app", app=apps[0]["app"])
    checked = agent.call("validate_workflow", workflow=app["example"])
    once = {"workflow": checked["workflow"], "idempotency_key": key()}

    submitted = agent.call("submit_workflow", **once)
    again = agent.call("submit_workflow", **once)
    found = end(agent, submitted["workflow_id"])

    assert (checked["valid"], checked["problems"]) == (True, [])
    assert again["workflow_id"] == submitted["workflow_id"]
    assert (found["status"], found["finished"]) == ("succeeded", True)
    assert found["step_counts"] == {"succeeded": 1}
    workflow_id = submitted["workflow_id"]
    full = agent.call("get_workflow", workflow_id=workflow_id, detail="full")
    assert full["steps"][0]["attempts"][0]["task_id"] == found["steps"][0]["job_id"]
    assert "Workflow completed" in agent.call("get_log", workflow_id=workflow_id)["text"]
    assert agent.call("explain_workflow", workflow_id=workflow_id)["steps"] == []
    listed = agent.call("list_workflows", status="succeeded", page_size=5)["workflows"]
    assert workflow_id in {each["workflow_id"] for each in listed}


def test_a_wrong_workflow_is_an_answer_with_all_its_problems(agent: Agent) -> None:
    wrong = document({"a": "", "b": "nothing"})
    wrong["steps"][0]["app"] = "GenomeAssembly3"

    found = agent.call("validate_workflow", workflow=wrong)

    assert (found["valid"], found["workflow"]) == (False, None)
    assert [problem["path"] for problem in found["problems"]] == [
        "steps[0].app",
        "steps[1].depends_on[0]",
    ]
    assert found["problems"][0]["suggestion"] == (
        "did you mean 'GenomeAssembly2' or 'GenomeAssembly'?"
    )


def test_refusals_say_what_to_mend(agent: Agent) -> None:
    workflow_id = submit(agent, document({"a": ""}))

    wrong = agent.refused("submit_workflow", workflow={"steps": []}, idempotency_key=key())
    unknown = agent.refused("get_workflow", workflow_id="wf_0")
    others = agent.refused("explain_workflow", user=BOB, workflow_id=workflow_id)
    argument = agent.refused("get_log", workflow_id=workflow_id, tail=0, lines=3)
    neither = agent.refused("submit_workflow", idempotency_key=key())
    app = agent.refused("describe_app", app="GenomeAssembly3")

    assert "\n- workflow_name: " in wrong
    assert "(missing_field)" in wrong
    assert "There is no workflow 'wf_0'" in unknown
    assert "belongs to another user" in others
    assert "tail" in argument
    assert "lines" in argument
    assert "either workflow or workflow_id" in neither
    assert "'GenomeAssembly2' or 'GenomeAssembly'" in app


def test_an_agent_finds_out_why_a_step_failed_and_retries(agent: Agent) -> None:
    simulator = agent.product.simulator
    simulator.app("Date", run_seconds=0, outcome="failed")
    workflow_id = submit(agent, document({"a": "", "b": "a"}))

    failed = end(agent, workflow_id)
    output = agent.call("get_step_output", workflow_id=workflow_id, step_name="a")
    simulator.clear_rules()
    simulator.app("*", run_seconds=0)
    retried = agent.call("retry_workflow", workflow_id=workflow_id)

    assert failed["status"] == "failed"
    assert failed["steps"][0]["status"] == "failed"
    assert failed["error_message"].startswith("Step 'a' failed")
    assert output["notice"] == NOTICE
    assert retried["status"] in ("pending", "queued", "running")
    assert end(agent, workflow_id)["status"] == "succeeded"


def test_a_cancelled_workflow_has_a_receipt_for_each_step(agent: Agent) -> None:
    agent.product.simulator.app("Date", run_seconds=1000)
    workflow_id = submit(agent, document({"a": "", "b": "a"}))

    waiting = agent.call("wait_for_workflow", workflow_id=workflow_id, timeout_seconds=1)
    reasons = agent.call("explain_workflow", workflow_id=workflow_id)["steps"]
    cancelled = agent.call("cancel_workflow", workflow_id=workflow_id)

    assert waiting["finished"] is False
    assert {reason["step_name"] for reason in reasons} == {"a", "b"}
    assert cancelled["status"] == "cancelled"
    assert [receipt["step_name"] for receipt in cancelled["steps"]] == ["a", "b"]


def test_the_forecast_of_an_app_without_history_says_so(agent: Agent) -> None:
    agent.product.simulator.app("*", run_seconds=60)
    workflow = document({"nap": ""})
    workflow["steps"][0] |= {"app": "Sleep", "params": {"sleep_time": 60}}  # no other test runs it
    workflow_id = submit(agent, workflow)

    submitted = agent.call("forecast_end", workflow_id=workflow_id)
    planned = agent.call("forecast_end", workflow=workflow)
    others = agent.refused("forecast_end", user=BOB, workflow_id=workflow_id)
    wrong = agent.refused("forecast_end", workflow={"steps": []})
    neither = agent.refused("forecast_end")
    both = agent.refused("forecast_end", workflow_id=workflow_id, batch_id="b_0")
    agent.call("cancel_workflow", workflow_id=workflow_id)

    for found in (submitted, planned):
        assert (found["no_history"], found["end"], found["steps"]) == (["Sleep"], None, [])
        assert "too few jobs have run of Sleep" in found["message"]
    assert "belongs to another user" in others
    assert "(missing_field)" in wrong
    assert "Give one of workflow_id, batch_id and workflow." in neither
    assert neither == both


def test_a_plan_is_submitted_by_its_id(agent: Agent) -> None:
    planned = agent.product.ask("POST", "/workflows/plan", json=document({"a": ""}))

    found = agent.call("submit_workflow", workflow_id=planned["workflow_id"], idempotency_key=key())

    assert found["workflow_id"] == planned["workflow_id"]
    assert end(agent, found["workflow_id"])["status"] == "succeeded"


def test_cwl_is_planned_and_submitted(agent: Agent) -> None:
    cwl = {
        "cwlVersion": "v1.2",
        "class": "Workflow",
        "inputs": {"name": "string"},
        "steps": {"today": {"run": "bvbrc://Date", "in": {"output_file": "name"}, "out": []}},
        "outputs": {},
    }
    given = {"workflow": cwl, "inputs": {"name": "x"}, "idempotency_key": key()}

    plan = agent.call("submit_cwl", dry_run=True, **given)
    submitted = agent.call("submit_cwl", **given)

    assert plan["workflow_id"] is None
    assert plan["workflow"]["steps"][0]["app"] == "Date"
    assert end(agent, submitted["workflow_id"])["status"] == "succeeded"


def test_a_model_is_shown_at_most_a_hundred_steps(agent: Agent) -> None:
    many = document({f"s{number}": "" for number in range(120)}, max_parallel_steps=1)
    agent.product.simulator.app("Date", run_seconds=1000)
    workflow_id = submit(agent, many)

    found = agent.call("get_workflow", workflow_id=workflow_id)
    agent.call("cancel_workflow", workflow_id=workflow_id)

    assert (len(found["steps"]), found["steps_omitted"]) == (100, 20)
    assert sum(found["step_counts"].values()) == 120
