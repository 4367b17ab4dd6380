"""The option that says whether steps may take results of earlier jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

import click

reuse_option: Final = click.option(
    "--reuse/--no-reuse",
    default=None,
    help="Whether steps take results of your earlier jobs that computed the same.",
)


def reuse_query(reuse: bool | None) -> dict[str, str]:
    """The arguments of the query; none where the workflow decides."""
    return {} if reuse is None else {"reuse": "mine" if reuse else "never"}


def with_query(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path
