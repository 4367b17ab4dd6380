"""Reads what a job's result in the Workspace says."""

from __future__ import annotations

from collections.abc import Mapping

from workflows.bvbrc.data_api import GENOME_ID
from workflows.model.values import Json


def genome_id(found: Mapping[str, Json]) -> str:
    """``job_output.genome_id`` of a job's result, ``id`` of a genome object; empty for others."""
    output = found.get("job_output")
    genome = output.get("genome_id") if isinstance(output, Mapping) else found.get("id")
    return str(genome) if GENOME_ID.fullmatch(str(genome)) else ""


def visible_path(path: str) -> str:
    """The job's result beside its hidden folder: ``/a/.run/x.genome`` belongs to ``/a/run``."""
    names = path.rstrip("/").split("/")
    for at in (-1, -2):
        if len(names) > 1 - at and names[at].startswith("."):
            names[at:] = [names[at][1:]]
            break
    return "/".join(names)
