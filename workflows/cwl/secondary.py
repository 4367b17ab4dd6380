"""Secondary files of a workflow's own inputs: looked for beside the primary file."""

from __future__ import annotations

from collections.abc import Mapping

from workflows.cwl.cwltypes import Array, Record, members
from workflows.cwl.expressions import has_code
from workflows.cwl.model import Parameter
from workflows.cwl.target import Target
from workflows.cwl.values import Value, Wrong
from workflows.workflow import Json


def discovered(value: Value, parameter: Parameter, target: Target) -> Value:
    """The value, its files with the secondary files that the declaration asks for."""
    if not parameter.secondary_files:
        return _inside(value, parameter, target)
    if isinstance(value, list):
        return [discovered(item, parameter, target) for item in value]
    if isinstance(value, dict) and value.get("class") == "File":
        return _completed(value, parameter, target)
    return _inside(value, parameter, target)


def _inside(value: Value, parameter: Parameter, target: Target) -> Value:
    """Fields of records that declare secondary files of their own."""
    records = [m for m in _flat(parameter) if isinstance(m, Record)]
    if not records or not value:
        return value
    if isinstance(value, list):
        return [_inside(item, parameter, target) for item in value]
    if not isinstance(value, dict) or "class" in value:
        return value
    fields = records[0].fields
    return {
        key: discovered(item, fields[key], target) if key in fields else item
        for key, item in value.items()
    }


def _flat(parameter: Parameter) -> list[object]:
    out: list[object] = []
    for member in members(parameter.type):
        out += members(member.items) if isinstance(member, Array) else [member]
    return out


def _completed(file: dict[str, Value], parameter: Parameter, target: Target) -> dict[str, Value]:
    have = list(file.get("secondaryFiles") or [])
    names = {_name(item) for item in have}
    for secondary in parameter.secondary_files:
        if has_code(secondary.pattern):
            continue  # an expression: the tool that declares it sees to it
        name = derived(str(file.get("basename", "")), secondary.pattern)
        if name in names:
            continue
        location = str(file.get("location", ""))
        beside = f"{location.rpartition('/')[0]}/{name}"
        if target.exists(beside):
            have.append(target.file({"class": "File", "location": beside}, parameter.node))
        elif secondary.required is not False:
            message = f"'{file.get('basename')}' lacks its secondary file '{name}'"
            raise Wrong("cwl.missing_secondary_file", message)
    return {**file, "secondaryFiles": have} if have else file


def _name(item: Mapping[str, Json]) -> str:
    return str(item.get("basename") or str(item.get("location", "")).rpartition("/")[2])


def derived(basename: str, pattern: str) -> str:
    """The secondary file's name: each ``^`` drops an extension, the rest is appended."""
    while pattern.startswith("^"):
        stem, dot, _ = basename.rpartition(".")
        basename, pattern = (stem if dot and stem else basename), pattern[1:]
    return basename + pattern
