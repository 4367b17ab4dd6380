"""The crate of a run: its metadata file, and the files that lie beside it."""

from __future__ import annotations

import json
import posixpath
from typing import Any, Final
from urllib.parse import quote

from workflows.provenance.actions import add_job_actions, add_run_action, step_id
from workflows.provenance.graph import Graph, Reference, local_id, reference, stamp
from workflows.provenance.run_facts import RunFacts
from workflows.provenance.values import SITE, add_folders, add_output, add_parameter, app_id
from workflows.spec.document import document
from workflows.spec.reference_syntax import Kind, references
from workflows.spec.reference_syntax import Reference as Link

METADATA: Final = "ro-crate-metadata.json"
NATIVE_FILE: Final = "workflow.json"
README: Final = "README.md"
_RUN_PROFILE: Final = "https://w3id.org/ro/wfrun/{}/0.5"
_WORKFLOW_CRATE: Final = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
_CRATE: Final = "https://w3id.org/ro/crate/1.1"
_ENGINE: Final = "urn:bvbrc-workflow-engine"
_BIOSCHEMAS: Final = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
_NATIVE_LANGUAGE: Final = f"{_ENGINE}:workflow-document"
_CWL_LANGUAGE: Final = "https://w3id.org/workflowhub/workflow-ro-crate#cwl"


def crate_files(facts: RunFacts) -> dict[str, bytes]:
    """Every file of the crate by its path; the same facts give the same bytes."""
    native = document(facts.compiled.spec)
    cwl = facts.cwl.files if facts.cwl else {}
    texts = {
        METADATA: _as_text(metadata(facts)),
        NATIVE_FILE: _as_text(native),
        README: _readme(facts),
        **cwl,
    }
    return {path: text.encode("utf-8", "replace") for path, text in texts.items()}


def metadata(facts: RunFacts) -> dict[str, Any]:
    """The JSON-LD document of the crate."""
    graph = Graph()
    profiles = [*_crate_profiles(graph, facts)]
    _add_descriptor(graph)
    main = quote(facts.cwl.main) if facts.cwl else NATIVE_FILE
    agent = _add_person(graph, facts)
    graph.add("./", "Dataset")
    for named in (facts.compiled.spec.base_context, *(job.params for job in facts.jobs)):
        add_folders(graph, named)
    _add_main(graph, facts, main, agent)
    controls = add_job_actions(graph, facts, agent)
    for job in facts.ended_jobs:
        graph.link(main, "hasPart", reference(app_id(facts.catalogue, job.app)))
    run = add_run_action(graph, facts, main, agent)
    _add_organize_action(graph, facts, controls, run)
    _fill_root(graph, facts, main, agent, profiles)
    return graph.document()


def _crate_profiles(graph: Graph, facts: RunFacts) -> list[Reference]:
    """What the crate conforms to: Provenance Run Crate asks for the run of a tool, so that it is
    claimed only once there is one."""
    names = {"process": "Process Run Crate", "workflow": "Workflow Run Crate"}
    if facts.ended_jobs:
        names["provenance"] = "Provenance Run Crate"
    found = [
        graph.add(_RUN_PROFILE.format(word), "CreativeWork", name=name, version="0.5")
        for word, name in names.items()
    ]
    name = "Workflow RO-Crate"
    return [*found, graph.add(_WORKFLOW_CRATE, "CreativeWork", name=name, version="1.0")]


def _add_descriptor(graph: Graph) -> None:
    graph.add(
        METADATA,
        "CreativeWork",
        about=reference("./"),
        conformsTo=[reference(_CRATE), reference(_WORKFLOW_CRATE)],
    )


def _add_person(graph: Graph, facts: RunFacts) -> Reference:
    orcid = facts.publication.people.get(facts.owner, "")
    person = orcid or f"#{quote(facts.owner, safe='@')}"
    return graph.add(person, "Person", name=facts.owner)


def _add_main(graph: Graph, facts: RunFacts, main: str, author: Reference) -> None:
    spec = facts.compiled.spec
    positions = {step: position for position, step in enumerate(facts.compiled.order, 1)}
    for step in spec.steps:
        url = f"{SITE}/app/{quote(step.app, safe='')}"
        graph.add(app_id(facts.catalogue, step.app), "SoftwareApplication", name=step.app, url=url)
    graph.add(
        main,
        ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
        name=spec.name,
        version=spec.version,
        conformsTo=reference(_BIOSCHEMAS),
        programmingLanguage=_add_language(graph, facts),
        creator=author,
        sdPublisher=author,
        license=_add_license(graph, facts),
        dateCreated=stamp(facts.created_at),
        encodingFormat="application/json" if main == NATIVE_FILE else "application/yaml",
        url=f"{SITE}/",
        step=[_add_step(graph, facts, step, positions[step]) for step in range(len(spec.steps))],
    )
    if facts.cwl:
        name = "The native workflow that the CWL was turned into"
        graph.add(NATIVE_FILE, "File", name=name, encodingFormat="application/json")
        for path in facts.cwl.files:
            name = posixpath.basename(path)
            graph.add(quote(path), "File", name=name, encodingFormat="application/yaml")


def _add_language(graph: Graph, facts: RunFacts) -> Reference:
    if facts.cwl:
        return graph.add(
            _CWL_LANGUAGE,
            "ComputerLanguage",
            name="Common Workflow Language",
            alternateName="CWL",
            version=facts.cwl.version,
            identifier=reference(f"https://w3id.org/cwl/{facts.cwl.version}/"),
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


def _add_step(graph: Graph, facts: RunFacts, step: int, position: int) -> Reference:
    spec = facts.compiled.spec.steps[step]
    return graph.add(
        step_id(facts, step),
        "HowToStep",
        name=spec.name,
        position=str(position),
        workExample=reference(app_id(facts.catalogue, spec.app)),
        connection=_connections(graph, facts, step),
    )


def _connections(graph: Graph, facts: RunFacts, step: int) -> list[Reference]:
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


def _add_organize_action(
    graph: Graph, facts: RunFacts, controls: list[Reference], run: Reference
) -> None:
    """How the engine ran the steps; there is none before the first one has ended."""
    if not controls:
        return
    version = facts.publication.engine_version
    engine = graph.add(
        f"{_ENGINE}:{version}",
        "SoftwareApplication",
        name="BV-BRC workflow engine",
        softwareVersion=version,
        url=f"{SITE}/",
    )
    graph.add(
        local_id("organize", facts.id),
        "OrganizeAction",
        name=f"Run of {facts.compiled.spec.name} by the BV-BRC workflow engine",
        instrument=engine,
        object=controls,
        result=run,
        startTime=stamp(facts.starts_at),
        endTime=stamp(facts.ends_at),
    )


def _add_license(graph: Graph, facts: RunFacts) -> Reference:
    license_url = facts.publication.license
    if license_url:
        name = license_url.rstrip("/").rpartition("/")[2]
        return graph.add(license_url, "CreativeWork", name=name)
    text = "The owner has not stated a license: ask before you reuse the data."
    return graph.add("#license", "CreativeWork", name="No license stated", description=text)


def _fill_root(
    graph: Graph, facts: RunFacts, main: str, author: Reference, profiles: list[Reference]
) -> None:
    about = reference("./")
    name = "What this crate holds"
    graph.add(README, "File", name=name, about=about, encodingFormat="text/markdown")
    spec = facts.compiled.spec
    publisher = graph.add(f"{SITE}/", "Organization", name="BV-BRC", url=f"{SITE}/")
    fields: dict[str, Any] = {
        "name": f"{spec.name} ({facts.id})",
        "description": f"The run of workflow {facts.id} at BV-BRC, which is {facts.state}: its"
        " steps, what each was given, and what came of it.",
        "datePublished": stamp(facts.ends_at or facts.updated_at),
        "license": _add_license(graph, facts),
        "author": author,
        "publisher": publisher,
        "conformsTo": profiles,
        "mainEntity": reference(main),
        "mentions": graph.ids("CreateAction"),
        "hasPart": graph.ids("File", "Dataset"),
    }
    graph.fill("./", fields)


def _as_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _readme(facts: RunFacts) -> str:
    spec, files = facts.compiled.spec, [NATIVE_FILE, *(facts.cwl.files if facts.cwl else ())]
    listed = "".join(f"* `{path}`\n" for path in files)
    return (
        f"# {spec.name}\n\nThe run of workflow `{facts.id}` of {facts.owner} at BV-BRC, which is"
        f" {facts.state}.\n\n`{METADATA}` describes it as a Workflow Run RO-Crate 0.5: its"
        f" {len(spec.steps)} steps, {len(facts.jobs)} jobs, what each was given, and what came of"
        " it. Data files stay in the Workspace of BV-BRC and are named by their addresses.\n\n"
        f"{listed}"
    )
