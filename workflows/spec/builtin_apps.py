"""The steps that the engine runs itself instead of AppService: their names and parameters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from workflows.spec.catalogue import App, AppSpec, parameter

CREATE_GROUP: Final = "CreateGroup"
SIMILAR_GENOME_FINDER: Final = "SimilarGenomeFinder"
GET_GENOME_ID: Final = "GetGenomeId"
CREATE_GENOME_GROUP: Final = "CreateGenomeGroup"
WAIT_FOR_PGFAMS: Final = "WaitForPgfams"
BUILT_IN: Final = frozenset(
    {CREATE_GROUP, SIMILAR_GENOME_FINDER, GET_GENOME_ID, CREATE_GENOME_GROUP, WAIT_FOR_PGFAMS}
)
"""Only these have outputs that are known at run time alone."""

GROUP_TYPES: Final = {
    "genome_group": "genome",
    "genomes": "genome",
    "feature_group": "feature",
    "features": "feature",
}


def _spec(
    name: str,
    description: str,
    parameters: list[dict[str, Any]],
    *later: str,
    aliases: tuple[str, ...] = (),
) -> AppSpec:
    """A specification in AppService's form; ``later`` are outputs that only the run determines."""
    return {
        "id": name,
        "label": f"{name} (runs in the engine)",
        "description": description,
        "aliases": aliases,
        "parameters": parameters,
        "later": later,
    }


def _parameter(name: str, kind: str, **facts: Any) -> dict[str, Any]:
    return {"id": name, "type": kind, **facts}


HELPERS: Final[tuple[AppSpec, ...]] = (
    _spec(
        GET_GENOME_ID,
        "Reads the genome id of a genome that an annotation wrote into the Workspace.",
        [_parameter("genome_ws_path", "wstype", required=1)],
        "genome_id",
        aliases=("bvbrc-get-genome-id",),
    ),
    _spec(
        CREATE_GENOME_GROUP,
        "Writes a genome group of given genome ids into the Workspace.",
        [
            _parameter("group_name", "string", required=1),
            _parameter("workspace_path", "folder"),
            _parameter("genome_ids", "string", required=1, allow_multiple=1),
        ],
        "genome_group_path",
        aliases=("bvbrc-create-genome-group",),
    ),
    _spec(
        WAIT_FOR_PGFAMS,
        "Waits until the protein families of a genome are indexed, as phylogeny needs them.",
        [
            _parameter("genome_id", "string", required=1),
            _parameter("min_pgfam_count", "int"),
            _parameter("timeout_seconds", "int"),
            _parameter("poll_interval_seconds", "int"),
        ],
        "genome_id",
        aliases=("bvbrc-wait-for-pgfams",),
    ),
)
"""Small steps between apps, under the names that GoWe's CWL workflows use as well."""

SPECS: Final[tuple[AppSpec, ...]] = (
    _spec(
        CREATE_GROUP,
        "Writes a genome or feature group of the results of earlier steps.",
        [
            _parameter("job_result_paths", "wstype", required=1, allow_multiple=1),
            _parameter("group_type", "enum", required=1, enum=["genome", "feature"]),
            _parameter("group_name", "string", required=1),
            _parameter("output_group_path", "folder"),
            _parameter("service_type", "string"),
        ],
        "group_path",
    ),
    _spec(
        SIMILAR_GENOME_FINDER,
        "Finds public genomes that resemble a genome or a FASTA file (Minhash).",
        [
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
        ],
        *("genome_ids", "best_genome_id", "hits"),
        aliases=("minhash",),
    ),
    *HELPERS,
)
"""All built-in steps."""


def apps() -> tuple[App, ...]:
    """The built-in steps as apps, so that they are validated like any other."""
    return tuple(map(_app, SPECS))


def _app(spec: AppSpec) -> App:
    known = {raw["id"]: parameter(raw) for raw in spec["parameters"]}
    if "group_type" in known:
        known["group_type"] = replace(known["group_type"], synonyms=GROUP_TYPES)
    later = frozenset(spec["later"])
    return App(spec["id"], known, later=later, aliases=spec["aliases"])
