"""The limits of a submission, which are checked while it is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Limits:
    """The caps; the defaults are those of docs/cwl.md."""

    bundle_bytes: int = 1024 * 1024
    """All files of a submission together, and again its input object."""
    nodes: int = 200_000
    """Values in all files together, aliases and imports counted each time they are used."""
    depth: int = 100
    steps: int = 2_000
    """Native steps planned."""
    expansions: int = 20_000
    """Step instances looked at while planning, skipped ones and expressions included."""
    contents_bytes: int = 64 * 1024
    """What ``loadContents`` may load: CWL's own limit."""
    expression_time: timedelta = timedelta(seconds=1)
    """CPU time of one expression."""
    expressions_time: timedelta = timedelta(seconds=3)
    """CPU time of all expressions of one plan."""
    memory_bytes: int = 64 * 1024 * 1024
    """Memory of one expression."""
    result_bytes: int = 1024 * 1024
    """The JSON text of what one expression answers."""


LIMITS = Limits()
