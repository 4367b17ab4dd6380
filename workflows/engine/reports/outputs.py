"""The results of a workflow, with the addresses where people can look at them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from workflows.bvbrc.workspace import Item
from workflows.engine.reports.views import resolve_outputs, stamp
from workflows.model.errors import Conflict, ServiceError
from workflows.model.states import StepState
from workflows.model.values import Json
from workflows.rules.links import Links, is_path
from workflows.store.workflows import specs
from workflows.store.workflows.result_checks import Seen
from workflows.store.workflows.stored import StoredWorkflow

FINAL_KEY = "workflow_outputs"


Look = Callable[[Sequence[str]], Mapping[str, Item]]
"""Lists folders of the Workspace: path to what is there. Raises ``ServiceError``, ``Conflict``."""
MOST_FOLDERS: Final = 200
"""Folders that are listed for the sizes of results; they go into one call."""


def outputs(
    workflow: StoredWorkflow, links: Links, look: Look | None = None, seen: Seen | None = None
) -> dict[str, Any]:
    """Step to output to ``{value, url?, urls?, size?, exists?}``, and under ``workflow_outputs``
    the results of the whole: those that the document names, or the outputs of its last steps.

    ``look`` tells sizes, of steps that have succeeded; they are missing where it cannot. ``seen``
    is what there was when the workflow ended.
    """
    compiled = specs.get(workflow.spec_id)
    base_url = compiled.spec.base_context.get("base_url")
    by_step, final = resolve_outputs(workflow)
    known = _sizes_now(list_results(workflow), look) if look else {}

    def entry(value: Json) -> dict[str, Json]:
        sizes = _measure(value, known)
        return {"value": value, **_addresses(links, base_url, value), **sizes, **_then(value, seen)}

    steps = {
        each.name: {name: entry(value) for name, value in by_step[step].items()}
        for step, each in enumerate(compiled.spec.steps)
    }
    named = [entry(value) for value in final]
    return {**steps, FINAL_KEY: named or _of_last_steps(workflow, steps)}


def list_results(workflow: StoredWorkflow) -> list[str]:
    """The Workspace paths among the outputs of the steps that have succeeded, in order."""
    by_step, _ = resolve_outputs(workflow)
    states = workflow.progress.states
    found: dict[str, None] = {}
    for step, values in enumerate(by_step):
        if states[step] is StepState.SUCCEEDED:
            found |= dict.fromkeys(path for each in values.values() for path in paths_in(each))
    return list(found)


def paths_in(value: Json) -> Iterator[str]:
    """The Workspace paths in a value, however deep; also those of CWL's files and directories."""
    if isinstance(value, str):
        if is_path(value):
            yield value
    elif isinstance(value, list):
        for each in value:
            yield from paths_in(each)
    elif isinstance(value, dict):
        for each in value.values():
            yield from paths_in(each)


def _sizes_now(paths: Sequence[str], look: Look) -> dict[str, int | None]:
    """As ``find_sizes``; empty where it cannot be looked."""
    try:
        return find_sizes(paths, look)
    except (ServiceError, Conflict):
        return {}


def find_sizes(paths: Sequence[str], look: Look) -> dict[str, int | None]:
    """Path to bytes, or None where there is nothing; a path that could not be looked at is
    missing. Raises what ``look`` raises.
    """
    folders = list(dict.fromkeys(path.rstrip("/").rpartition("/")[0] for path in paths))
    listed = folders[:MOST_FOLDERS]
    if not listed:
        return {}
    there = look(listed)
    sizes: dict[str, int | None] = {}
    for path in paths:
        plain = path.rstrip("/")
        if plain.rpartition("/")[0] in listed:
            sizes[path] = there[plain].size_bytes if plain in there else None
    return sizes


def _measure(value: Json, known: Mapping[str, int | None]) -> dict[str, Json]:
    """Of several paths: whether all exist, and their bytes together."""
    sizes = [known[path] for path in paths_in(value) if path in known]
    if not sizes:
        return {}
    there = [size for size in sizes if size is not None]
    exists = len(there) == len(sizes)
    return {"exists": exists, **({"size": sum(there)} if exists else {})}


def _then(value: Json, seen: Seen | None) -> dict[str, Json]:
    """The same, when the workflow ended."""
    found = _measure(value, seen.sizes) if seen else {}
    return {"at_end": {"at": stamp(seen.at), **found}} if seen and found else {}


def _of_last_steps(
    workflow: StoredWorkflow, steps: Mapping[str, Mapping[str, Mapping[str, Json]]]
) -> list[dict[str, Json]]:
    """The outputs of the steps on which no other step depends, each with its step and name."""
    dag = specs.get(workflow.spec_id).dag
    last = [name for step, name in enumerate(dag.names) if not dag.dependents[step]]
    return [
        {"step_name": step, "output": name, **found}
        for step in last
        for name, found in steps[step].items()
    ]


def _addresses(links: Links, base_url: Json, value: Json) -> dict[str, Json]:
    if url := links.to_path(base_url, value):
        return {"url": url}
    urls = [links.to_path(base_url, each) for each in value] if isinstance(value, list) else []
    return {"urls": urls} if any(urls) else {}
