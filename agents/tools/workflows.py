"""Tools that follow and steer workflows."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any, Final, Literal

from mcp_types import CallToolResult
from pydantic import Field

from agents.api import Api, of_workflow
from agents.progress import FINAL, summarize
from agents.results import (
    Cancelled,
    ListedWorkflow,
    Progress,
    Receipt,
    Submitted,
    WorkflowList,
    answer,
)

WorkflowId = Annotated[str, Field(description="As submit_workflow answered, wf_…")]
States = Literal["planned", "pending", "queued", "running", "succeeded", "failed", "cancelled"]
_FIRST_LOOK_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 5.0


class WorkflowTools:
    """Follows workflows, cancels and retries them."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def list_workflows(  # noqa: PLR0913, PLR0917 - the SDK passes all by name
        self,
        status: Annotated[States | None, Field(description="Only in this state")] = None,
        name: Annotated[str, Field(description="A part of workflow_name")] = "",
        label: Annotated[str, Field(description="key:value")] = "",
        since: Annotated[str, Field(description="Accepted since, e.g. 2026-01-31T00:00:00Z")] = "",
        page_size: Annotated[int, Field(ge=1, le=100, description="At most so many")] = 20,
        page_token: Annotated[str, Field(description="next_page_token of an answer")] = "",
    ) -> Annotated[CallToolResult, WorkflowList]:
        """List the user's workflows, the newest first. Use it to find a workflow whose id you do
        not know; then get_workflow."""
        query = {
            "status": status,
            "name": name,
            "label": label,
            "since": since,
            "page_size": page_size,
            "page_token": page_token,
        }
        found = await self._api.get("/workflows", query)
        listed = [
            ListedWorkflow(**{name: each[name] for name in ListedWorkflow.model_fields})
            for each in found["workflows"]
        ]
        return answer(WorkflowList(workflows=listed, next_page_token=found["next_page_token"]))

    async def get_workflow(
        self,
        workflow_id: WorkflowId,
        detail: Annotated[
            Literal["summary", "full"],
            Field(description="full adds to each step its params as sent and its attempts"),
        ] = "summary",
    ) -> Annotated[CallToolResult, Progress]:
        """Show how far a workflow is, its outputs and why it failed. To wait for its end use
        wait_for_workflow."""
        found = await self._api.get(of_workflow(workflow_id))
        return answer(summarize(found, is_full=detail == "full"))

    async def wait_for_workflow(
        self,
        workflow_id: WorkflowId,
        timeout_seconds: Annotated[
            int, Field(ge=1, le=55, description="How long this call may take")
        ] = 50,
    ) -> Annotated[CallToolResult, Progress]:
        """Wait until a workflow ends, or for timeout_seconds. While finished is false, call it
        again; jobs may take hours. If it takes long, explain_workflow says why. If it failed, read
        get_step_output of the failed step, stream stderr."""
        await self._wait(workflow_id, time.monotonic() + timeout_seconds)
        return answer(summarize(await self._api.get(of_workflow(workflow_id)), is_full=False))

    async def _wait(self, workflow_id: str, deadline: float) -> None:
        """Asks for the status with growing pauses; an unchanged one has no body (304)."""
        pause, etag = _FIRST_LOOK_SECONDS, ""
        while True:
            headers = {"If-None-Match": etag} if etag else {}
            found = await self._api.ask("GET", of_workflow(workflow_id, "/status"), headers=headers)
            if found.is_success and found.json()["status"] in FINAL:
                return
            etag = found.headers.get("ETag", etag)
            left = deadline - time.monotonic()
            if left <= 0:
                return
            await asyncio.sleep(min(pause, left))
            pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)

    async def cancel_workflow(
        self, workflow_id: WorkflowId
    ) -> Annotated[CallToolResult, Cancelled]:
        """Cancel a workflow and kill its jobs; their work is lost. Ask the user before you use it.
        Call it again to see which jobs have been killed."""
        found = await self._api.post(of_workflow(workflow_id, "/cancel"), {})
        receipts = [Receipt.model_validate(each) for each in found["steps"]]
        return answer(
            Cancelled(workflow_id=found["workflow_id"], status=found["status"], steps=receipts)
        )

    async def retry_workflow(self, workflow_id: WorkflowId) -> Annotated[CallToolResult, Submitted]:
        """Retry a failed or cancelled workflow with the same parameters: finished steps are kept,
        the others start as new attempts. If a parameter was wrong, submit a corrected workflow
        instead. Next: wait_for_workflow."""
        found: dict[str, Any] = await self._api.post(of_workflow(workflow_id, "/retry"), {})
        return answer(
            Submitted(
                workflow_id=found["workflow_id"], status=found["status"], message=found["message"]
            )
        )
