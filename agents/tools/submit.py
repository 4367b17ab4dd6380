"""Tools that check and submit workflows."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Literal

from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult
from pydantic import Field

from agents.api import Api, check_answer, of_workflow, read_refusal
from agents.results import CwlSubmitted, Object, Problem, Submitted, Validation, answer

Workflow = Annotated[
    Object,
    Field(
        description="workflow_name, version, base_context {base_url, workspace_output_folder},"
        " steps [{step_name, app, params, outputs?, depends_on?}], workflow_outputs?"
    ),
]
Reuse = Annotated[
    Literal["mine", "never"] | None,
    Field(
        description="mine: steps take results of the user's earlier jobs that computed the"
        " same; their files stay where these jobs left them. Only if the user agrees"
    ),
]
Key = Annotated[
    str,
    Field(
        min_length=1,
        max_length=255,
        description="A fresh text, e.g. a UUID. Repeat a call whose answer was lost with the same"
        " key: then nothing is submitted twice",
    ),
]


class SubmitTools:
    """Checks workflows and submits them."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def validate_workflow(self, workflow: Workflow) -> Annotated[CallToolResult, Validation]:
        """Check a workflow; nothing is stored. A wrong workflow is an answer with valid false and
        all problems: correct each path as its suggestion says and validate again. When valid is
        true, submit the returned workflow with submit_workflow."""
        found = await self._api.send("POST", "/workflows/validate", json=workflow)
        if found is None:
            raise ToolError("The workflow engine cannot be reached now. Try again in 30 seconds.")
        if found.status_code == HTTPStatus.BAD_REQUEST:
            detail, problems = read_refusal(found)
            listed = [read_problem(each) for each in problems] or [
                read_problem({"message": detail})
            ]
            return answer(
                Validation(valid=False, workflow=None, problems=listed, warnings=[], auto_fixes=[])
            )
        body = check_answer(found).json()
        return answer(
            Validation(
                valid=True,
                workflow=body["workflow_json"],
                problems=[],
                warnings=[read_problem(each) for each in body["warnings"]],
                auto_fixes=[read_problem(each) for each in body["auto_fixes"]],
            )
        )

    async def submit_workflow(
        self,
        idempotency_key: Key,
        workflow: Annotated[
            Object | None, Field(description="A workflow that validate_workflow returned")
        ] = None,
        workflow_id: Annotated[
            str | None, Field(description="Instead: the id of a planned workflow")
        ] = None,
        reuse: Reuse = None,
    ) -> Annotated[CallToolResult, Submitted]:
        """Start a validated workflow, or a planned one by its id. It uses the user's resources at
        BV-BRC. Next: wait_for_workflow."""
        if (workflow is None) == (workflow_id is None):
            raise ToolError("Give either workflow or workflow_id.")
        if workflow_id is not None:
            found = await self._api.post(of_workflow(workflow_id, "/submit"), {}, idempotency_key)
        else:
            query = {"reuse": reuse} if reuse else {}
            found = await self._api.post("/workflows/submit", workflow, idempotency_key, query)
        return answer(_submission_result(found))

    async def submit_cwl(
        self,
        idempotency_key: Key,
        workflow: Annotated[
            str | Object, Field(description="The CWL document, v1.0 to v1.2: text or object")
        ],
        inputs: Annotated[Object | None, Field(description="The input object")] = None,
        files: Annotated[
            dict[str, str] | None, Field(description="Further documents by relative path")
        ] = None,
        dry_run: Annotated[
            bool, Field(description="True: return the plan, and store nothing")
        ] = False,
    ) -> Annotated[CallToolResult, CwlSubmitted]:
        """Submit a workflow in the Common Workflow Language with its inputs. Try it with dry_run
        first. Next: wait_for_workflow."""
        body: dict[str, Any] = {"workflow": workflow}
        body |= {"inputs": inputs} if inputs is not None else {}
        body |= {"files": files} if files else {}
        query = {"dry_run": "true"} if dry_run else {}
        key = "" if dry_run else idempotency_key
        found = await self._api.post("/workflows/submit-cwl", body, key, query)
        if "workflow_id" in found:
            return answer(CwlSubmitted(**_submission_result(found).model_dump()))
        return answer(
            CwlSubmitted(
                status="not_submitted",
                message=found["message"],
                workflow=found["workflow_json"],
                waits_for=found["waits_for"],
                warnings=[read_problem(each) for each in found["warnings"]],
            )
        )


def _submission_result(found: dict[str, Any]) -> Submitted:
    return Submitted(
        workflow_id=found["workflow_id"],
        status=found["status"],
        message=found["message"],
        warnings=[read_problem(each) for each in found.get("warnings", ())],
    )


def read_problem(found: dict[str, Any]) -> Problem:
    """A problem without the file and line that those of CWL have beside the path."""
    return Problem(**{name: found.get(name, "") for name in Problem.model_fields})
