"""The inputs of a CWL workflow as JSON Schemas, so that forms and templates can ask for them.

A File or Directory is asked for as the path of it in the Workspace.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflows.cwl.bvbrc.app_target import AppTarget
from workflows.cwl.bvbrc.submission import Submission
from workflows.cwl.model.tree import Node
from workflows.cwl.model.types import (
    Array,
    Enum,
    Parameter,
    Plain,
    Record,
    Type,
    Union,
    members,
    nullable,
    without_null,
)
from workflows.cwl.plan.plan import Document, read_process
from workflows.model.values import Json

_PLAIN: Final[Mapping[str, dict[str, Json]]] = {
    "boolean": {"type": "boolean"},
    "int": {"type": "integer"},
    "long": {"type": "integer"},
    "float": {"type": "number"},
    "double": {"type": "number"},
    "string": {"type": "string"},
    "File": {"type": "string", "format": "workspace-path"},
    "Directory": {"type": "string", "format": "workspace-folder"},
}


def describe(source: Submission, target: AppTarget) -> dict[str, Any]:
    """``{properties, required, problems}`` of a submission; its input object is not looked at."""
    found = read_process(Document(source.files, source.main, None, source.entry), target)
    inputs = found.process.inputs if found.process else {}
    return {
        "properties": {name: input_schema(each) for name, each in inputs.items()},
        "required": [name for name, each in inputs.items() if is_required(each)],
        "problems": [problem.as_json() for problem in found.problems],
    }


def is_required(parameter: Parameter) -> bool:
    return parameter.default is None and not nullable(parameter.type)


def input_schema(parameter: Parameter) -> dict[str, Json]:
    """One input, or one field of a record."""
    texts = {"title": _text(parameter.node, "label"), "description": _text(parameter.node, "doc")}
    found = {name: text for name, text in texts.items() if text} | _schema(parameter.type)
    if parameter.default is not None:
        default = _plain_default(parameter.default.plain())
        if default is not None:
            found["default"] = default
    return found


def _schema(of: Type) -> dict[str, Json]:
    of = without_null(of)
    if isinstance(of, Plain):
        return dict(_PLAIN.get(of.name, {}))
    if isinstance(of, Enum):
        return {"type": "string", "enum": list(of.symbols)}
    if isinstance(of, Array):
        return {"type": "array", "items": _schema(of.items)}
    if isinstance(of, Record):
        return {
            "type": "object",
            "properties": {name: input_schema(each) for name, each in of.fields.items()},
            "required": [name for name, each in of.fields.items() if is_required(each)],
        }
    return _schema_of_several(of)


def _schema_of_several(of: Union) -> dict[str, Json]:
    """Of several types the text is asked for where that is one of them, for people can write it."""
    schemas = [_schema(member) for member in members(of)]
    texts = [each for each in schemas if each.get("type") == "string" and "enum" not in each]
    return texts[0] if len(texts) == len(schemas) else {}


def _plain_default(value: Json) -> Json:
    """Files by their paths, as the schema says."""
    if isinstance(value, dict) and value.get("class") in ("File", "Directory"):
        return value.get("location") or value.get("path")
    if isinstance(value, list):
        return [_plain_default(item) for item in value]
    return value


def _text(node: Node, key: str) -> str:
    found = node.get(key)
    if found is None:
        return ""
    return " ".join(" ".join(each.text for each in found.items).split())
