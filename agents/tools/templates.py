"""Tools about templates: workflows with typed inputs."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from mcp_types import CallToolResult
from pydantic import Field

from agents.api import Api
from agents.results import (
    ListedTemplate,
    Object,
    TemplateDescription,
    TemplateList,
    TemplateSubmitted,
    answer,
)
from agents.tools.submit import Key, read_problem

Template = Annotated[str, Field(description="name, or name@version, e.g. assembly-annotation@1")]
Folder = Annotated[
    str, Field(description="The user's Workspace folder for the results, /user@bvbrc/home/…")
]


class TemplateTools:
    """Finds templates and starts workflows from them."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def list_templates(
        self,
        query: Annotated[
            str, Field(description="Words in its name, title or description; empty: all")
        ] = "",
        page_token: Annotated[str, Field(description="next_page_token of an answer")] = "",
    ) -> Annotated[CallToolResult, TemplateList]:
        """Find ready workflows with typed inputs. Look here before you write a workflow; then
        describe_template."""
        found = await self._api.get("/templates", {"query": query, "page_token": page_token})
        listed = [
            ListedTemplate(**{name: each[name] for name in ListedTemplate.model_fields})
            for each in found["templates"]
        ]
        return answer(TemplateList(templates=listed, next_page_token=found["next_page_token"]))

    async def describe_template(
        self, template: Template
    ) -> Annotated[CallToolResult, TemplateDescription]:
        """Show a template's inputs, their types, an example, and its steps. Ask the user for what
        you do not know; then submit_template, or submit_batch for many samples."""
        found = await self._api.get(f"/templates/{quote(template, safe='@')}")
        wanted = {name: found[name] for name in TemplateDescription.model_fields}
        return answer(TemplateDescription.model_validate(wanted))

    async def submit_template(  # noqa: PLR0913, PLR0917 - the SDK passes all by name
        self,
        idempotency_key: Key,
        template: Template,
        inputs: Annotated[Object, Field(description="Input to value")],
        workspace_output_folder: Folder = "",
        workflow_name: Annotated[str, Field(description="Empty: as the template says")] = "",
        dry_run: Annotated[
            bool, Field(description="True: return the workflow, and store nothing")
        ] = False,
    ) -> Annotated[CallToolResult, TemplateSubmitted]:
        """Start a workflow from a template. A refusal names each wrong input. Next:
        wait_for_workflow."""
        body: dict[str, Any] = {"inputs": inputs}
        body |= (
            {"workspace_output_folder": workspace_output_folder} if workspace_output_folder else {}
        )
        body |= {"workflow_name": workflow_name} if workflow_name else {}
        query = {"dry_run": "true"} if dry_run else {}
        key = "" if dry_run else idempotency_key
        found = await self._api.post(of_version(template, "/submit"), body, key, query)
        return answer(
            TemplateSubmitted(
                workflow_id=found.get("workflow_id"),
                status=found.get("status", "not_submitted"),
                message=found["message"],
                workflow=found.get("workflow_json"),
                warnings=[read_problem(each) for each in found.get("warnings", ())],
            )
        )


def of_version(template: str, rest: str) -> str:
    """The path of a version's resource; without a version, of the latest."""
    name, _, version = template.partition("@")
    return f"/templates/{quote(name, safe='')}@{quote(version or 'latest', safe='')}{rest}"
