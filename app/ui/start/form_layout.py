"""The form of an app: its sections, controls, conditions, and each problem at its control; pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.ui.start.form_values import Texts, control, filled_rows, row_keys
from app.ui.start.widgets import Widget, widget_of
from workflows.model.errors import Problem
from workflows.model.json_path import Path, format_path
from workflows.model.values import Json
from workflows.spec.catalogue import App, AppSpec, Kind, Parameter, plain
from workflows.spec.checks.apps import app_rules

PARAMS: Final[Path] = ("steps", 0, "params")
NAME, FOLDER = "name", "folder"
"""The controls besides those of parameters: the workflow's name and the folder of its results."""
_HIDDEN: Final = frozenset({"output_path"})
_READS: Final = (
    *("paired_end_libs", "paired_end_lib", "single_end_libs", "single_end_lib"),
    *("srr_ids", "srr_libs", "srr_id", "sra_id"),
)
_LABELS: Final[Mapping[str, str]] = {
    "output_file": "Name of the results",
    "output_path": "Folder of this step",
    "paired_end_libs": "Paired reads",
    "paired_end_lib": "Paired reads",
    "single_end_libs": "Single reads",
    "single_end_lib": "Single reads",
    "srr_ids": "SRA run",
    "srr_libs": "SRA run",
    "srr_id": "SRA run",
    "sra_id": "SRA run",
    "read1": "First file of reads",
    "read2": "Second file of reads",
    "read": "File of reads",
    "srr_accession": "SRA accession",
    "sample_id": "Sample",
    "taxonomy_id": "NCBI taxonomy id",
    "code": "Genetic code",
}
"""Names that people know better than those of the specifications."""
_ADD: Final[Mapping[str, str]] = {
    "Paired reads": "Add paired reads",
    "Single reads": "Add single reads",
    "SRA run": "Add an SRA run",
}
"""Labels of groups, and of the buttons that add one."""
_HINTS: Final[Mapping[str, str]] = {
    "srr_ids": "An accession such as SRR1234567.",
    "srr_accession": "An accession such as SRR1234567.",
    "taxonomy_id": "A number such as 562.",
}
_LONGEST_DEFAULT: Final = 40


@dataclass(frozen=True, slots=True)
class Note:
    """What validation says of one place."""

    text: str
    is_problem: bool


@dataclass(frozen=True, slots=True)
class Field:
    """One control with its label."""

    name: str
    path: str
    label: str
    widget: Widget = Widget.LINE
    value: str = ""
    help: str = ""
    default: str = ""
    """As it is shown; empty: none."""
    required: bool = False
    choices: tuple[str, ...] = ()
    unusual: tuple[str, ...] = ()
    """Choices that do not go with another parameter's present value."""
    is_path: bool = False
    """Its value is a path in the Workspace."""
    decides: bool = False
    """Other controls depend on it."""
    active: bool = True
    """False: its condition does not hold, and its value is not used."""
    notes: list[Note] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.name.replace(".", "-")

    @property
    def is_faulty(self) -> bool:
        return any(note.is_problem for note in self.notes)


@dataclass(frozen=True, slots=True)
class Row:
    """One group of controls; those that are rarely needed stand apart."""

    title: str
    path: str
    drop: str
    """The action that removes it; empty: it stays."""
    fields: tuple[Field, ...]
    more: tuple[Field, ...] = ()
    notes: list[Note] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rows:
    """The groups of one parameter."""

    name: str
    path: str
    label: str
    add: str
    """The action that adds one; empty: there is one, always."""
    add_label: str
    rows: tuple[Row, ...]
    help: str = ""
    active: bool = True
    notes: list[Note] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.name.replace(".", "-")


Item = Field | Rows


@dataclass(frozen=True, slots=True)
class Descriptions:
    """What is said of an app's parameters."""

    parameters: Sequence[Mapping[str, Any]]
    """As ``describe_app`` gives them."""
    essential: frozenset[str]
    """Those that BV-BRC calls required, also where there is a default."""


def descriptions(described: Mapping[str, Any], spec: AppSpec) -> Descriptions:
    """From what ``describe_app`` says, and the specification itself."""
    required = (1, True, "1", "true")
    raws = [raw for raw in spec.get("parameters") or () if isinstance(raw, Mapping)]
    named = {str(raw.get("id")) for raw in raws if raw.get("required") in required}
    asked = {each["name"] for each in described["parameters"] if each["required"]}
    return Descriptions(described["parameters"], frozenset(named | asked))


@dataclass(frozen=True, slots=True)
class Form:
    """A form with everything that is in it."""

    head: tuple[Item, ...]
    reads: tuple[Item, ...]
    inputs: tuple[Item, ...]
    options: tuple[Item, ...]
    notes: list[Note] = field(default_factory=list)
    """What no control is to blame for."""

    @property
    def has_open_options(self) -> bool:
        """Whether something is given or wrong among the options."""
        return any(item.notes or (isinstance(item, Field) and item.value) for item in self.options)

    @property
    def items(self) -> Iterator[Item]:
        yield from (*self.head, *self.reads, *self.inputs, *self.options)


def lay_out(
    app: App,
    texts: Texts,
    values: Mapping[str, Json],
    texts_of: Descriptions,
    at: Path = PARAMS,
) -> Form:
    """The form of an app with these texts in it. ``values`` are those of the texts; ``at``: where
    validation has them.
    """
    layout = _Layout(app, texts, values, texts_of, at)
    reads = [name for name in _READS if name in layout.names]
    needed = [name for name in layout.names if layout.is_needed(name) and name not in reads]
    head = [name for name in ("output_file",) if name in layout.names]
    inputs = [name for name in needed if name not in (*head, *_HIDDEN)]
    options = [name for name in layout.names if name not in {*head, *reads, *inputs}]
    return Form(
        (*head_fields(texts), *map(layout.item, head)),
        tuple(map(layout.item, reads)),
        tuple(map(layout.item, inputs)),
        tuple(map(layout.item, options)),
    )


def head_fields(texts: Texts) -> tuple[Field, ...]:
    """The controls that every form has."""
    return (
        Field(
            NAME,
            "workflow_name",
            "Name of the workflow",
            value=texts.get(NAME, ""),
            required=True,
        ),
        Field(
            FOLDER,
            "base_context.workspace_output_folder",
            "Folder for the results",
            value=texts.get(FOLDER, ""),
            help="A folder of your Workspace; it is made if there is none.",
            required=True,
            is_path=True,
        ),
    )


def is_active(name: str, app: App, values: Mapping[str, Json]) -> bool:
    """Whether a parameter is used with the present values: each choice such as ``input_type`` has
    inputs of its own.
    """
    needs = [need for need in app_rules.NEEDS if app.id in need.apps and name in need.one_of]
    return not needs or any(_holds(need.when, app, values) for need in needs)


def active_values(app: App, values: Mapping[str, Json]) -> dict[str, Json]:
    """The values without those whose condition does not hold."""
    return {name: value for name, value in values.items() if is_active(name, app, values)}


def _holds(when: Mapping[str, str], app: App, values: Mapping[str, Json]) -> bool:
    return all(
        values.get(name, app.parameters[name].default if name in app.parameters else None) == value
        for name, value in when.items()
    )


def annotate(form: Form, problems: Iterable[Problem], warnings: Iterable[Problem]) -> None:
    """Puts each problem and warning at the control, the group or the form that it is about."""
    places = dict(_places(form))
    for found, is_problem in ((problems, True), (warnings, False)):
        for each in found:
            at = max((path for path in places if _is_at(each.path, path)), key=len, default="")
            text = f"{each.message}{f': {each.suggestion}' if each.suggestion else ''}"
            where = "" if at or not each.path else f"{each.path}: "
            notes = places.get(at, form.notes)
            notes.append(Note(f"{where}{text}", is_problem))


def _places(form: Form) -> Iterator[tuple[str, list[Note]]]:
    for item in form.items:
        yield item.path, item.notes
        for row in item.rows if isinstance(item, Rows) else ():
            if row.path:
                yield row.path, row.notes
            yield from ((each.path, each.notes) for each in (*row.fields, *row.more))


def _is_at(path: str, place: str) -> bool:
    return path == place or (path.startswith(place) and path[len(place)] in ".[")


class _Layout:
    """Makes the items of one form."""

    def __init__(
        self,
        app: App,
        texts: Texts,
        values: Mapping[str, Json],
        texts_of: Descriptions,
        at: Path,
    ) -> None:
        self._at = at
        self._app, self._texts, self._values = app, texts, values
        self._described = {each["name"]: each for each in texts_of.parameters}
        self._essential = texts_of.essential
        needs = [need for need in app_rules.NEEDS if app.id in need.apps]
        customs = [custom for custom in app_rules.CUSTOMS if custom.app == app.id]
        self._customs = customs
        conditions = [*(need.when for need in needs), *(custom.when for custom in customs)]
        self._deciding = {name for when in conditions for name in when}
        self._inputs = {name for need in needs for name in need.one_of}
        self._inputs |= {custom.parameter for custom in customs}
        self.names: Sequence[str] = [name for name in app.parameters if name in self._described]

    def is_needed(self, name: str) -> bool:
        """Whether people must see it: it is required, or one of the inputs, or decides on them."""
        return name in self._essential or name in self._inputs or name in self._deciding

    def item(self, name: str) -> Item:
        parameter, path = self._app.parameters[name], format_path((*self._at, name))
        active = is_active(name, self._app, self._values)
        if widget_of(parameter) in (Widget.RUNS, Widget.GROUP, Widget.GROUPS):
            return self._rows(parameter, path, active)
        return self._field(parameter, control(name), path, self._described[name], active=active)

    def _rows(self, parameter: Parameter, path: str, active: bool) -> Rows:
        name, widget = parameter.id, widget_of(parameter)
        label = label_of(name, self._described[name])
        if widget is Widget.GROUP:
            row = self._row(parameter, label, control(name), path, "")
            return Rows(control(name), path, label, "", "", (row,), active=active)
        places = {key: place for place, key in enumerate(filled_rows(parameter, self._texts))}
        rows = tuple(
            self._row(
                parameter,
                f"{label} {number}",
                control(name, key),
                f"{path}[{places.get(key, -1)}]",
                f"drop:{name}:{key}",
            )
            for number, key in enumerate(row_keys(self._texts, name), 1)
        )
        add_label = _ADD.get(label) or f"Add: {label}"
        return Rows(control(name), path, label, f"add:{name}", add_label, rows, active=active)

    def _row(self, parameter: Parameter, title: str, name: str, path: str, drop: str) -> Row:
        if widget_of(parameter) is Widget.RUNS:
            text = self._texts.get(name, "")
            only = Field(name, path, title, value=text, help=_HINTS[parameter.id])
            return Row(title, "", drop, (only,))
        described = {each["name"]: each for each in self._described[parameter.id]["members"]}
        fields = [
            self._field(member, f"{name}.{each}", f"{path}.{each}", described[each])
            for each, member in parameter.members.items()
        ]
        shown = [each for each in fields if each.required or each.is_path or each.value]
        more = [each for each in fields if each not in shown]
        return Row(title, path, drop, tuple(shown), tuple(more))

    def _field(
        self,
        parameter: Parameter,
        name: str,
        path: str,
        described: Mapping[str, Any],
        *,
        active: bool = True,
    ) -> Field:
        value = self._texts.get(name, "")
        usual = self._usual_choices(parameter)
        others = tuple(each for each in parameter.choices if usual and each not in usual)
        shown = tuple(each for each in parameter.choices if each not in others)
        if value and parameter.choices and value not in parameter.choices:
            others = (*others, value)
        return Field(
            name,
            path,
            label_of(parameter.id, described),
            widget_of(parameter),
            value,
            _help(parameter.id, described),
            _show_default(parameter.default),
            required=bool(described["required"]),
            choices=shown,
            unusual=others,
            is_path=parameter.kind is Kind.PATH and parameter.id != "output_file",
            decides=parameter.id in self._deciding,
            active=active,
        )

    def _usual_choices(self, parameter: Parameter) -> tuple[str, ...]:
        return next(
            (
                custom.choices
                for custom in self._customs
                if custom.parameter == parameter.id and _holds(custom.when, self._app, self._values)
            ),
            (),
        )


def label_of(name: str, described: Mapping[str, Any]) -> str:
    """What people call a parameter."""
    words = " ".join(name.replace("_", " ").replace("-", " ").split())
    return str(described.get("label") or "") or _LABELS.get(name) or words[:1].upper() + words[1:]


def _help(name: str, described: Mapping[str, Any]) -> str:
    text = str(described["description"])
    return _HINTS.get(name) or (text if plain(text) != plain(name) else "")


def _show_default(default: Json) -> str:
    if default in (None, "", [], {}):
        return ""
    text = default if isinstance(default, str) else json.dumps(default)
    return text if len(text) <= _LONGEST_DEFAULT else ""
