"""The Minhash service, which finds genomes like a given one: at once, without a job."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from workflows.bvbrc.rpc import Call, Rpc
from workflows.bvbrc.safe_text import plain
from workflows.model.errors import ServiceAway

FIELDS: Final = 4


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for and among what; the service's own names and order."""

    genome_id: str = ""
    """Either this, or the path of contigs in the Workspace."""
    fasta_path: str = ""
    max_pvalue: float = 1.0
    max_distance: float = 0.01
    max_hits: int = 50
    include_reference: bool = True
    include_representative: bool = True
    bacterial: bool = True
    viral: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A genome like the one that was given, and how like it."""

    genome_id: str
    distance: float
    pvalue: float
    counts: str
    """Hashes in common of those compared: ``950/1000``."""


class Minhash:
    """The service. Threads may share it; a file is read with the token of its owner."""

    def __init__(self, rpc: Rpc, url: str, *, timeout: timedelta) -> None:
        self._rpc = rpc
        self._url = url
        self._timeout = timeout

    def similar(self, token: str, search: Search) -> tuple[Hit, ...]:
        """The genomes found, in the order of the service."""
        kind = "genome" if search.genome_id else "fasta"
        params = [
            search.genome_id or search.fasta_path,
            search.max_pvalue,
            search.max_distance,
            search.max_hits,
            int(search.include_reference),
            int(search.include_representative),
            int(search.bacterial),
            int(search.viral),
        ]
        method = f"Minhash.compute_genome_distance_for_{kind}2"
        match self._rpc.call(token, Call(self._url, method, params, self._timeout)):
            case [[*rows], *_]:
                return tuple(_hit(row) for row in rows)
            case _:
                raise ServiceAway(f"{method} answered in a shape of its own")


def _hit(row: Any) -> Hit:
    """``[genome_id, distance, pvalue, counts]``; the numbers may be strings."""
    try:
        genome_id, distance, pvalue, counts = row[:FIELDS]
        return Hit(plain(genome_id), float(distance), float(pvalue), plain(counts))
    except (TypeError, ValueError, KeyError, OverflowError) as failure:
        raise ServiceAway("the Minhash service answered something else") from failure
