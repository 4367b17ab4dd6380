"""The results of a workflow, with the addresses where people can look at them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.engine.views import resolve_outputs
from workflows.model.values import Json
from workflows.rules.links import Links
from workflows.store.workflows import specs
from workflows.store.workflows.stored import StoredWorkflow

FINAL_KEY = "workflow_outputs"


def outputs(workflow: StoredWorkflow, links: Links) -> dict[str, Any]:
    """Step to output to ``{value, url?, urls?}``, and under ``workflow_outputs`` the results of the
    whole: those that the document names, otherwise the outputs of its last steps.
    """
    compiled = specs.get(workflow.spec_id)
    base_url = compiled.spec.base_context.get("base_url")
    by_step, final = resolve_outputs(workflow)

    def entry(value: Json) -> dict[str, Json]:
        return {"value": value, **_addresses(links, base_url, value)}

    steps = {
        each.name: {name: entry(value) for name, value in by_step[step].items()}
        for step, each in enumerate(compiled.spec.steps)
    }
    named = [entry(value) for value in final]
    return {**steps, FINAL_KEY: named or _of_last_steps(workflow, steps)}


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
