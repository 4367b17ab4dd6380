"""docs/document.md: every field of the workflow document, with its default, limits and errors.

Fields, defaults and limits are those that ``/openapi.json`` declares. The errors of a field are
those that the checks themselves report when the field has each of many wrong values.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any, cast

from marshmallow import Schema, fields, validate

from app.api import examples
from app.api.schemas import request_schemas
from devstack.references.tables import table
from workflows.backends import declared_apps
from workflows.bvbrc import app_table
from workflows.model.json_path import Path, format_path
from workflows.spec.catalogue import catalogue
from workflows.spec.checks.reuse import FIELDS as REUSE_FIELDS
from workflows.spec.checks.reuse import LONGEST_DAYS, SHORTEST_DAYS
from workflows.spec.checks.shape import DROPPED, STEP_DROPPED, Limits
from workflows.spec.checks.texts import DEEPEST, LARGEST_INTEGER, MOST_VALUES
from workflows.spec.size_limits import LARGEST_OUTPUTS, LARGEST_SUM, LARGEST_VALUE
from workflows.spec.validate import examine

Change = Callable[[dict[str, Any], str], None]
HEAD = """# The workflow document

Made from the code by `./scripts/references.sh`; a test compares them. The column *refused as* names
the codes of [errors.md](errors.md) that the checks report at a field or within its value. How
documents are written, with an example, the apps and ten mistakes: [agents.md](agents.md). The first
one is written in a [tutorial](tutorial/bioinformatician.md).

Missing, `null` and empty are the same for optional fields. Every other field is refused
(`unknown_field`), with a suggestion.
"""
_LIMITS = Limits(steps=Limits().steps, parallel_steps=2)
_TABLE = app_table.load()
_APPS = catalogue(_TABLE, _TABLE, declared_apps.apps())
_WRONG: tuple[Any, ...] = (
    None, "", " ", "x" * 300, "a\nb", 0, -1, 0.5, 10**6, 10**9, True, [], [None], ["unknown"], {},
    {"unknown": 1}, {"a": None}, {"a:b": "c"}, {str(number): "" for number in range(65)}, "unknown",
    "ftp://host", "http://" + "x" * 300,
)  # fmt: skip
_WRONG_REFERENCES: tuple[Any, ...] = (
    "${nothing}", "${", "${steps.nowhere.outputs.x}", "${steps.assemble.outputs.nothing}",
    "${params.contigs}", "\0", 2**70,
)  # fmt: skip
_ABSENT = object()
_WITH_PARTS = ("base_context", "steps", "retry", "reuse")
"""Fields whose parts have a table of their own."""


def render() -> str:
    """The whole page."""
    step: Path = ("steps", 1)
    return HEAD + "".join(
        [
            "\n## The workflow\n\n",
            _table(request_schemas.WorkflowDocument(), ()),
            "\n## `base_context`\n\nAny further key is a value of your own: `${key}`.\n\n",
            _table(request_schemas.BaseContext(), ("base_context",)),
            "\n## A step\n\n",
            _table(request_schemas.StepDocument(), step),
            "\n## `retry` of a step\n\n",
            _table(request_schemas.Retry(), (*step, "retry")),
            "\n## `reuse` of a workflow\n\n",
            '`"never"`, `"mine"`, or an object, which means *mine*. [Reuse](reuse.md)\n\n',
            _reuse(),
            _limits(),
            _list_dropped(),
        ]
    )


def _table(schema: Schema, at: Path) -> str:
    lines = [
        (
            f"`{name}`",
            _kind(field),
            "required" if field.required else _default(field),
            _limits_of(field),
            str(field.metadata.get("description", "")),
            _codes((*at, name)),
        )
        for name, field in schema.fields.items()
    ]
    return table(("field", "value", "default", "limits", "meaning", "refused as"), lines)


_KINDS: tuple[tuple[type[fields.Field[Any]], str], ...] = (
    (fields.Nested, "object, below"),
    (fields.Dict, "object"),
    (fields.Boolean, "true or false"),
    (fields.Integer, "integer"),
    (fields.Float, "number"),
    (fields.String, "text"),
    (fields.Raw, "word or object"),
)


def _kind(field: fields.Field[Any]) -> str:
    if isinstance(field, fields.List):
        is_nested = isinstance(field.inner, fields.Nested)
        return "list of objects, below" if is_nested else f"list of {_kind(field.inner)}s"
    if isinstance(field, fields.Dict) and isinstance(field.value_field, fields.String):
        return "object of texts"
    return next(kind for of, kind in _KINDS if isinstance(field, of))


def _default(field: fields.Field[Any]) -> str:
    value = field.metadata.get("default")
    return "" if value is None else f"`{json.dumps(value)}`"


def _limits_of(field: fields.Field[Any]) -> str:
    found = []
    for each in field.validators:
        match each:
            case validate.OneOf(choices=choices):
                found += [" or ".join(f"`{choice}`" for choice in choices)]
            case validate.Range(min=least, max=most) | validate.Length(min=least, max=most):
                is_text = isinstance(field, fields.String)
                found += [_between(least, most) + (" characters" if is_text else "")]
    return ", ".join(found)


def _between(least: Any, most: Any) -> str:
    if most is None:
        return f"at least {least:,}"
    return f"at most {most:,}" if least is None else f"{least:,} to {most:,}"


def _codes(at: Path) -> str:
    """What the checks report at this field, and within it where no table below has its parts."""
    inner = () if at[-1] in _WITH_PARTS else (f"{format_path(at)}.", f"{format_path(at)}[")
    found: dict[str, None] = {}
    for wrong in [_ABSENT, *_WRONG, *_special(at)]:
        document = _sample()
        _put(document, at, wrong)
        for problem in examine(document, _APPS, _LIMITS).problems:
            if problem.path == format_path(at) or (inner and problem.path.startswith(inner)):
                found[problem.code] = None
    return ", ".join(f"`{code}`" for code in sorted(found))


def _special(at: Path) -> Iterator[Any]:
    """Wrong values of one field alone."""
    first, second = _sample()["steps"]
    match at[-1]:
        case "steps":
            yield [first] * (_LIMITS.steps + 1)
        case "step_name":
            yield first["step_name"]
        case "depends_on":
            yield [second["step_name"]]
        case "params":
            for value in _WRONG_REFERENCES:
                yield second["params"] | {"contigs": value}
            yield second["params"] | {"output_file": "a/b", "output_path": "folder"}
            yield second["params"] | {"contigs": "/" + "x" * _LIMITS.params_bytes}
            yield second["params"] | {"domain": "unknown"}
            yield {"deep": _nest(DEEPEST + 1)}


def _nest(levels: int) -> Any:
    return [_nest(levels - 1)] if levels else "x"


def _sample() -> dict[str, Any]:
    """A sound workflow of two steps. Wrong values are put into the second."""
    found: dict[str, Any] = copy.deepcopy(cast(Any, examples.WORKFLOW))
    found["steps"][1]["retry"] = {"max_attempts": 2}
    found["reuse"] = {"max_age_days": 7}
    return found


def _put(document: Any, at: Path, value: Any) -> None:
    for key in at[:-1]:
        document = document[key]
    if value is _ABSENT:
        document.pop(at[-1], None)
    else:
        document[at[-1]] = value


def _reuse() -> str:
    meanings = {
        "max_age_days": ("number", f"{SHORTEST_DAYS} to {LONGEST_DAYS:,}",
                         "How old the earlier job may be; default and most: `reuse.max_age_days`"),
        "join": ("true or false", "",
                 "Wait for the same job of another workflow of yours; default `false`"),
    }  # fmt: skip
    lines = [(f"`{name}`", *meanings[name], _codes(("reuse", name))) for name in REUSE_FIELDS]
    return table(("field", "value", "limits", "meaning", "refused as"), lines)


def _limits() -> str:
    lines = [
        ("steps", f"{_LIMITS.steps:,}", "`too_many_steps`"),
        ("values in the document", f"{MOST_VALUES:,}", "`too_many_values`"),
        ("lists and objects in each other", str(DEEPEST), "`too_deep`"),
        ("an integer", f"{LARGEST_INTEGER:,}", "`bad_number`"),
        ("parameters of a step, as JSON with references resolved",
         f"{_LIMITS.params_bytes:,} bytes", "`params_too_large`"),
        ("one value with references resolved", f"{LARGEST_VALUE:,} characters", "`too_large`"),
        ("parameters of all steps", f"{LARGEST_SUM:,} characters", "`too_large`"),
        ("outputs of all steps", f"{LARGEST_OUTPUTS:,} characters", "`too_large`"),
    ]  # fmt: skip
    return "\n## Limits of the whole\n\n" + table(("what", "at most", "refused as"), lines)


def _list_dropped() -> str:
    return (
        "\n## Fields that are dropped unread\n\nA document that was read back can be submitted"
        " again: what the engine writes, and what clients put around a workflow, is dropped.\n\n"
        f"Of the workflow: {_list_names(DROPPED)}.\n\nOf a step: {_list_names(STEP_DROPPED)}.\n"
    )


def _list_names(names: frozenset[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
