"""The steps that the engine runs itself instead of AppService: their names and parameters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from workflows.catalogue import App, parameter

CREATE_GROUP: Final = "CreateGroup"
SIMILAR_GENOME_FINDER: Final = "SimilarGenomeFinder"

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


def apps() -> tuple[App, ...]:
    """Both as apps, so that they are checked like any other."""
    group = {raw["id"]: parameter(raw) for raw in _GROUP}
    group["group_type"] = replace(group["group_type"], synonyms=GROUP_TYPES)
    similar = {raw["id"]: parameter(raw) for raw in _SIMILAR}
    found = frozenset({"genome_ids", "best_genome_id", "hits"})
    return (
        App(CREATE_GROUP, group, later=frozenset({"group_path"})),
        App(SIMILAR_GENOME_FINDER, similar, later=found),
    )
