"""What the reuse of results needs in each process."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from workflows.bvbrc.workspace import Workspace
from workflows.engine.jobs.lanes import Lanes

_REST_SECONDS: Final = 30.0


@dataclass(slots=True)
class Rest:
    """While the Workspace does not answer, no job waits for it before it is sent."""

    _until: float = 0.0

    def begin(self) -> None:
        self._until = time.monotonic() + _REST_SECONDS

    def goes_on(self) -> bool:
        return time.monotonic() < self._until


@dataclass(frozen=True, slots=True)
class ReuseSettings:
    """One process's; ``config/sections.py`` has the defaults."""

    workspace: Workspace
    """With a timeout that fits into the patience several times."""
    glance: Workspace
    """With a short timeout: a job waits for its answer before it is sent."""
    max_age: timedelta
    """How old a job may be whose results are reused."""
    min_age: timedelta
    """How old a file must be: before, it may still be written under the same uuid."""
    patience: timedelta
    """How long a step waits for the answer; then it runs."""
    epochs: Mapping[str, str] = field(default_factory=dict)
    """By app: a text that the operator changes when BV-BRC updates the app."""
    record: bool = True
    """Whether it is noted what jobs read and left, so that later steps may reuse it."""
    lookups: Lanes = field(default_factory=Lanes)
    notes: Lanes = field(default_factory=Lanes)
    rest: Rest = field(default_factory=Rest)
