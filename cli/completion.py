"""Workflow ids for the shell to complete."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from cli import tokens
from cli.api import Api
from cli.show.failures import Failed

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
            found = _api(ctx.parent).get("/workflows", page_size=_MOST)
        except (Failed, OSError):
            return []
        return [
            CompletionItem(each["workflow_id"], help=f"{each['workflow_name']} {each['status']}")
            for each in found["workflows"]
            if each["workflow_id"].startswith(incomplete)
        ]


def _api(ctx: click.Context | None) -> Api:
    """While the shell completes, the program's own set-up has not run."""
    given: dict[str, Any] = ctx.params if ctx else {}
    token = tokens.find(os.environ, Path.home(), given.get("token_file"))
    return Api(str(given.get("url") or ""), token.text if token else "")
