"""Addresses of BV-BRC's pages about a workflow's results and jobs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from workflows.model.values import Json

_PATH: Final = re.compile(r"/+[^/\n]+@[^/\n]+/+[^/\n]+(?:/+[^\n]+)?")


def is_path(value: Json) -> bool:
    """Whether it is a path of the Workspace, of a file or a folder."""
    return isinstance(value, str) and bool(_PATH.fullmatch(value))


@dataclass(frozen=True, slots=True)
class Links:
    """The patterns of the addresses; an empty one makes no links."""

    workspace_url: str
    """With ``{base_url}`` and ``{path}``."""
    job_url: str
    """With ``{base_url}`` and ``{job_id}``."""

    def to_path(self, base_url: Json, path: Json) -> str:
        """The Workspace browser at that path; empty for anything that is no Workspace path."""
        if not is_path(path):
            return ""
        return self._fill(self.workspace_url, base_url, path=quote(path, safe="/@"))

    def to_job(self, base_url: Json, job_id: str) -> str:
        return self._fill(self.job_url, base_url, job_id=quote(job_id)) if job_id else ""

    def to_job_folder(self, base_url: Json, params: Json) -> str:
        """Where a job's files are: the hidden folder beside its result."""
        place, name = params.get("output_path"), params.get("output_file")
        if not isinstance(place, str) or not isinstance(name, str) or not name:
            return ""
        return self.to_path(base_url, f"{place.rstrip('/')}/.{name}")

    def _fill(self, pattern: str, base_url: Json, **values: str) -> str:
        """Empty where the workflow's ``base_url`` is no web address."""
        base = str(base_url).rstrip("/")
        if urlsplit(base).scheme not in ("http", "https"):
            return ""
        return pattern.format(base_url=base, **values)
