"""The catalogue of apps: their parameters and outputs, as values without rules.

It is made from the service's specifications (``AppService.enumerate_apps``) and the project's own
table: aliases, and the results that each app writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from workflows.model.values import APPSERVICE, Json

AppSpec = Mapping[str, Any]
"""A specification as the service gives it: ``{id, parameters: [{id, type, required, …}], …}``."""


class Kind(StrEnum):
    """The kind of a parameter's value."""

    TEXT = "text"
    PATH = "path"
    INTEGER = "integer"
    NUMBER = "number"
    TRUTH = "truth"
    CHOICE = "choice"
    LIST = "list"
    GROUP = "group"
    ANY = "any"


KINDS: Mapping[str, Kind] = {
    "string": Kind.TEXT,
    "wsid": Kind.PATH,
    "folder": Kind.PATH,
    "wstype": Kind.PATH,
    "int": Kind.INTEGER,
    "integer": Kind.INTEGER,
    "float": Kind.NUMBER,
    "number": Kind.NUMBER,
    "flaot": Kind.NUMBER,  # as FluxBalanceAnalysis has it
    "bool": Kind.TRUTH,
    "boolean": Kind.TRUTH,
    "enum": Kind.CHOICE,
    "list": Kind.LIST,
    "array": Kind.LIST,
    "group": Kind.GROUP,
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an app, or one member of a group of them."""

    id: str
    kind: Kind
    required: bool = False
    """True if it must be given: the app requires it and has no default for it."""
    default: Json = None
    choices: tuple[str, ...] = ()
    multiple: bool = False
    """True if it takes a list of such values."""
    members: Mapping[str, Parameter] = field(default_factory=dict)
    synonyms: Mapping[str, str] = field(default_factory=dict)
    """Aliases of its choices."""


@dataclass(frozen=True, slots=True)
class App:
    """One app."""

    id: str
    parameters: Mapping[str, Parameter]
    outputs: Mapping[str, str] = field(default_factory=dict)
    """Name to template, as a workflow would declare it."""
    later: frozenset[str] = frozenset()
    """Outputs that only the run determines."""
    aliases: tuple[str, ...] = ()
    in_table: bool = True
    """False if only the service lists it: then its outputs are not known."""
    backend: str = APPSERVICE
    """The name of the backend that runs it."""
    volatile: bool = False
    """True if its results must never stand for those of another run."""


@dataclass(frozen=True, slots=True)
class AppCatalogue:
    """Every app that may be used. ``note`` is a warning if the catalogue is not the service's
    own."""

    apps: Mapping[str, App]
    names: Mapping[str, str]
    """Plain forms of ids and of other names to ids."""
    note: str = ""


def plain(name: str) -> str:
    """A name without case and separators: ``genome_annotation`` is ``genomeannotation``."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def catalogue(
    specs: Iterable[AppSpec],
    known: Iterable[AppSpec] = (),
    extra: Iterable[App] = (),
    note: str = "",
) -> AppCatalogue:
    """The apps of ``specs``, with the ``aliases`` and ``outputs`` that ``known`` has for them.

    ``extra`` are apps that backends declare themselves. Entries that are no specification are
    skipped.
    """
    facts = {spec["id"]: spec for spec in known}
    apps = {app.id: app for app in extra}
    for spec in specs:
        if isinstance(spec, Mapping) and isinstance(spec.get("id"), str):
            in_table = not facts or spec["id"] in facts
            apps[spec["id"]] = _app(spec, facts.get(spec["id"], spec), in_table)
    names = {plain(name): name for name in apps}
    for app in apps.values():
        names.update({plain(alias): app.id for alias in app.aliases})
    return AppCatalogue(apps, names, note)


def parameter(raw: Mapping[str, Any]) -> Parameter:
    """A parameter as the specifications write it: 0, 1 and true for required, texts for numbers."""
    kind, choices = _kind(raw)
    default = raw.get("default")
    return Parameter(
        id=raw["id"],
        kind=kind,
        required=raw.get("required") in (1, True, "1", "true") and default is None,
        default=default,
        choices=choices,
        multiple=raw.get("allow_multiple") in (1, True, "1", "true"),
        members=_parameters(raw.get("group") or ()),
    )


def _app(spec: AppSpec, fact: AppSpec, in_table: bool) -> App:
    outputs = fact.get("outputs") or {}
    parameters = _parameters(spec.get("parameters") or ())
    aliases = tuple(fact.get("aliases") or ())
    volatile = fact.get("reuse") == "never"
    return App(
        spec["id"], parameters, outputs, aliases=aliases, in_table=in_table, volatile=volatile
    )


def _parameters(raws: Iterable[Mapping[str, Any]]) -> dict[str, Parameter]:
    """By id; entries without one are comments. Of two the last counts, unless one is required."""
    found: dict[str, Parameter] = {}
    for raw in raws:
        if not isinstance(raw, Mapping) or not isinstance(raw.get("id"), str):
            continue
        new = parameter(raw)
        old = found.get(new.id)
        if old is not None:
            new = replace(new, required=new.required or old.required)
        found[new.id] = new
    return found


def _kind(raw: Mapping[str, Any]) -> tuple[Kind, tuple[str, ...]]:
    """What a type word means; a list of words names kinds of objects, which is not checked."""
    word, choices = raw.get("type"), raw.get("enum") or ()
    texts = tuple(map(str, choices)) if isinstance(choices, list | tuple) else ()
    if isinstance(word, str):
        return KINDS.get(word, Kind.ANY), texts
    return Kind.ANY, texts
