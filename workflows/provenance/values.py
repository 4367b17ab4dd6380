"""Parameters and their values: files of the Workspace, everything else, and what they are of."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import quote

from workflows.model.values import APPSERVICE, Json
from workflows.provenance.graph import Graph, Reference, local_id, reference
from workflows.spec.catalogue import App, AppCatalogue, Kind, Parameter

SITE: Final = "https://www.bv-brc.org"
_PATH: Final = re.compile(r"/[^/@\s]+@[^/\s]+/[^\x00-\x1f\x7f]*")
_WS: Final = re.compile(r"ws:/*")
_TYPES: Final[Mapping[Kind, str]] = {
    Kind.TEXT: "Text",
    Kind.INTEGER: "Integer",
    Kind.NUMBER: "Float",
    Kind.TRUTH: "Boolean",
    Kind.CHOICE: "Text",
}
_FORMATS: Final[Mapping[str, str]] = {
    "csv": "text/csv",
    "fa": "text/x-fasta",
    "fasta": "text/x-fasta",
    "faa": "text/x-fasta",
    "fna": "text/x-fasta",
    "fastq": "text/x-fastq",
    "fq": "text/x-fastq",
    "gz": "application/gzip",
    "html": "text/html",
    "json": "application/json",
    "nwk": "text/x-newick",
    "pdf": "application/pdf",
    "svg": "image/svg+xml",
    "tsv": "text/tab-separated-values",
    "txt": "text/plain",
    "xml": "application/xml",
    "zip": "application/zip",
}
FOLDERS: Final = frozenset({"output_path", "workspace_output_folder"})
"""Parameters whose paths are folders; other paths are taken for files."""
FORMAL_PARAMETER: Final = "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"


def app_id(catalogue: AppCatalogue, app: str) -> str:
    """An absolute URI; steps that the engine runs itself have no page."""
    name, known = quote(app, safe=""), catalogue.apps.get(app)
    if known is None or known.backend == APPSERVICE:
        return f"{SITE}/app/{name}"
    return f"urn:bvbrc-workflow-engine:step:{name}"


def workspace_path(value: Json) -> str:
    """The plain path of a value that names something in the Workspace; empty of any other one."""
    if isinstance(value, dict) and value.get("class") in ("File", "Directory"):
        value = value.get("location") or value.get("path")
    if not isinstance(value, str):
        return ""
    plain = "/" + value[match.end() :] if (match := _WS.match(value)) else value
    return plain if _PATH.fullmatch(plain) else ""


def add_file(graph: Graph, path: str) -> Reference:
    """A file of the Workspace: one entity for all actions that made or took it."""
    name = posixpath.basename(path.rstrip("/")) or path
    suffix = name.rpartition(".")[2].lower()
    kind = _FORMATS.get(suffix)
    return graph.add(_file_id(path), "File", name=name, alternateName=path, encodingFormat=kind)


def add_folders(graph: Graph, value: Mapping[str, Json]) -> None:
    """The folders that an object names by ``FOLDERS``. They are added first: an entity keeps its
    first type."""
    for name in sorted(FOLDERS & value.keys()):
        if path := workspace_path(value[name]):
            label = posixpath.basename(path.rstrip("/")) or path
            graph.add(_file_id(path), "Dataset", name=label, alternateName=path)


def _file_id(path: str) -> str:
    return f"{SITE}/workspace{quote(path.rstrip('/'))}"


def add_values(graph: Graph, parameter: str, value: Json) -> list[Reference]:
    """The entities of a value; each is an example of the formal parameter with this id."""
    found = list(_entities(graph, parameter, value))
    for entity in found:
        graph.link(entity["@id"], "exampleOfWork", reference(parameter))
        graph.link(parameter, "workExample", entity)
    return found


def _entities(graph: Graph, parameter: str, value: Json) -> Iterator[Reference]:
    """Files one by one; anything else as one PropertyValue, beside the files inside of it."""
    paths = list(dict.fromkeys(workspace_paths(value)))
    yield from (add_file(graph, path) for path in paths)
    if paths and (workspace_path(value) or _is_list_of_paths(value)):
        return
    plain = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    yield graph.add(
        local_id("value", parameter, plain),
        "PropertyValue",
        name=parameter.rpartition("/")[2],
        value=value if isinstance(value, bool | int | float) else plain or '""',
    )


def _is_list_of_paths(value: Json) -> bool:
    return isinstance(value, list) and all(workspace_path(item) for item in value)


def workspace_paths(value: Json) -> Iterator[str]:
    """Every Workspace path in a value."""
    if path := workspace_path(value):
        yield path
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from workspace_paths(item)


def add_parameter(graph: Graph, catalogue: AppCatalogue, app: str, name: str, value: Json) -> str:
    """The formal parameter of an app; returns its id. ``value`` tells its type if the catalogue
    does not."""
    known = _parameter(catalogue.apps.get(app), name)
    word = _TYPES.get(known.kind, "") if known and not known.multiple else ""
    if name in FOLDERS:
        word = "Dataset"
    default = known.default if known is not None else None
    return graph.add(
        f"#parameter/{quote(app, safe='')}/{quote(name, safe='')}",
        "FormalParameter",
        name=name,
        additionalType=word or type_of(value),
        conformsTo=reference(FORMAL_PARAMETER),
        valueRequired=known.required if known else None,
        defaultValue=default if isinstance(default, str | int | float) else None,
    )["@id"]


def add_output(graph: Graph, app: str, name: str, value: Json) -> str:
    """The formal parameter of an app's output; returns its id."""
    return graph.add(
        f"#output/{quote(app, safe='')}/{quote(name, safe='')}",
        "FormalParameter",
        name=name,
        additionalType=type_of(value),
        conformsTo=reference(FORMAL_PARAMETER),
    )["@id"]


def add_workflow_parameter(graph: Graph, kind: str, name: str, value: Json) -> str:
    """An input or output of the workflow itself; returns its id."""
    return graph.add(
        f"#{kind}/{quote(name, safe='')}",
        "FormalParameter",
        name=name,
        additionalType="Dataset" if name in FOLDERS else type_of(value),
        conformsTo=reference(FORMAL_PARAMETER),
    )["@id"]


def type_of(value: Json) -> str:
    """The word that RO-Crate has for the type of a value."""
    if workspace_path(value) or (value and _is_list_of_paths(value)):
        return "File"
    words = {bool: "Boolean", int: "Integer", float: "Float", str: "Text"}
    return words.get(type(value), "PropertyValue")


def _parameter(app: App | None, name: str) -> Parameter | None:
    return app.parameters.get(name) if app is not None else None
