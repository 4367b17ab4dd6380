"""The Minhash service: genomes similar to a genome or to contigs (protocol.md 4.4)."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

from simulator.appservice.methods import argument
from simulator.http.rpc import RpcError
from simulator.tokens import Identity
from simulator.workspace.objects import Objects, workspace_error

Json = Any
Method = Callable[[Identity | None, list[Json]], list[Json]]

OPEN_METHODS = frozenset(
    {"compute_genome_distance_for_genome2", "compute_genome_distance_for_fasta2"}
)
KNOWN_GENOMES, HASHES = 50, 1000


def methods(objects: Objects) -> dict[str, Method]:
    def for_genome(_who: Identity | None, params: list[Json]) -> list[Json]:
        genome = str(argument(params, 0) or "")
        if not genome:
            raise RpcError("Invalid arguments passed to compute_genome_distance_for_genome2")
        return [hits(genome, params)]

    def for_fasta(who: Identity | None, params: list[Json]) -> list[Json]:
        path = str(argument(params, 0) or "")
        objects.readable(path, who.user if who else "")
        item = objects.find(path)
        if item is None:
            raise workspace_error("Object not found!")
        return [hits(item.text, params)]

    return {
        "compute_genome_distance_for_genome2": for_genome,
        "compute_genome_distance_for_fasta2": for_fasta,
    }


def hits(query: str, params: list[Json]) -> list[Json]:
    """``[[genome_id, distance, pvalue, counts], …]``, nearest first, the same for the same query.

    ``params``: the query, then max_pvalue, max_distance, max_hits and four flags.
    """
    max_distance = float(argument(params, 2) or 1)
    max_hits = int(argument(params, 3) or KNOWN_GENOMES)
    seed = zlib.crc32(query.encode())
    found: list[tuple[str, float, float, str]] = []
    for rank in range(KNOWN_GENOMES):
        distance = round(0.002 + rank * 0.004, 6)
        shared = HASHES - 18 * rank
        found.append((f"{562 + seed % 1000}.{rank + 1}", distance, 0.0, f"{shared}/{HASHES}"))
    return [list(hit) for hit in found if hit[1] <= max_distance][:max_hits]
