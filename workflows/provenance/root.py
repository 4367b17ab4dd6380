"""What every crate has besides its actions: descriptor, profiles, its owner, license and root."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from workflows.provenance.graph import Graph, Reference, reference, stamp
from workflows.provenance.run_facts import Publication, WorkflowFacts
from workflows.provenance.values import SITE

METADATA: Final = "ro-crate-metadata.json"
README: Final = "README.md"
PROCESS, WORKFLOW, PROVENANCE = "process", "workflow", "provenance"
_PROFILES: Final = {
    PROCESS: "Process Run Crate",
    WORKFLOW: "Workflow Run Crate",
    PROVENANCE: "Provenance Run Crate",
}
_RUN_PROFILE: Final = "https://w3id.org/ro/wfrun/{}/0.5"
_WORKFLOW_CRATE: Final = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
_CRATE: Final = "https://w3id.org/ro/crate/1.1"


def begin_crate(graph: Graph, profiles: Sequence[str]) -> list[Reference]:
    """Adds the descriptor and what the crate conforms to; returns the latter."""
    found = [
        graph.add(_RUN_PROFILE.format(word), "CreativeWork", name=_PROFILES[word], version="0.5")
        for word in profiles
    ]
    name = "Workflow RO-Crate"
    found.append(graph.add(_WORKFLOW_CRATE, "CreativeWork", name=name, version="1.0"))
    graph.add(
        METADATA,
        "CreativeWork",
        about=reference("./"),
        conformsTo=[reference(_CRATE), reference(_WORKFLOW_CRATE)],
    )
    return found


def add_person(graph: Graph, facts: WorkflowFacts) -> Reference:
    orcid = facts.publication.people.get(facts.owner, "")
    person = orcid or f"#{quote(facts.owner, safe='@')}"
    return graph.add(person, "Person", name=facts.owner)


def add_license(graph: Graph, publication: Publication) -> Reference:
    if publication.license:
        name = publication.license.rstrip("/").rpartition("/")[2]
        return graph.add(publication.license, "CreativeWork", name=name)
    text = "The owner has not stated a license: ask before you reuse the data."
    return graph.add("#license", "CreativeWork", name="No license stated", description=text)


def fill_root(  # noqa: PLR0913 - a root says all of these
    graph: Graph,
    facts: WorkflowFacts,
    *,
    description: str,
    published: datetime,
    author: Reference,
    main: str,
    profiles: list[Reference],
) -> None:
    name = "What this crate holds"
    graph.add(README, "File", name=name, about=reference("./"), encodingFormat="text/markdown")
    publisher = graph.add(f"{SITE}/", "Organization", name="BV-BRC", url=f"{SITE}/")
    fields: dict[str, Any] = {
        "name": f"{facts.compiled.spec.name} ({facts.id})",
        "description": description,
        "datePublished": stamp(published),
        "license": add_license(graph, facts.publication),
        "author": author,
        "publisher": publisher,
        "conformsTo": profiles,
        "mainEntity": reference(main),
        "mentions": graph.ids("CreateAction"),
        "hasPart": graph.ids("File", "Dataset"),
    }
    graph.fill("./", fields)
