"""Checks each parameter against the app's specification and corrects unambiguous mistakes.

A problem is a value at which AppService or the app would fail; an unusual value is a warning. The
service itself checks only that required parameters are given and ``enum`` values (``AppScript``);
other mistakes fail in the job.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Final

from workflows.model.json_path import Path
from workflows.model.values import Json
from workflows.spec.catalogue import Kind, Parameter, plain
from workflows.spec.checks.apps import app_rules
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.checks.suggestions import did_you_mean, list_names, same_name
from workflows.spec.checks.texts import DEEPEST, LARGEST_INTEGER, LONGEST_NAME, sound
from workflows.spec.checks.value_view import ValueView, format_value
from workflows.spec.resolver import UNKNOWN_UNTIL_RUN

EXPECTED: Final[Mapping[Kind, str]] = {
    Kind.TEXT: "a text",
    Kind.PATH: "a Workspace path, as a text",
    Kind.INTEGER: "an integer",
    Kind.NUMBER: "a number",
    Kind.TRUTH: "true or false",
    Kind.CHOICE: "one of the known choices",
    Kind.LIST: "a list",
    Kind.GROUP: "an object",
    Kind.ANY: "a value",
}
UNIT: Final = {"k": 10**3, "m": 10**6, "g": 10**9}
TRUTHS: Final = {
    "true": True, "1": True, "yes": True, "on": True,
    "false": False, "0": False, "no": False, "off": False,
}  # fmt: skip
PATH_KEYS: Final = ("location", "path", "file", "workspace_path")
"""Where an object that stands for a file may keep its path."""

Given = dict[str, Json]


def fit_parameters(
    known: Mapping[str, Parameter], given: Mapping[str, Json], at: Path, view: ValueView
) -> Given:
    """The corrected values of an app's or a group's parameters, under their proper names."""
    found: Given = {}
    for name, raw in given.items():
        parameter = known.get(name)
        if parameter is None:
            _unknown(name, known, at, view.diagnostics)
            found[name] = raw
        elif _empty(parameter, raw):
            view.diagnostics.fix((*at, name), "dropped_empty", f"{format_value(raw)} was left out")
        else:
            found[name] = fitted_value(parameter, raw, (*at, name), view)
    for parameter in known.values():
        if parameter.required:
            _present(parameter, found, at, view)
    return found


def fitted_value(parameter: Parameter, raw: Json, at: Path, view: ValueView) -> Json:
    """One value, corrected; references are resolved first."""
    value = view.value(raw, at)
    if value is UNKNOWN_UNTIL_RUN or parameter.id in app_rules.UNCHECKED:
        return raw
    if value is raw:
        return _fit(parameter, raw, at, view)
    if _wants_list(parameter) and not isinstance(value, dict | list):
        view.diagnostics.fix(at, "made_list", f"{format_value(raw)} became a list of one")
        return _fit(parameter, [raw], at, view)
    _fit(parameter, value, at, view.through())
    return raw


def _item(parameter: Parameter, raw: Json, at: Path, view: ValueView) -> Json:
    """One of several values of a parameter."""
    value = view.value(raw, at)
    if value is UNKNOWN_UNTIL_RUN:
        return raw
    if value is raw:
        return _CHECKS[parameter.kind](parameter, raw, at, view)
    _CHECKS[parameter.kind](parameter, value, at, view.through())
    return raw


def wrong(parameter: Parameter, value: Json, at: Path, view: ValueView, hint: str = "") -> Json:
    """Notes that a value has the wrong type."""
    message = f"it must be {EXPECTED[parameter.kind]}, not {format_value(value)}"
    view.diagnostics.problem(at, "wrong_type", message, hint)
    return value


def fix_names(
    known: Mapping[str, Parameter], given: Mapping[str, Json], at: Path, diagnostics: Diagnostics
) -> Mapping[str, Json]:
    """Corrects names that differ from the right one only in case and separators."""
    if all(name in known for name in given):
        return given
    found: Given = {}
    for name, value in given.items():
        same = "" if name in known else same_name(name, known)
        if same and same not in given and same not in found:
            diagnostics.fix((*at, name), "renamed_parameter", f"{name!r} became {same!r}")
            found[same] = value
        else:
            found[name] = value
    return found


def _unknown(name: str, known: Mapping[str, Parameter], at: Path, diagnostics: Diagnostics) -> None:
    """Warns about an unknown parameter: AppService passes it on, and the app ignores it."""
    if name.startswith("_"):
        return
    diagnostics.warning(
        (*at, name),
        "unknown_parameter",
        "the app does not know it",
        lambda: _meant_parameter(name, known),
    )


def _meant_parameter(name: str, known: Collection[str]) -> str:
    word = plain(name[:LONGEST_NAME])
    other = [each for each in known if word in app_rules.OTHER_NAMES.get(each, "").split()]
    return f"did you mean {other[0]!r}?" if other else did_you_mean(name, known)


def _empty(parameter: Parameter, raw: Json) -> bool:
    """Whether a value is empty; AppService would count it as given, and the app would fail."""
    if raw is None:
        return True
    if parameter.required:
        return False
    if raw == "":
        return parameter.kind is not Kind.TEXT
    return raw == [] and parameter.default in (None, [])


def _present(parameter: Parameter, found: Given, at: Path, view: ValueView) -> None:
    path = (*at, parameter.id)
    if parameter.id not in found:
        view.diagnostics.problem(
            path,
            "missing_parameter",
            "the app requires it",
            lambda: _missing_hint(parameter, found),
        )
    elif found[parameter.id] == "" and _needs_content(parameter, at, view.diagnostics):
        view.diagnostics.problem(path, "missing_parameter", "it is required and empty")


def _needs_content(parameter: Parameter, at: Path, diagnostics: Diagnostics) -> bool:
    """Whether an empty text counts as missing. In a group it may be intended (MetaCATS:
    ``grp``)."""
    in_group = len(at) > len(("steps", 0, "params"))
    text_in_group = in_group and parameter.kind is Kind.TEXT
    return not text_in_group and not diagnostics.is_faulty((*at, parameter.id))


def _missing_hint(parameter: Parameter, found: Given) -> str:
    """Suggests what to give, or which of the given names was meant."""
    slip = did_you_mean(parameter.id, [name for name in found if name != parameter.id])
    if slip:
        return slip.replace("did you mean", "was it meant by")
    if parameter.id in app_rules.PLACES:
        return app_rules.PLACES[parameter.id]
    if parameter.choices:
        return f"give one of {list_names(parameter.choices)}"
    return f"give {EXPECTED[parameter.kind]}"


def _wants_list(parameter: Parameter) -> bool:
    return parameter.kind is Kind.LIST or (parameter.multiple and parameter.kind is not Kind.GROUP)


def _fit(parameter: Parameter, value: Json, at: Path, view: ValueView) -> Json:
    if parameter.kind is Kind.LIST or not parameter.multiple:
        return _CHECKS[parameter.kind](parameter, value, at, view)
    if parameter.kind is Kind.GROUP and not isinstance(value, list) and not parameter.members:
        return _group(parameter, value, at, view)
    if not isinstance(value, list):
        items = _several(parameter, value, at)
        if parameter.kind is Kind.GROUP and not all(isinstance(item, dict) for item in items):
            return wrong(parameter, value, at, view, "give a list")
        value = view.fix(at, "made_list", value, items)
    if not isinstance(value, list):
        return value
    return [_item(parameter, item, (*at, place), view) for place, item in enumerate(value)]


def _several(parameter: Parameter, value: Json, at: Path) -> list[Json]:
    """The list that a value stands for (written as JSON, or genome ids in a row), otherwise the
    value.

    Such a list is checked again for values that cannot be stored.
    """
    if not isinstance(value, str):
        return [value]
    if value.lstrip().startswith("["):
        try:
            inner = json.loads(value)
        except (ValueError, RecursionError):
            inner = None
        if isinstance(inner, list) and sound(inner, DEEPEST - len(at)):
            return inner
    words = re.split(r"[\s,;]+", value.strip())
    row = parameter.id in app_rules.GENOME_IDS and len(words) > 1
    return (
        [*words]
        if row and all(re.fullmatch(app_rules.GENOME_ID, word) for word in words)
        else [value]
    )


def _text(parameter: Parameter, value: Json, at: Path, view: ValueView) -> Json:
    # A genome id that became a number is reported by the app rules.
    rounded = isinstance(value, float) and parameter.id in app_rules.GENOME_IDS
    if isinstance(value, str | bool) or rounded:
        return value
    if isinstance(value, int | float):
        return view.fix(at, "made_text", value, str(value), needed=False)
    if isinstance(value, list) and parameter.id in app_rules.LISTS_AS_TEXT:
        return value
    return wrong(parameter, value, at, view)


def _path(parameter: Parameter, value: Json, at: Path, view: ValueView) -> Json:
    if isinstance(value, dict):
        inner = next((value[key] for key in PATH_KEYS if isinstance(value.get(key), str)), None)
        if inner is None:
            return wrong(parameter, value, at, view)
        value = view.fix(at, "made_path", value, inner)
    if not isinstance(value, str):
        return wrong(parameter, value, at, view)
    if value.startswith("ws:"):
        value = view.fix(at, "made_path", value, "/" + value.removeprefix("ws:").lstrip("/"))
    if value and not value.startswith("/") and parameter.id != "output_file":
        message = f"{format_value(value)} is no Workspace path"
        hint = "they read like /user@bvbrc/home/folder/file"
        view.diagnostics.warning(at, "odd_path", message, hint)
    return value


def _integer(parameter: Parameter, value: Json, at: Path, view: ValueView) -> Json:
    number = _whole(value)
    if number is None:
        return wrong(parameter, value, at, view)
    _unusual(parameter, number, at, view)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    suffixed = isinstance(value, str) and value[-1:].isalpha()
    return view.fix(at, "made_number", value, number, needed=suffixed)


def _whole(value: Json) -> int | None:
    """The integer that a value means: Perl accepts texts and booleans as numbers; 5M is accepted
    too."""
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return int(value) if -LARGEST_INTEGER <= value < LARGEST_INTEGER else None
    if not isinstance(value, str):
        return None
    text = value.strip()
    if re.fullmatch(r"[+-]?\d{1,18}", text):
        return int(text)
    size = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)([kmg])", text.lower())
    return round(float(size.group(1)) * UNIT[size.group(2)]) if size else None


def _number(parameter: Parameter, value: Json, at: Path, view: ValueView) -> Json:
    number = _float(value) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int | float):
        return wrong(parameter, value, at, view)
    _unusual(parameter, number, at, view)
    if number is value:
        return value
    return view.fix(at, "made_number", value, number, needed=False)


def _float(text: str) -> int | float | None:
    """A text as the number it writes, an integer where it is one."""
    if not re.fullmatch(r"\s*[+-]?(\d{1,18}\.?\d{0,18}|\.\d{1,18})([eE][+-]?\d{1,3})?\s*", text):
        return None
    number = float(text)
    if number in (float("inf"), float("-inf")):
        return None
    return int(text) if re.fullmatch(r"\s*[+-]?\d+\s*", text) else number


def _truth(parameter: Parameter, value: Json, at: Path, view: ValueView) -> Json:
    if isinstance(value, bool) or value in (0, 1):
        return value
    if isinstance(value, str) and (word := value.strip().lower()) in TRUTHS:
        return view.fix(at, "made_truth", value, TRUTHS[word], needed=False)
    return wrong(parameter, value, at, view)


def _choice(parameter: Parameter, value: Json, at: Path, view: ValueView) -> Json:
    """The choice that a value means; the service compares texts, so that 11 is "11"."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return wrong(parameter, value, at, view, f"known are {list_names(parameter.choices)}")
    text = str(value)
    if text in parameter.choices or not parameter.choices:
        return value
    other = same_name(text, parameter.choices) or _synonym(parameter, text)
    if other:
        return view.fix(at, "made_choice", value, other)
    return _no_choice(parameter, value, at, view)


def _no_choice(parameter: Parameter, value: Json, at: Path, view: ValueView) -> Json:
    def hint() -> str:
        near = did_you_mean(str(value), parameter.choices)
        return f"{near} known are {list_names(parameter.choices)}".strip()

    message = f"{format_value(value)} is not a known choice"
    if _is_in_group(at):
        view.diagnostics.warning(at, "unusual_value", message, hint)
    else:
        view.diagnostics.problem(at, "invalid_choice", message, hint)
    return value


def _is_in_group(at: Path) -> bool:
    """Whether a value is a member of a group: AppService checks the choices of the top level alone,
    and apps take more than their specifications list (MSA: ``aligned_dna_fasta``).
    """
    return any(isinstance(part, str) for part in at[len(("steps", 0, "params", "name")) :])


def _synonym(parameter: Parameter, text: str) -> str:
    words = {**app_rules.CHOICE_SYNONYMS.get(parameter.id, {}), **parameter.synonyms}
    choice = words.get(text.strip().lower(), "")
    return choice if choice in parameter.choices else ""


def _unusual(parameter: Parameter, value: float, at: Path, view: ValueView) -> None:
    """Warns about a number that is not among choices the service does not enforce."""
    if not parameter.choices or str(value) in parameter.choices:
        return
    numbers = [float(choice) for choice in parameter.choices if _float(choice) is not None]
    if not numbers or not min(numbers) <= value <= max(numbers):
        _no_choice(parameter, value, at, view)
        return
    message = f"{value} is not among the usual values"
    view.diagnostics.warning(
        at, "unusual_value", message, f"usual are {list_names(parameter.choices)}"
    )


def _list(parameter: Parameter, value: Json, at: Path, view: ValueView) -> Json:
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return wrong(parameter, value, at, view)
    return view.fix(at, "made_list", value, _several(parameter, value, at))


def _group(parameter: Parameter, value: Json, at: Path, view: ValueView) -> Json:
    """Checks a group. Apps that read libraries accept a list of groups for a single one, too."""
    if isinstance(value, list):
        return [_item(parameter, item, (*at, place), view) for place, item in enumerate(value)]
    if isinstance(value, dict):
        if not parameter.members:
            return value
        given = fix_names(parameter.members, value, at, view.diagnostics)
        return fit_parameters(parameter.members, given, at, view)
    if isinstance(value, bool) and not parameter.members:
        return value
    members = list_names(parameter.members)
    return wrong(parameter, value, at, view, f"its members are {members}" if members else "")


def _any(parameter: Parameter, value: Json, at: Path, view: ValueView) -> Json:
    """Checks a value of unknown type against the choices, as a number if all of them are."""
    if not parameter.choices or isinstance(value, dict | list):
        return value
    if all(_float(choice) is not None for choice in parameter.choices):
        return _number(parameter, value, at, view)
    return _choice(parameter, value, at, view)


_CHECKS: Final[Mapping[Kind, Callable[[Parameter, Json, Path, ValueView], Json]]] = {
    Kind.TEXT: _text,
    Kind.PATH: _path,
    Kind.INTEGER: _integer,
    Kind.NUMBER: _number,
    Kind.TRUTH: _truth,
    Kind.CHOICE: _choice,
    Kind.LIST: _list,
    Kind.GROUP: _group,
    Kind.ANY: _any,
}
