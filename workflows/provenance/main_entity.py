"""The main entity of a crate: the workflow, with its steps and how they are connected."""

from __future__ import annotations

import posixpath
from typing import Final
from urllib.parse import quote

from workflows.provenance.actions import step_id
from workflows.provenance.graph import Graph, Reference, local_id, reference, stamp
from workflows.provenance.root import add_license
from workflows.provenance.run_facts import CwlSource, WorkflowFacts
from workflows.provenance.values import SITE, add_output, add_parameter, app_id
from workflows.spec.reference_syntax import Kind, references
from workflows.spec.reference_syntax import Reference as Link

NATIVE_FILE: Final = "workflow.json"
ENGINE: Final = "urn:bvbrc-workflow-engine"
_BIOSCHEMAS: Final = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
_NATIVE_LANGUAGE: Final = f"{ENGINE}:workflow-document"
_CWL_LANGUAGE: Final = "https://w3id.org/workflowhub/workflow-ro-crate#cwl"


def main_id(facts: WorkflowFacts) -> str:
    return quote(facts.cwl.main) if facts.cwl else NATIVE_FILE


def add_main(graph: Graph, facts: WorkflowFacts, author: Reference) -> str:
    """Returns its id."""
    spec, main = facts.compiled.spec, main_id(facts)
    positions = {step: position for position, step in enumerate(facts.compiled.order, 1)}
    for step in spec.steps:
        url = f"{SITE}/app/{quote(step.app, safe='')}"
        graph.add(app_id(facts.catalogue, step.app), "SoftwareApplication", name=step.app, url=url)
    steps = [_add_step(graph, facts, step, positions[step]) for step in range(len(spec.steps))]
    kinds = ["File", "SoftwareSourceCode", "ComputationalWorkflow"]
    graph.add(
        main,
        [*kinds, "HowTo"] if steps else kinds,
        name=spec.name,
        version=spec.version,
        conformsTo=reference(_BIOSCHEMAS),
        programmingLanguage=_add_language(graph, facts.cwl),
        creator=author,
        sdPublisher=author,
        license=add_license(graph, facts.publication),
        dateCreated=stamp(facts.created_at),
        encodingFormat="application/json" if main == NATIVE_FILE else "application/yaml",
        url=f"{SITE}/",
        step=steps,
    )
    for path in facts.cwl.files if facts.cwl else ():
        name = posixpath.basename(path)
        graph.add(quote(path), "File", name=name, encodingFormat="application/yaml")
    return main


def _add_language(graph: Graph, cwl: CwlSource | None) -> Reference:
    if cwl:
        return graph.add(
            _CWL_LANGUAGE,
            "ComputerLanguage",
            name="Common Workflow Language",
            alternateName="CWL",
            version=cwl.version,
            identifier=reference(f"https://w3id.org/cwl/{cwl.version}/"),
            url=reference("https://www.commonwl.org/"),
        )
    return graph.add(
        _NATIVE_LANGUAGE,
        "ComputerLanguage",
        name="BV-BRC workflow document",
        version="1.0",
        identifier=_NATIVE_LANGUAGE,
        url=f"{SITE}/",
    )


def _add_step(graph: Graph, facts: WorkflowFacts, step: int, position: int) -> Reference:
    spec = facts.compiled.spec.steps[step]
    return graph.add(
        step_id(facts, step),
        "HowToStep",
        name=spec.name,
        position=str(position),
        workExample=reference(app_id(facts.catalogue, spec.app)),
        connection=_connections(graph, facts, step),
    )


def _connections(graph: Graph, facts: WorkflowFacts, step: int) -> list[Reference]:
    """One for each parameter that takes another step's output."""
    spec = facts.compiled.spec.steps[step]
    apps = {each.name: each.app for each in facts.compiled.spec.steps}
    found: dict[str, Reference] = {}
    for path, link in references(dict(spec.params)):
        if not isinstance(link, Link) or link.kind is not Kind.OUTPUT or link.step not in apps:
            continue
        output, name = link.path[0], str(path[0])
        source = add_output(graph, apps[link.step], output, "/a@b/c")
        target = add_parameter(graph, facts.catalogue, spec.app, name, "/a@b/c")
        connection = local_id("connection", spec.name, link.step, output, name)
        found[connection] = graph.add(
            connection,
            "ParameterConnection",
            sourceParameter=reference(source),
            targetParameter=reference(target),
        )
    return list(found.values())
