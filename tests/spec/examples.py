"""Workflows to examine: for every app of the table the smallest step that is sound."""

from __future__ import annotations

import copy
from typing import Any

from workflows.backends import declared_apps
from workflows.bvbrc import app_table
from workflows.spec.catalogue import App, AppCatalogue, Kind, Parameter, catalogue
from workflows.spec.checks.apps import app_rules
from workflows.spec.validate import Examination, Limits, examine

Document = dict[str, Any]

CATALOGUE: AppCatalogue = catalogue(app_table.load(), app_table.load(), declared_apps.apps())
APPS = sorted(CATALOGUE.apps)

SOUND: dict[Kind, Any] = {
    Kind.TEXT: "text",
    Kind.PATH: "/alice@bvbrc/home/file",
    Kind.INTEGER: 3,
    Kind.NUMBER: 0.5,
    Kind.TRUTH: True,
    Kind.LIST: ["83332.12"],
    Kind.ANY: "anything",
}
SPECIAL: dict[str, Any] = {
    "output_file": "result",
    "output_path": "${workspace_output_folder}/here",
    "srr_ids": ["SRR1234567"],
    "srr_id": "SRR1234567",
    "sra_id": "SRR1234567",
    "srr_accession": "SRR1234567",
    "reference_genome_id": "83332.12",
    "taxonomy_id": 83332,
    "selectedGenomeId": "83332.12",
    "genome_ids": ["83332.12"],
}
"""Parameters whose values must look like something."""


def sound_value(parameter: Parameter) -> Any:
    """A value that the app takes."""
    value = copy.deepcopy(SPECIAL.get(parameter.id, _by_kind(parameter)))
    listed = isinstance(value, list) or not parameter.multiple
    return value if listed else [value]


def _by_kind(parameter: Parameter) -> Any:
    if parameter.choices:
        choice = parameter.choices[0]
        return float(choice) if parameter.kind is Kind.ANY and choice[0].isdigit() else choice
    if parameter.kind is Kind.GROUP:
        return {name: sound_value(member) for name, member in parameter.members.items()}
    return SOUND[parameter.kind]


def minimal_params(app: App) -> Document:
    """What the app requires, and what its results need."""
    wanted = [
        parameter
        for parameter in app.parameters.values()
        if parameter.required or (parameter.id in ("output_path", "output_file") and not app.later)
    ]
    params = {parameter.id: sound_value(parameter) for parameter in wanted}
    for need in (need for need in app_rules.NEEDS if app.id in need.apps):
        chosen = {name: params.get(name, app.parameters[name].default) for name in need.when}
        given = any(name in params for name in need.one_of)
        if chosen == need.when and not given:
            name = next(name for name in need.one_of if name in app.parameters)
            params[name] = sound_value(app.parameters[name])
    return params


def step(app: str, params: Document | None = None, **fields: Any) -> Document:
    found = minimal_params(CATALOGUE.apps[app]) if params is None else params
    return {"step_name": "only", "app": app, "params": found, **fields}


def workflow(*steps: Document, **fields: Any) -> Document:
    return {
        "workflow_name": "example",
        "version": "1.0",
        "base_context": {
            "base_url": "https://www.bv-brc.org",
            "workspace_output_folder": "/alice@bvbrc/home/run",
        },
        "steps": list(steps),
        **fields,
    }


def look(document: Any, limits: Limits | None = None) -> Examination:
    return examine(document, CATALOGUE, limits or Limits())


def codes(document: Any, limits: Limits | None = None) -> dict[str, str]:
    """Path to code of every problem."""
    return {problem.path: problem.code for problem in look(document, limits).problems}
