"""The crate of a batch: its workflow once, and a run for each row that has begun.

A batch may have 5,000 rows, so the metadata file is written row by row, and only ids are kept. What
each step did stands in the crates of the rows' workflows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

from workflows.provenance.actions import add_run_action
from workflows.provenance.graph import CONTEXT, Entity, Graph, Reference, reference
from workflows.provenance.main_entity import NATIVE_FILE, add_main
from workflows.provenance.root import (
    METADATA,
    PROCESS,
    README,
    WORKFLOW,
    add_person,
    begin_crate,
    fill_root,
)
from workflows.provenance.run_facts import BatchFacts
from workflows.provenance.values import add_folders, app_id
from workflows.spec.document import document

TABLE: Final = "samples.csv"
_OF_ROWS: Final = ("CreateAction", "PropertyValue", "File", "Dataset")
"""Types of what a row adds; other entities are shared and grow to the end."""


def batch_files(facts: BatchFacts) -> Iterator[tuple[str, Iterable[str]]]:
    """Each file of the crate by its path, and its parts; they are to be read in this order."""
    yield METADATA, batch_metadata(facts)
    if facts.cwl:
        yield from ((path, (text,)) for path, text in facts.cwl.files.items())
    else:
        native = document(facts.compiled.spec)
        yield NATIVE_FILE, (json.dumps(native, ensure_ascii=False, indent=2), "\n")
    yield TABLE, facts.table
    yield README, (_readme(facts),)


def batch_metadata(facts: BatchFacts) -> Iterator[str]:
    """The JSON-LD document, in parts: one entity a line."""
    yield f'{{"@context": {json.dumps(CONTEXT)}, "@graph": [\n'
    separator = ""
    for entity in _entities(facts):
        yield separator + json.dumps(entity, ensure_ascii=False)
        separator = ",\n"
    yield "\n]}\n"


def _entities(facts: BatchFacts) -> Iterator[Entity]:
    graph = Graph()
    profiles = begin_crate(graph, (PROCESS, WORKFLOW))
    yield from graph.drain("CreativeWork")
    agent = add_person(graph, facts)
    main = _add_workflow(graph, facts, agent)
    for run in facts.runs:
        add_folders(graph, run.given)
        add_run_action(graph, run, main, agent)
        yield from graph.drain(*_OF_ROWS)
    fill_root(
        graph,
        facts,
        description=f"Runs of one workflow at BV-BRC, batch {facts.id}, which is {facts.state}:"
        f" what each of {facts.begun} samples was given, and what came of it.",
        published=facts.finished_at or facts.updated_at,
        author=agent,
        main=main,
        profiles=profiles,
    )
    yield from graph.entities()


def _add_workflow(graph: Graph, facts: BatchFacts, agent: Reference) -> str:
    """The workflow that all rows share, with its apps, and the table; returns the main entity."""
    graph.add("./", "Dataset")
    add_folders(graph, facts.compiled.spec.base_context)
    main = add_main(graph, facts, agent)
    for step in facts.compiled.spec.steps:
        graph.link(main, "hasPart", reference(app_id(facts.catalogue, step.app)))
    graph.add(TABLE, "File", name="The table of samples", encodingFormat="text/csv")
    return main


def _readme(facts: BatchFacts) -> str:
    files = [*(facts.cwl.files if facts.cwl else (NATIVE_FILE,)), TABLE]
    listed = "".join(f"* `{path}`\n" for path in files)
    return (
        f"# {facts.compiled.spec.name}\n\nBatch `{facts.id}` of {facts.owner} at BV-BRC, which is"
        f" {facts.state}: {facts.begun} of {facts.samples} samples have a run.\n\n`{METADATA}`"
        " describes it as a Workflow Run RO-Crate 0.5: the workflow, and for each run what it was"
        " given and what came of it. What each step of a run did is in the crate of its own"
        " workflow. Data files stay in the Workspace of BV-BRC and are named by their addresses."
        f"\n\n{listed}"
    )
