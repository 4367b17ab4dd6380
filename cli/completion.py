"""Workflow ids for the shell to complete."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from bvbrc_workflows_client import tokens
from bvbrc_workflows_client.errors import WorkflowsError
from bvbrc_workflows_client.session import Session

_MOST: Final = 50


class WorkflowId(click.ParamType[str]):
    """A workflow's id; the user's latest ones are offered."""

    name = "workflow"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Never fails: without an answer there is no completion."""
        del param
        try:
            with _session(ctx.parent) as session:
                found = session.get("/workflows", page_size=_MOST)
        except (WorkflowsError, OSError):
            return []
        return [
            CompletionItem(each["workflow_id"], help=f"{each['workflow_name']} {each['status']}")
            for each in found["workflows"]
            if each["workflow_id"].startswith(incomplete)
        ]


def _session(ctx: click.Context | None) -> Session:
    """While the shell completes, the program's own set-up has not run."""
    given: dict[str, Any] = ctx.params if ctx else {}
    token = tokens.find(os.environ, Path.home(), given.get("token_file"))
    return Session(str(given.get("url") or ""), token.text if token else "", 0)
