"""An app's specification → a CWL tool for it, complete and valid, ready to be used in ``run``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from workflows.cwl.bvbrc.apps import AppFacts, is_multiple, is_required
from workflows.model.values import Json

_SCALARS = {
    "string": "string",
    "wsid": "string",
    "int": "int",
    "integer": "int",
    "float": "float",
    "number": "double",
    "bool": "boolean",
    "boolean": "boolean",
    "list": {"type": "array", "items": "string"},
    "wstype": "File",
}
_FOLDER = ["Directory", "string"]
FOLDER_OUTPUT = "result_folder"
"""GoWe's name for the folder with all of a job's results."""
FILLED_IN = ("output_path", "output_file")
"""Parameters that the engine fills in where they are not given."""
_INT_MAX = 2**31
_PARAMETER = re.compile(r"\$\{params\.(\w+)\}")


def tool(app: AppFacts) -> dict[str, Json]:
    """The CWL document of an app, v1.2, as a JSON value."""
    return {
        "cwlVersion": "v1.2",
        "class": "CommandLineTool",
        "id": app.id,
        "label": app.label,
        "$namespaces": {"gowe": "https://github.com/wilke/GoWe#"},
        "hints": {"gowe:Execution": {"executor": "bvbrc", "bvbrc_app_id": app.id}},
        "baseCommand": [app.id],
        "inputs": {
            name: _input(parameter)
            for name, parameter in app.parameters.items()
            if not name.startswith("_")
        },
        "outputs": _outputs(app),
    }


def _input(parameter: Mapping[str, Any]) -> dict[str, Json]:
    """Optional, unless the app demands it. A default is given only where one must be sent."""
    kind = _type(parameter)
    needed = is_required(parameter) and parameter["id"] not in FILLED_IN
    default = _default(parameter, kind)
    out: dict[str, Json] = {"type": kind if needed else _optional(kind)}
    if needed and default is not None:
        out["default"] = default
    doc = _doc(parameter, default)
    return {**out, "doc": doc} if doc else out


def _doc(parameter: Mapping[str, Any], default: Json) -> str:
    text = str(parameter.get("label") or parameter.get("desc") or "").strip()
    facts = []
    if parameter.get("wstype"):
        facts.append(f"a Workspace object of type {parameter['wstype']}")
    if default is not None and not is_required(parameter):
        facts.append(f"the app's default: {default}")
    return ". ".join(part for part in (text, "; ".join(facts)) if part)


def _optional(kind: Json) -> list[Json]:
    return ["null", *(kind if isinstance(kind, list) else [kind])]


def _type(parameter: Mapping[str, Any]) -> Json:
    """The CWL type; lists where the app takes several."""
    word = parameter.get("type")
    one = _one(parameter, word)
    if is_multiple(parameter) and word != "list":
        return {"type": "array", "items": one}
    return one


def _one(parameter: Mapping[str, Any], word: Any) -> Json:
    members = [m for m in parameter.get("group") or () if isinstance(m.get("id"), str)]
    if word == "group" and members:
        return {"type": "record", "fields": [_field(member) for member in members]}
    if word == "folder":
        return _FOLDER
    if word == "array":
        return {"type": "array", "items": _items(parameter)}
    if word == "enum" or (word is None and _words(parameter)):
        return {"type": "enum", "symbols": [str(symbol) for symbol in parameter["enum"]]}
    if word == "int" and _large(parameter.get("default")):
        return "long"
    return _SCALARS.get(word, "Any") if isinstance(word, str) else "Any"


def _large(default: Any) -> bool:
    return isinstance(default, int) and abs(default) >= _INT_MAX


def _words(parameter: Mapping[str, Any]) -> bool:
    """Whether the choices are words, and not numbers."""
    choices = parameter.get("enum") or ()
    return bool(choices) and all(isinstance(choice, str) for choice in choices)


def _items(parameter: Mapping[str, Any]) -> Json:
    items = parameter.get("items") or ()
    listed = items if isinstance(items, list) else [items]
    words = {str(item.get("type", "string")) for item in listed if isinstance(item, Mapping)}
    found = sorted({str(_SCALARS[word]) for word in words if word in _SCALARS}) or ["string"]
    return found[0] if len(found) == 1 else list(found)


def _field(member: Mapping[str, Any]) -> dict[str, Json]:
    kind = _type(member)
    needed = is_required(member)
    doc = _doc(member, None)
    out: dict[str, Json] = {"name": member["id"], "type": kind if needed else _optional(kind)}
    return {**out, "doc": doc} if doc else out


def _default(parameter: Mapping[str, Any], kind: Json) -> Json:
    """The specification's default as a value of the type; None where it is none."""
    default = parameter.get("default")
    if isinstance(kind, dict) and kind["type"] == "enum":
        return str(default) if str(default) in kind["symbols"] else None
    if kind in ("int", "long") and isinstance(default, str):
        return int(default) if default.isdecimal() else None
    if kind == "boolean":
        return {"0": False, "1": True}.get(str(default), default)
    if kind in ("float", "double") and isinstance(default, str):
        return float(default)
    return default if default not in ([], "") else None


def _outputs(app: AppFacts) -> dict[str, Json]:
    """The results that the app is known to leave. The glob is relative to its output folder."""
    out: dict[str, Json] = {
        name: {
            "type": "Directory" if _is_folder(name, template) else "File",
            "outputBinding": {"glob": _glob(template)},
        }
        for name, template in app.outputs.items()
    }
    if "job_output_path" in app.outputs and FOLDER_OUTPUT not in out:
        out[FOLDER_OUTPUT] = out["job_output_path"]
    for name, template in app.other_outputs.items():
        kind = "Directory" if _is_folder(name, template) else "File"
        found = {"type": kind, "outputBinding": {"glob": _glob(template)}}
        out.setdefault(name, {**found, "doc": "as GoWe's tool files name it"})
    out.update({name: {"type": "string"} for name in app.later})
    return out


def _is_folder(name: str, template: str) -> bool:
    last = template.rpartition("/")[2]
    return name == "job_output_path" or (name in ("details", "detail_files") and "." not in last)


def _glob(template: str) -> str:
    inside = template.removeprefix("${params.output_path}/")
    return _PARAMETER.sub(r"$(inputs.\1)", inside)
