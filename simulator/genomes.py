"""The data API in small: genomes and features, once they are indexed.

``GET /api/genome/?eq(genome_id,X)&select(…)&limit(n)`` and
``GET /api/genome_feature/?eq(genome_id,X)&eq(feature_type,CDS)&select(pgfam_id)&limit(n)``
answer a list of records, with ``Content-Range``. Of RQL they know ``eq``, ``ne``, ``in``, ``and``,
``select`` and ``limit(count[,offset])``, joined by ``&``. A genome that was neither annotated here
nor registered is not there: ``[]``. (What GoWe's bvbrc-wait-for-pgfams asks.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from simulator.appservice.jobs import Job
from simulator.http.server import Reply, Request
from simulator.switches import Switches

Json = Any
Record = dict[str, Json]

FEATURES, USUAL_LIMIT = 40, 25


@dataclass(frozen=True, slots=True)
class Genome:
    """A genome, the time at which it is indexed, and the number of its features with a family."""

    id: str
    name: str
    owner: str
    indexed_at: float
    pgfams: int = FEATURES

    def features(self) -> Iterator[Record]:
        for number in range(1, max(FEATURES, self.pgfams) + 1):
            family = {"pgfam_id": f"PGF_{number:08}"} if number <= self.pgfams else {}
            name = f"fig|{self.id}.peg.{number}"
            yield {"patric_id": name, "genome_id": self.id, "feature_type": "CDS", **family}

    def record(self) -> Record:
        return {"genome_id": self.id, "genome_name": self.name, "owner": self.owner}


@dataclass(slots=True)
class Genomes:
    """The index."""

    switches: Switches
    now: Callable[[], float]
    _all: dict[str, Genome] = field(default_factory=dict)

    def add_annotation(self, job: Job, genome_id: str) -> None:
        name = str(job.params.get("scientific_name") or "unknown")
        at = (job.ended or 0.0) + self.switches.index_seconds
        self.add(Genome(genome_id, name, job.owner, at))

    def add(self, genome: Genome) -> None:
        self._all[genome.id] = genome

    def respond(self, request: Request, collection: str) -> Reply:
        """A query of ``genome`` or ``genome_feature``."""
        indexed = [each for each in self._all.values() if each.indexed_at <= self.now()]
        if collection == "genome":
            records = [genome.record() for genome in indexed]
        elif collection == "genome_feature":
            records = [record for genome in indexed for record in genome.features()]
        else:
            return Reply(404, b"{}")
        return run_query(records, unquote(request.query))


def run_query(records: list[Record], query: str) -> Reply:
    """The records that an RQL query asks for."""
    terms = terms_of(query)
    found = [record for record in records if all(holds(record, *term) for term in terms)]
    count, offset = USUAL_LIMIT, 0
    for name, args in terms:
        if name == "limit":
            count, offset = int(args[0]), int(args[1]) if len(args) > 1 else 0
    page = found[offset : offset + count]
    chosen = next((args for name, args in terms if name == "select"), None)
    if chosen is not None:
        page = [{key: record[key] for key in chosen if key in record} for record in page]
    span = (("Content-Range", f"items {offset}-{offset + len(page)}/{len(found)}"),)
    return Reply(body=json.dumps(page).encode(), headers=span)


Term = tuple[str, list[str]]


def terms_of(query: str) -> list[Term]:
    """``and(a,b)&c`` as the list of its terms; other parts are ignored."""
    text = re.sub(r"\band\(((?:[^()]|\([^()]*\))*)\)", r"\1", query)
    found = re.findall(r"(\w+)\(((?:[^()]|\([^()]*\))*)\)", text)
    return [(name, [arg for arg in re.split(r"[,()]", args) if arg]) for name, args in found]


def holds(record: Record, name: str, args: list[str]) -> bool:
    value = str(record.get(args[0], "")) if args else ""
    if name == "eq":
        return value in args[1:] or (args[1:] == ["*"] and value != "")
    if name == "ne":
        return value not in args[1:]
    if name == "in":
        return value in args[1:]
    return True
