"""Describes apps to people and agents who write workflows: parameters, conditions, results, an
example, and what commonly goes wrong. Pure.

Texts of apps and parameters are BV-BRC's own, as ``AppService.enumerate_apps`` gives them; the
engine's table has labels alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from workflows.model.values import Json
from workflows.spec.app_examples import build_example, is_required
from workflows.spec.catalogue import App, AppSpec, Kind, Parameter, plain
from workflows.spec.checks.apps import app_rules
from workflows.spec.checks.suggestions import closest_apps, list_names

_TYPES: Final[Mapping[Kind, str]] = {Kind.TEXT: "string", Kind.TRUTH: "boolean"}
"""Kinds that have another name in JSON."""
_MISTAKES: Final[tuple[tuple[tuple[str, ...], str], ...]] = (
    (
        ("output_file",),
        "output_file is a name without '/'; the folder belongs into output_path. "
        "Two steps must not share both.",
    ),
    (
        ("paired_end_libs", "paired_end_lib"),
        "A paired read library is an object with read1 and read2, not a list of two paths.",
    ),
    (
        ("single_end_libs", "single_end_lib"),
        "A single read library is an object with read, not a path.",
    ),
    (
        ("srr_ids", "srr_libs", "srr_id", "sra_id"),
        "Only accessions of runs (SRR…, ERR…, DRR…) can be fetched; those of studies, samples and "
        "experiments cannot.",
    ),
    (
        ("genome_ids", "optional_genome_ids", "reference_genome_id", "genome_id"),
        "Genome ids are texts ('83332.10'): as numbers 83332.10 and 83332.1 are the same.",
    ),
    (
        ("genome_ids", "genome_groups"),
        "A genome that an earlier step annotated can be used by its id only when it is indexed: "
        "put a WaitForPgfams step between.",
    ),
    (
        ("recipe",),
        "recipe takes exactly one of its choices; names of other programs are refused.",
    ),
    (
        ("scientific_name", "taxonomy_id"),
        "taxonomy_id is an NCBI number (562), scientific_name the name of the organism.",
    ),
)
"""Parameters, any of which an app has, and the mistake that is common then."""


def list_item(spec: AppSpec, fact: AppSpec) -> dict[str, Json]:
    """An app in a list: ``{app, label, description}``. ``fact`` is what the engine's table adds."""
    label = fact.get("label") or spec.get("label") or spec["id"]
    return {"app": spec["id"], "label": str(label), "description": _text(spec, "description")}


def describe_app(app: App, spec: AppSpec, fact: AppSpec) -> dict[str, Json]:
    """Everything about one app."""
    texts = {raw["id"]: raw for raw in spec.get("parameters") or () if _has_id(raw)}
    return {
        **list_item(spec, fact),
        "parameters": [
            _describe_parameter(each, texts.get(each.id, {}), is_required(each, app))
            for each in app.parameters.values()
            if not each.id.startswith("_")
        ],
        "conditions": [*_needs(app), *_choices(app)],
        "outputs": [
            *({"name": name, "pattern": pattern} for name, pattern in app.outputs.items()),
            *({"name": name, "pattern": None} for name in sorted(app.later)),
        ],
        "example": build_example(app),
        "common_mistakes": [
            text for names, text in _MISTAKES if any(name in app.parameters for name in names)
        ],
    }


def find_apps(query: str, items: Iterable[tuple[Mapping[str, Json], Iterable[str]]]) -> list[Json]:
    """The list items that hold every word of the query in their id, texts or other names; where
    there is none, those whose ids resemble it.
    """
    listed = [(item, " ".join([*map(str, item.values()), *names])) for item, names in items]
    words = query.lower().split()
    matching = [item for item, text in listed if all(word in text.lower() for word in words)]
    if matching or not words:
        return matching
    same = [item for item, text in listed if plain(query) and plain(query) in plain(text)]
    near = closest_apps(query, [str(item["app"]) for item, _ in listed])
    return same or [item for item, _ in listed if item["app"] in near]


def _describe_parameter(
    parameter: Parameter, raw: Mapping[str, Any], required: bool
) -> dict[str, Json]:
    members = {each["id"]: each for each in raw.get("group") or () if _has_id(each)}
    found: dict[str, Json] = {
        "name": parameter.id,
        "type": _TYPES.get(parameter.kind, str(parameter.kind)),
        "required": required,
        "multiple": parameter.multiple,
        "default": parameter.default,
        "choices": list(parameter.choices),
        "description": _text(raw, "desc") or _text(raw, "label"),
    }
    if parameter.members:
        found["members"] = [
            _describe_parameter(each, members.get(name, {}), each.required)
            for name, each in parameter.members.items()
        ]
    return found


def _needs(app: App) -> list[dict[str, Json]]:
    """The inputs of which one must be given."""
    return [
        _condition(need.when, known, (), f"give at least one of {list_names(known)}")
        for need in app_rules.NEEDS
        if app.id in need.apps and (known := [n for n in need.one_of if n in app.parameters])
    ]


def _choices(app: App) -> list[dict[str, Json]]:
    """The choices that are usual where another parameter has a certain value."""
    return [
        _condition(
            each.when,
            [each.parameter],
            each.choices,
            f"{each.parameter} is one of {list_names(each.choices)}",
        )
        for each in app_rules.CUSTOMS
        if each.app == app.id
    ]


def _condition(
    when: Mapping[str, str], parameters: Iterable[str], choices: Iterable[str], rule: str
) -> dict[str, Json]:
    where = " and ".join(f"{name} is {value!r}" for name, value in when.items())
    return {
        "when": dict(when),
        "parameters": list(parameters),
        "choices": list(choices),
        "text": f"Where {where}, {rule}." if where else f"{rule[:1].upper()}{rule[1:]}.",
    }


def _text(found: Mapping[str, Any], key: str) -> str:
    return " ".join(str(found.get(key) or "").split())


def _has_id(raw: object) -> bool:
    return isinstance(raw, Mapping) and isinstance(raw.get("id"), str)
