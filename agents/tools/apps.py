"""Tools about the apps of which workflows are made."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from mcp_types import CallToolResult
from pydantic import Field

from agents.api import Api
from agents.results import AppDescription, AppList, answer


class AppTools:
    """Reads the catalogue of apps."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def list_apps(
        self,
        query: Annotated[
            str, Field(description="Words that an app has in its name or description; empty: all")
        ] = "",
        page_token: Annotated[str, Field(description="next_page_token of an answer")] = "",
    ) -> Annotated[CallToolResult, AppList]:
        """Find BV-BRC apps, of which the steps of workflows are made. Use it first when you write a
        workflow; then describe_app for each app that you want to use."""
        query_string = {"query": query, "page_token": page_token}
        return answer(AppList.model_validate(await self._api.get("/apps", query_string)))

    async def describe_app(
        self, app: Annotated[str, Field(description="The id of an app, e.g. GenomeAssembly2")]
    ) -> Annotated[CallToolResult, AppDescription]:
        """Show an app's parameters, conditions, outputs, common mistakes, and a workflow that
        validates. Use it before you write a step; then validate_workflow."""
        found = await self._api.get(f"/apps/{quote(app, safe='')}")
        return answer(AppDescription.model_validate(found))
