"""The crate of a run: its metadata file, and the files that lie beside it."""

from __future__ import annotations

import json
from typing import Any

from workflows.provenance.actions import add_job_actions, add_run_action, run_of
from workflows.provenance.graph import Graph, Reference, local_id, reference, stamp
from workflows.provenance.main_entity import ENGINE, NATIVE_FILE, add_main
from workflows.provenance.root import (
    METADATA,
    PROCESS,
    PROVENANCE,
    README,
    WORKFLOW,
    add_person,
    begin_crate,
    fill_root,
)
from workflows.provenance.run_facts import RunFacts
from workflows.provenance.values import SITE, add_folders, app_id
from workflows.spec.document import document


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
    """The JSON-LD document of the crate. Provenance Run Crate asks for the run of a tool, so that
    it is claimed only once there is one.
    """
    graph = Graph()
    claimed = [PROCESS, WORKFLOW, *([PROVENANCE] if facts.ended_jobs else [])]
    profiles = begin_crate(graph, claimed)
    agent = add_person(graph, facts)
    graph.add("./", "Dataset")
    for named in (facts.compiled.spec.base_context, *(job.params for job in facts.jobs)):
        add_folders(graph, named)
    main = add_main(graph, facts, agent)
    if facts.cwl:
        name = "The native workflow that the CWL was turned into"
        graph.add(NATIVE_FILE, "File", name=name, encodingFormat="application/json")
    controls = add_job_actions(graph, facts, agent)
    for job in facts.ended_jobs:
        graph.link(main, "hasPart", reference(app_id(facts.catalogue, job.app)))
    run = add_run_action(graph, run_of(facts), main, agent)
    _add_organize_action(graph, facts, controls, run)
    fill_root(
        graph,
        facts,
        description=f"The run of workflow {facts.id} at BV-BRC, which is {facts.state}: its steps,"
        " what each was given, and what came of it.",
        published=facts.ends_at or facts.updated_at,
        author=agent,
        main=main,
        profiles=profiles,
    )
    return graph.document()


def _add_organize_action(
    graph: Graph, facts: RunFacts, controls: list[Reference], run: Reference
) -> None:
    """How the engine ran the steps; there is none before the first one has ended."""
    if not controls:
        return
    version = facts.publication.engine_version
    engine = graph.add(
        f"{ENGINE}:{version}",
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
