"""What a job left in the Workspace: its job_result, and the hidden folder beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from workflows.model.values import Json
from workflows.reuse.inputs import File, plain_path

MOST_RESULTS: Final = 1_000
"""Files of one job; a job that left more is no source."""
_MARGIN: Final = timedelta(seconds=10)
"""How far the clocks of AppService and the Workspace may differ."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a job writes (protocol.md 2.3)."""

    folder: str
    name: str

    @property
    def result(self) -> str:
        return f"{self.folder}/{self.name}"

    @property
    def hidden_folder(self) -> str:
        return f"{self.folder}/.{self.name}"

    def holds(self, path: str) -> bool:
        return path == self.result or f"{path}/".startswith(f"{self.hidden_folder}/")


def place_of(params: Mapping[str, Json]) -> Place | None:
    """None for a job that leaves nothing in the Workspace, or not at a place of its own."""
    folder, name = params.get("output_path"), params.get("output_file")
    if (
        not isinstance(folder, str)
        or not isinstance(name, str)
        or params.get("skip_workspace_output")
    ):
        return None
    sound = folder.startswith("/") and name.strip() and "/" not in name
    return Place(plain_path(folder), name) if sound else None


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of a listing, with the time at which it was made."""

    file: File
    made_at: datetime | None


def written_by(listing: Iterable[Listed], begun: datetime, ended: datetime) -> tuple[File, ...]:
    """Those files that were made while the job ran; what a user has put there before or since is
    no result of it. In the order of their paths."""
    span = begun - _MARGIN, ended + _MARGIN
    found = [each.file for each in listing if each.made_at and span[0] <= each.made_at <= span[1]]
    return tuple(sorted(found, key=lambda file: file.path))


def first_change(seen: Sequence[File], now: Iterable[File]) -> str:
    """The path of the first result that is no longer what it was; empty where all are."""
    present = set(now)
    return next((file.path for file in seen if file not in present), "")
