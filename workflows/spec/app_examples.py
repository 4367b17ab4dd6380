"""Builds for each app the smallest workflow that validation accepts, to be shown as an example."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflows.model.values import Json
from workflows.spec.catalogue import App, Kind, Parameter
from workflows.spec.checks.apps import app_rules

_BY_KIND: Final[Mapping[Kind, Json]] = {
    Kind.TEXT: "text",
    Kind.PATH: "/user@bvbrc/home/file",
    Kind.INTEGER: 3,
    Kind.NUMBER: 0.5,
    Kind.TRUTH: True,
    Kind.LIST: ["83332.12"],
    Kind.ANY: "anything",
}
_BY_NAME: Final[Mapping[str, Json]] = {
    "output_path": "${workspace_output_folder}/example",
    "output_file": "example",
    "srr_ids": ["SRR1234567"],
    "srr_id": "SRR1234567",
    "sra_id": "SRR1234567",
    "srr_accession": "SRR1234567",
    "read1": "/user@bvbrc/home/reads_1.fastq.gz",
    "read2": "/user@bvbrc/home/reads_2.fastq.gz",
    "contigs": "/user@bvbrc/home/contigs.fasta",
    "scientific_name": "Escherichia coli",
    "taxonomy_id": 562,
    "reference_genome_id": "83332.12",
    "selectedGenomeId": "83332.12",
    "genome_id": "83332.12",
    "genome_ids": ["83332.12", "83332.111"],
}
"""Parameters whose values must look like something."""
_PREFERRED: Final = ("srr_ids", "srr_id", "genome_ids")
"""The simplest inputs, where an app takes one of several."""
_OPTIONAL_MEMBERS: Final = ("read2",)
"""Members of groups that are shown although they are optional."""


def build_example(app: App) -> dict[str, Json]:
    """A workflow document with the app as its only step; it validates."""
    return {
        "workflow_name": f"{app.id}-example",
        "version": "1.0",
        "base_context": {
            "base_url": "https://www.bv-brc.org",
            "workspace_output_folder": "/user@bvbrc/home/output",
        },
        "steps": [{"step_name": "example", "app": app.id, "params": _example_params(app)}],
    }


def is_required(parameter: Parameter, app: App) -> bool:
    """Whether a step must give it: the app requires it, or its results would have no place."""
    return parameter.required or (parameter.id in app_rules.PLACES and not app.later)


def _example_params(app: App) -> dict[str, Json]:
    params = {
        parameter.id: _example_value(parameter)
        for parameter in app.parameters.values()
        if is_required(parameter, app)
    }
    for need in app_rules.NEEDS:
        if app.id in need.apps and _is_unmet(need, app, params):
            name = _simplest_input(need, app)
            params[name] = _example_value(app.parameters[name])
    return params


def _is_unmet(need: app_rules.Need, app: App, params: Mapping[str, Json]) -> bool:
    defaults = {name: parameter.default for name, parameter in app.parameters.items()}
    chosen = {name: params.get(name, defaults.get(name)) for name in need.when}
    return chosen == need.when and not any(name in params for name in need.one_of)


def _simplest_input(need: app_rules.Need, app: App) -> str:
    known = [name for name in need.one_of if name in app.parameters]
    return next((name for name in _PREFERRED if name in known), known[0])


def _example_value(parameter: Parameter) -> Any:
    value = _BY_NAME.get(parameter.id, _value_by_kind(parameter))
    is_list = isinstance(value, list) or not parameter.multiple
    return value if is_list else [value]


def _value_by_kind(parameter: Parameter) -> Json:
    if parameter.choices:
        choice = parameter.choices[0]
        return float(choice) if parameter.kind is Kind.ANY and choice[0].isdigit() else choice
    if parameter.kind is Kind.GROUP:
        return {
            name: _example_value(member)
            for name, member in parameter.members.items()
            if member.required or name in _OPTIONAL_MEMBERS
        }
    return _BY_KIND[parameter.kind]
