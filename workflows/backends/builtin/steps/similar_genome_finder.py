"""SimilarGenomeFinder: the genomes that are most similar to one, by BV-BRC's Minhash service."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from workflows.backends.builtin import step_params
from workflows.backends.builtin.declaration import BuiltinStep, Clients, Results, declare
from workflows.bvbrc.minhash import Search
from workflows.model.errors import Rejected
from workflows.model.values import Job


def _find_similar_genomes(clients: Clients, token: str, job: Job) -> Results:
    params = job.params
    search = Search(
        genome_id=step_params.string(params, "selectedGenomeId"),
        fasta_path=step_params.string(params, "fasta_file"),
        max_pvalue=step_params.number(params, "max_pvalue", 0.01),
        max_distance=step_params.number(params, "max_distance", 0.01),
        max_hits=step_params.integer(params, "max_hits", 50, least=1),
        include_reference=step_params.boolean(params, "include_reference", default=True),
        include_representative=step_params.boolean(params, "include_representative", default=True),
        bacterial=step_params.boolean(params, "include_bacterial", default=True),
        viral=step_params.boolean(params, "include_viral", default=True),
    )
    if not search.genome_id and not search.fasta_path:
        raise Rejected("neither selectedGenomeId nor fasta_file is given")
    hits = clients.minhash.similar(token, search)
    if not hits:
        raise Rejected("no genome is as similar as that")
    ids = [hit.genome_id for hit in hits]
    best = min(hits, key=lambda hit: hit.distance).genome_id
    return {"genome_ids": ids, "best_genome_id": best, "hits": [asdict(hit) for hit in hits]}


STEP: Final = BuiltinStep(
    "SimilarGenomeFinder",
    "Finds public genomes that resemble a genome or a FASTA file (Minhash).",
    (
        declare("selectedGenomeId", "string"),
        declare("fasta_file", "wstype"),
        declare("max_pvalue", "float", default=0.01),
        declare("max_distance", "float", default=0.01),
        declare("max_hits", "int", default=50),
        declare("include_reference", "bool", default=True),
        declare("include_representative", "bool", default=True),
        declare("include_bacterial", "bool", default=True),
        declare("include_viral", "bool", default=True),
        declare("output_path", "folder"),
        declare("output_file", "wsid"),
    ),
    ("genome_ids", "best_genome_id", "hits"),
    _find_similar_genomes,
    aliases=("minhash",),
)
