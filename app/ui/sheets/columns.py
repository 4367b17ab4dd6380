"""Which parameter each column of a sample sheet fills, guessed from names; pure."""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from app.ui.start.form_layout import label_of
from app.ui.start.widgets import RUNS, Widget, widget_of
from workflows.model.json_path import Path, format_path
from workflows.model.values import Json
from workflows.spec.batches.table import SAMPLE_NAMES
from workflows.spec.batches.template import find_uses
from workflows.spec.catalogue import App, Parameter, plain
from workflows.spec.checks.apps import app_rules

_PLAIN: Final = re.compile(r"[^\W\d]\w*")
_HIDDEN: Final = frozenset({"output_path", "output_file"})


@dataclass(frozen=True, slots=True)
class Target:
    """A place of the workflow that a column can fill."""

    path: Path
    label: str
    names: frozenset[str]
    """What a column may be called that is meant for it, without case and separators."""

    @property
    def id(self) -> str:
        return format_path(self.path)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the sheet."""

    name: str
    fills: str
    """The id of its target; empty: none."""
    written: bool = False
    """The workflow itself refers to it."""


def find_targets(document: Mapping[str, Any], apps: Mapping[str, App]) -> list[Target]:
    """The places of a workflow that columns can fill, in the order of its steps."""
    steps = document.get("steps")
    found: list[Target] = []
    for number, step in enumerate(steps if isinstance(steps, list) else []):
        app = apps.get(str(step.get("app"))) if isinstance(step, dict) else None
        if app is None or not isinstance(step.get("params"), dict):
            continue
        prefix = f"{step.get('step_name')}: " if len(steps or ()) > 1 else ""
        for parameter in app.parameters.values():
            at: Path = ("steps", number, "params", parameter.id)
            found += _targets(parameter, at, prefix)
    return found


def _targets(parameter: Parameter, at: Path, prefix: str) -> Iterator[Target]:
    name, widget = parameter.id, widget_of(parameter)
    if name in _HIDDEN or name.startswith("_") or widget is Widget.JSON:
        return
    if widget in (Widget.GROUP, Widget.GROUPS):
        inside: Path = (*at, 0) if widget is Widget.GROUPS else at
        label = label_of(name, {})
        for member in parameter.members.values():
            text = f"{prefix}{label}, {label_of(member.id, {}).lower()}"
            yield Target((*inside, member.id), text, names_of(member.id))
    else:
        yield Target(at, f"{prefix}{label_of(name, {})} ({name})", names_of(name))


def names_of(parameter: str) -> frozenset[str]:
    """What a column may be called that is meant for a parameter."""
    others = [*app_rules.OTHER_NAMES.get(parameter, "").split()]
    others += app_rules.LIBRARY_MEMBERS.get(parameter, ())
    if parameter == RUNS:
        others += [*app_rules.LIBRARY_MEMBERS["srr_accession"], "srr_accession", "srr_id"]
    return frozenset(map(plain, (parameter, *others)))


def match_columns(
    columns: Sequence[str],
    document: Mapping[str, Json],
    targets: Sequence[Target],
    chosen: Mapping[str, str],
) -> list[Column]:
    """What each column fills: as the workflow says, as it was chosen, or by its name."""
    written = {use.column for use in find_uses(document)} if _has_steps(document) else set()
    ids = {target.id for target in targets}
    taken = {choice for choice in chosen.values() if choice in ids}
    naming = next((each for name in SAMPLE_NAMES for each in columns if each.lower() == name), "")
    found: list[Column] = []
    for name in columns:
        if name in written:
            found.append(Column(name, "", written=True))
        elif name in chosen:
            found.append(Column(name, chosen[name] if chosen[name] in ids else ""))
        else:
            fills = "" if name == naming else _guess(name, targets, taken)
            taken.add(fills)
            found.append(Column(name, fills))
    return found


def _guess(column: str, targets: Sequence[Target], taken: Collection[str]) -> str:
    word = plain(column)
    return next((each.id for each in targets if word in each.names and each.id not in taken), "")


def fill_columns(
    document: Mapping[str, Json], targets: Sequence[Target], columns: Sequence[Column]
) -> dict[str, Json]:
    """The workflow with a reference to each column at the place that it fills."""
    found = copy.deepcopy(dict(document))
    paths = {target.id: target.path for target in targets}
    for column in columns:
        if column.fills in paths and (text := _reference(column.name)):
            _put(found, paths[column.fills], text)
    return found


def _reference(column: str) -> str:
    if any(each in column for each in "{}"):
        return ""
    if _PLAIN.fullmatch(column):
        return f"${{sample.{column}}}"
    quote = '"' if "'" in column else "'"
    return "" if quote in column else f"${{sample[{quote}{column}{quote}]}}"


def _put(document: Any, path: Path, value: Json) -> None:
    """Makes objects and lists on the way where they are missing."""
    for key, following in pairwise(path):
        made: Any = [] if isinstance(following, int) else {}
        if isinstance(key, int):
            document += [None] * (key + 1 - len(document))
        if not isinstance(document[key] if isinstance(key, int) else document.get(key), type(made)):
            document[key] = made
        document = document[key]
    document[path[-1]] = value


def _has_steps(document: Mapping[str, Json]) -> bool:
    return isinstance(document.get("steps"), list)
