"""The steps that the engine runs itself instead of AppService: their names and parameters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from workflows.catalogue import App, parameter

CREATE_GROUP: Final = "CreateGroup"
SIMILAR_GENOME_FINDER: Final = "SimilarGenomeFinder"
GET_GENOME_ID: Final = "GetGenomeId"
CREATE_GENOME_GROUP: Final = "CreateGenomeGroup"
WAIT_FOR_PGFAMS: Final = "WaitForPgfams"
BUILT_IN: Final = frozenset(
    {CREATE_GROUP, SIMILAR_GENOME_FINDER, GET_GENOME_ID, CREATE_GENOME_GROUP, WAIT_FOR_PGFAMS}
)
"""Only these have outputs known at run time alone."""

GROUP_TYPES: Final = {
    "genome_group": "genome",
    "genomes": "genome",
    "feature_group": "feature",
    "features": "feature",
}


def _parameter(name: str, kind: str, **facts: Any) -> dict[str, Any]:
    return {"id": name, "type": kind, **facts}


_GROUP = [
    _parameter("job_result_paths", "wstype", required=1, allow_multiple=1),
    _parameter("group_type", "enum", required=1, enum=["genome", "feature"]),
    _parameter("group_name", "string", required=1),
    _parameter("output_group_path", "folder"),
    _parameter("service_type", "string"),
]
_SIMILAR = [
    _parameter("selectedGenomeId", "string"),
    _parameter("fasta_file", "wstype"),
    _parameter("max_pvalue", "float", default=0.01),
    _parameter("max_distance", "float", default=0.01),
    _parameter("max_hits", "int", default=50),
    _parameter("include_reference", "bool", default=True),
    _parameter("include_representative", "bool", default=True),
    _parameter("include_bacterial", "bool", default=True),
    _parameter("include_viral", "bool", default=True),
    _parameter("output_path", "folder"),
    _parameter("output_file", "wsid"),
]

_GENOME = [_parameter("genome_ws_path", "wstype", required=1)]
_GENOME_GROUP = [
    _parameter("group_name", "string", required=1),
    _parameter("workspace_path", "folder"),
    _parameter("genome_ids", "string", required=1, allow_multiple=1),
]
_INDEXED = [
    _parameter("genome_id", "string", required=1),
    _parameter("min_pgfam_count", "int"),
    _parameter("timeout_seconds", "int"),
    _parameter("poll_interval_seconds", "int"),
]


def apps() -> tuple[App, ...]:
    """All as apps, so that they are checked like any other."""
    group = {raw["id"]: parameter(raw) for raw in _GROUP}
    group["group_type"] = replace(group["group_type"], synonyms=GROUP_TYPES)
    similar = {raw["id"]: parameter(raw) for raw in _SIMILAR}
    found = frozenset({"genome_ids", "best_genome_id", "hits"})
    return (
        App(CREATE_GROUP, group, later=frozenset({"group_path"})),
        App(SIMILAR_GENOME_FINDER, similar, later=found),
        _small(GET_GENOME_ID, _GENOME, "genome_id"),
        _small(CREATE_GENOME_GROUP, _GENOME_GROUP, "genome_group_path"),
        _small(WAIT_FOR_PGFAMS, _INDEXED, "genome_id"),
    )


def _small(name: str, parameters: list[dict[str, Any]], output: str) -> App:
    """One of the steps that GoWe's workflows put between apps."""
    known = {raw["id"]: parameter(raw) for raw in parameters}
    return App(name, known, later=frozenset({output}))
