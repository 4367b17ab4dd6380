"""Checks a step's parameters together, by the data of ``app_rules``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from workflows.model.json_path import Path
from workflows.model.values import Json
from workflows.spec.catalogue import App
from workflows.spec.checks.apps import app_rules
from workflows.spec.checks.suggestions import did_you_mean, list_names
from workflows.spec.checks.value_view import ValueView, format_value
from workflows.spec.resolver import UNKNOWN_UNTIL_RUN

_NEEDS: Final[Mapping[str, list[app_rules.Need]]] = {
    app: [need for need in app_rules.NEEDS if app in need.apps]
    for app in {app for need in app_rules.NEEDS for app in need.apps}
}

_CUSTOMS: Final[Mapping[str, list[app_rules.ConditionalChoices]]] = {
    app: [custom for custom in app_rules.CUSTOMS if custom.app == app]
    for app in {custom.app for custom in app_rules.CUSTOMS}
}


def check(app: App, params: dict[str, Json], at: Path, view: ValueView) -> dict[str, Json]:
    """Reports combinations that the app refuses; returns the parameters with corrected
    accessions."""
    for need in _NEEDS.get(app.id, ()):
        if _holds(need.when, app, params, at, view) and not _any_given(need, params, at, view):
            _say_needed(need, app, params, at, view)
    for custom in _CUSTOMS.get(app.id, ()):
        if _holds(custom.when, app, params, at, view):
            _say_unusual(custom, app, params, at, view)
    _say_unpaired(app, params, at, view)
    return _with_accessions(params, at, view)


def _effective_value(
    name: str, app: App, params: Mapping[str, Json], at: Path, view: ValueView
) -> Json:
    """The value that the app uses for a parameter: the given one or its default."""
    if name in params:
        return view.value(params[name], (*at, name))
    return app.parameters[name].default if name in app.parameters else None


def _holds(
    when: Mapping[str, str], app: App, params: Mapping[str, Json], at: Path, view: ValueView
) -> bool:
    return all(
        _effective_value(name, app, params, at, view) == value for name, value in when.items()
    )


def _any_given(need: app_rules.Need, params: Mapping[str, Json], at: Path, view: ValueView) -> bool:
    values = (view.value(params[name], (*at, name)) for name in need.one_of if name in params)
    return any(value not in (None, "", [], {}) for value in values)


def _say_needed(
    need: app_rules.Need, app: App, params: Mapping[str, Json], at: Path, view: ValueView
) -> None:
    because = " and ".join(f"{name} is {value!r}" for name, value in need.when.items())
    one = "it" if len(need.one_of) == 1 else "at least one of them"
    message = f"the app needs {one}{f', since {because}' if because else ''}"
    path = (*at, need.one_of[0]) if len(need.one_of) == 1 else at
    empty = [name for name in need.one_of if name in params]
    hint = f"{list_names(empty)} is empty" if empty else partial(_to_give, need, app, params)
    view.diagnostics.problem(path, "missing_input", message, hint)


def _to_give(need: app_rules.Need, app: App, params: Mapping[str, Json]) -> str:
    """Suggests the parameters to give, and which unknown parameter was meant for one of them."""
    known = [name for name in need.one_of if name in app.parameters] or need.one_of
    slips = [name for name in params if name not in app.parameters]
    for name in known:
        if slip := did_you_mean(name, slips):
            return slip.replace("did you mean", f"was {name!r} meant by")
    return f"give {list_names(known)}"


def _say_unusual(
    custom: app_rules.ConditionalChoices,
    app: App,
    params: Mapping[str, Json],
    at: Path,
    view: ValueView,
) -> None:
    value = _effective_value(custom.parameter, app, params, at, view)
    if value is not UNKNOWN_UNTIL_RUN and value not in custom.choices:
        because = " and ".join(f"{name} is {chosen!r}" for name, chosen in custom.when.items())
        message = f"{format_value(value)} is unusual where {because}"
        hint = f"usual are {list_names(custom.choices)}"
        view.diagnostics.warning((*at, custom.parameter), "unusual_value", message, hint)


def _say_unpaired(app: App, params: Mapping[str, Json], at: Path, view: ValueView) -> None:
    """Warns about a pair without a second file, unless the first holds both."""
    libraries = params.get("paired_end_libs")
    if "paired_end_libs" not in app.parameters or not isinstance(libraries, list):
        return
    for place, library in enumerate(libraries):
        if not isinstance(library, dict) or "read1" not in library or library.get("read2"):
            continue
        if str(library.get("interleaved", "false")).lower() in ("false", "0", ""):
            path = (*at, "paired_end_libs", place)
            hint = "give read2, or interleaved: true, or use single_end_libs"
            view.diagnostics.warning(path, "unpaired_library", "there is no read2", hint)


def _with_accessions(params: dict[str, Json], at: Path, view: ValueView) -> dict[str, Json]:
    """Checks and corrects the form of accessions; warns about unusual ids of other kinds."""
    found = params
    for name in app_rules.RUN_ACCESSIONS & params.keys():
        found = {**found, name: _accessions(params[name], (*at, name), view)}
    libraries = params.get("srr_libs")
    if isinstance(libraries, list):
        better = [
            _library(library, (*at, "srr_libs", place), view)
            for place, library in enumerate(libraries)
        ]
        found = {**found, "srr_libs": better}
    for name in app_rules.TAXONOMY_IDS & params.keys():
        _say_odd_taxon(view.value(params[name], (*at, name)), (*at, name), view)
    for path, value in _genome_ids(params, at, view):
        _say_odd_genome(value, path, view)
    return found


def _say_odd_genome(value: Json, at: Path, view: ValueView) -> None:
    if isinstance(value, float):
        message = f"{value} as a number may have lost a zero at its end"
        view.diagnostics.warning(at, "odd_genome_id", message, "write it as a text")
    elif isinstance(value, str) and value and not re.fullmatch(app_rules.GENOME_ID, value):
        message = f"{format_value(value)} does not look like a genome id"
        view.diagnostics.warning(at, "odd_genome_id", message, "they read like 83332.12")


def _say_odd_taxon(value: Json, at: Path, view: ValueView) -> None:
    if not re.fullmatch(r"\s*0*[1-9]\d*\s*", str(value)) and value is not UNKNOWN_UNTIL_RUN:
        message = f"{format_value(value)} does not look like an id of the NCBI taxonomy"
        view.diagnostics.warning(at, "odd_taxonomy_id", message, "they are numbers such as 562")


def _library(library: Json, at: Path, view: ValueView) -> Json:
    if not isinstance(library, dict) or not isinstance(library.get("srr_accession"), str):
        return library
    path = (*at, "srr_accession")
    return {**library, "srr_accession": _accession(library["srr_accession"], path, view)}


def _accessions(value: Json, at: Path, view: ValueView) -> Json:
    if isinstance(value, list):
        return [_accessions(item, (*at, place), view) for place, item in enumerate(value)]
    return _accession(value, at, view) if isinstance(value, str) and value else value


def _accession(raw: str, at: Path, view: ValueView) -> Json:
    value = view.value(raw, at)
    if isinstance(value, list):  # a reference to several, as a column of a table holds them
        for each in value:
            _check_accession(each, at, view)
        return raw
    if (
        isinstance(value, str)
        and value is raw
        and value != value.strip().upper()
        and re.fullmatch(app_rules.RUN, value.strip().upper())
    ):
        return view.fix(at, "made_accession", value, value.strip().upper())
    _check_accession(value, at, view)
    return raw


def _check_accession(value: Json, at: Path, view: ValueView) -> None:
    if not isinstance(value, str):
        return
    if not re.fullmatch(app_rules.ACCESSION, value):
        message = f"{format_value(value)} is no accession of the Sequence Read Archive"
        view.diagnostics.problem(at, "bad_accession", message, "they read like SRR1234567")
    elif not re.fullmatch(app_rules.RUN, value.strip()):
        message = f"{format_value(value)} is not the accession of a run"
        view.diagnostics.warning(at, "odd_accession", message, "runs begin with SRR, ERR or DRR")


def _genome_ids(
    params: Mapping[str, Json], at: Path, view: ValueView
) -> Iterator[tuple[Path, Json]]:
    for name in app_rules.GENOME_IDS & params.keys():
        value = params[name]
        for place, raw in enumerate(value if isinstance(value, list) else [value]):
            path = (*at, name, place) if isinstance(value, list) else (*at, name)
            yield path, view.value(raw, path)
