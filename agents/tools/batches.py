"""Tools about batches: one workflow for each of many samples."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult
from pydantic import Field

from agents.api import Api
from agents.progress import FINAL
from agents.results import Batch, BatchFailure, BatchRow, BatchSubmitted, Object, answer
from agents.tools.submit import Key, Reuse, read_problem
from agents.tools.templates import Folder, of_version

MOST_ROWS: Final = 200
Gather = Annotated[
    Object | None,
    Field(
        description="A workflow of steps over all samples, which begins when all have ended;"
        " ${batch.outputs.STEP.OUTPUT} is the list of those that succeeded"
    ),
]


class BatchTools:
    """Starts batches and follows them."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def submit_batch(  # noqa: PLR0913, PLR0917 - the SDK passes all by name
        self,
        idempotency_key: Key,
        samples: Annotated[
            list[Object],
            Field(description="One object each: column to value; the column sample names it"),
        ],
        workflow: Annotated[
            Object | None, Field(description="A workflow with ${sample.COLUMN} in its params")
        ] = None,
        template: Annotated[
            str, Field(description="Instead: name@version; columns give its inputs")
        ] = "",
        inputs: Annotated[
            Object | None, Field(description="Of a template: values for all samples")
        ] = None,
        columns: Annotated[
            dict[str, str] | None, Field(description="Of a template: input to column")
        ] = None,
        workspace_output_folder: Folder = "",
        gather: Gather = None,
        name: Annotated[str, Field(description="Of the batch; empty: the workflow's")] = "",
        dry_run: Annotated[
            bool, Field(description="True: check every row, and store nothing")
        ] = False,
        reuse: Reuse = None,
    ) -> Annotated[CallToolResult, BatchSubmitted]:
        """Start one workflow for each of up to 5,000 samples. Try it with dry_run first. Next:
        get_batch."""
        if (workflow is None) != bool(template):
            raise ToolError("Give either workflow or template.")
        body = {"samples": samples, "workflow": workflow, "gather": gather, "name": name}
        if template:
            folder = workspace_output_folder
            body |= {"inputs": inputs, "map": columns, "workspace_output_folder": folder}
        body = {field: each for field, each in body.items() if each}
        path = of_version(template, "/batches") if template else "/batches"
        query = ({"dry_run": "true"} if dry_run else {}) | ({"reuse": reuse} if reuse else {})
        found = await self._api.post(path, body, "" if dry_run else idempotency_key, query)
        return answer(_read_submitted(found))

    async def get_batch(
        self,
        batch_id: Annotated[str, Field(description="As submit_batch answered, b_…")],
        detail: Annotated[
            Literal["summary", "results"], Field(description="results adds each sample's outputs")
        ] = "summary",
    ) -> Annotated[CallToolResult, Batch]:
        """Show how far a batch is, why samples failed, and their results. Jobs may take hours: ask
        again later while finished is false."""
        path = f"/batches/{quote(batch_id, safe='')}"
        found = await self._api.get(path)
        rows: list[Any] = []
        if detail == "results":
            headers = {"Accept": "application/json"}
            rows = (await self._api.ask("GET", f"{path}/results", headers=headers)).json()["rows"]
        shown = [BatchRow(**{n: each[n] for n in BatchRow.model_fields}) for each in rows]
        failures = [BatchFailure.model_validate(each) for each in found["failures"]]
        fields = ("batch_id", "name", "status", "count", "counts", "message", "gather")
        return answer(
            Batch(
                **{field: found[field] for field in fields},
                finished=found["status"] in FINAL,
                failures=failures,
                rows=shown[:MOST_ROWS],
                rows_omitted=max(0, len(shown) - MOST_ROWS),
            )
        )


def _read_submitted(found: dict[str, Any]) -> BatchSubmitted:
    return BatchSubmitted(
        batch_id=found.get("batch_id"),
        status=found.get("status") or ("valid" if found["valid"] else "invalid"),
        count=found["count"],
        problems=[read_problem(each) for each in found.get("problems", ())],
        warnings=[read_problem(each) for each in found["warnings"]],
    )
