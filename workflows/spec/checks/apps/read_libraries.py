"""Converts read libraries from the shapes that people and models write into the shape of the apps.

Apps want ``paired_end_libs: [{read1, read2}]``, ``single_end_libs: [{read}]``, ``srr_libs:
[{srr_accession}]`` and ``srr_ids: [text]``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from workflows.model.json_path import Path
from workflows.model.values import Json
from workflows.spec.catalogue import App, plain
from workflows.spec.checks.apps import app_rules
from workflows.spec.checks.diagnostics import Diagnostics

_MEANT: Final[Mapping[str, str]] = {
    plain(other): member for member, others in app_rules.LIBRARY_MEMBERS.items() for other in others
}
_PAIR: Final = 2


def reshape_libraries(
    app: App, params: dict[str, Json], at: Path, diagnostics: Diagnostics
) -> dict[str, Json]:
    """The parameters with every read library that the app takes in its proper shape."""
    found = dict(params)
    for name in _SHAPES.keys() & params.keys() & app.parameters.keys():
        if _reference(params[name]):
            continue
        found[name] = _SHAPES[name](params[name], frozenset(app.parameters[name].members))
        if found[name] != params[name]:
            diagnostics.fix((*at, name), "reshaped_library", "brought into the shape of the app")
    return found


def _reference(value: Json) -> bool:
    return isinstance(value, str) and value.startswith("${")


def _pair_reads(value: Json, members: frozenset[str]) -> Json:
    items = value if isinstance(value, list) else [value]
    if len(items) == _PAIR and all(map(_file, items)):
        items = [items]
    elif len(items) % 2 == 0 and items and all(map(_lone, items)):
        items = [[items[place], items[place + 1]] for place in range(0, len(items), 2)]
    better = [_pair(item, members) for item in items]
    return value if better == items else better


def _pair(item: Json, members: frozenset[str]) -> Json:
    if isinstance(item, list) and len(item) == _PAIR and all(_path(file) for file in item):
        return {"read1": _path(item[0]), "read2": _path(item[1])}
    if isinstance(item, dict):
        found = _rename_members(item, members)
        if "read" in found and "read1" not in found and "read" not in members:
            found["read1"] = found.pop("read")
        return found
    return item


def _single(value: Json, members: frozenset[str]) -> Json:
    items = value if isinstance(value, list) else [value]
    better = [
        {"read": _path(item)} if _file(item) else _rename_members(item, members) for item in items
    ]
    return value if better == items else better


def _accessions(value: Json, _members: frozenset[str]) -> Json:
    """``"SRR1, SRR2"`` and ``[{"srr_accession": "SRR1"}]`` are ``["SRR1", "SRR2"]``."""
    if isinstance(value, str):
        return _split(value)
    if isinstance(value, list):
        return [_accession(item) for item in value]
    return value


def _accession_libraries(value: Json, members: frozenset[str]) -> Json:
    items = _split(value) if isinstance(value, str) else value
    if not isinstance(items, list):
        return value
    return [
        _accession_library(item, members)
        if isinstance(item, str)
        else _rename_members(item, members)
        for item in items
    ]


def _accession_library(accession: str, members: frozenset[str]) -> dict[str, Json]:
    """A library of an accession; a sample without a name gets the accession as its name, as on the
    website."""
    sample = {"sample_id": accession} if "sample_id" in members else {}
    return {"srr_accession": accession, **sample}


def _split(text: str) -> Json:
    """A text of several accessions as their list; any other text as it is."""
    words = re.split(r"[\s,;]+", text.strip())
    return words if len(words) > 1 and all(re.fullmatch(r"\w+", word) for word in words) else text


def _accession(item: Json) -> Json:
    if isinstance(item, dict):
        found = _rename_members(item, frozenset({"srr_accession"}))
        return found.get("srr_accession", item)
    return item


def _rename_members(item: Json, members: frozenset[str]) -> Json:
    """A library whose members have their proper names, as far as the app has such members. Null
    members are dropped.
    """
    if not isinstance(item, dict):
        return item
    found: dict[str, Json] = {}
    item = {key: value for key, value in item.items() if value is not None}
    for key, value in item.items():
        name = key if key in members else _MEANT.get(plain(key), str(key))
        found[key if name in item or name in found else name] = value
    return found


def _file(item: Json) -> bool:
    """A lone path, as a text or as a CWL File."""
    if isinstance(item, dict):
        return item.get("class") == "File" and bool(_path(item))
    return isinstance(item, str) and item.startswith(("/", "ws:", "${"))


def _lone(item: Json) -> bool:
    """An object that stands for one file of a pair, as an earlier client wrote them."""
    if not isinstance(item, dict) or item.keys() & {"read1", "read2", "interleaved"}:
        return False
    return bool(_path(item)) and "read2" not in _rename_members(item, frozenset())


def _path(item: Json) -> str:
    if isinstance(item, str):
        return item
    if isinstance(item, dict):
        paths = (item.get(key) for key in ("file", "location", "path", "read", "read_file"))
        return next((path for path in paths if isinstance(path, str)), "")
    return ""


def _one_paired(value: Json, members: frozenset[str]) -> Json:
    return _unwrap_list(_pair_reads(value, members))


def _one_single(value: Json, members: frozenset[str]) -> Json:
    return _unwrap_list(_single(value, members))


def _unwrap_list(value: Json) -> Json:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


_SHAPES: Final[Mapping[str, Callable[[Json, frozenset[str]], Json]]] = {
    "paired_end_libs": _pair_reads,
    "paired_end_lib": _one_paired,
    "single_end_libs": _single,
    "single_end_lib": _one_single,
    "srr_ids": _accessions,
    "srr_libs": _accession_libraries,
}
