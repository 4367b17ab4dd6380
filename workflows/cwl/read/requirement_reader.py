"""Requirements and hints → maps by class, namespaces expanded; what is unknown is refused."""

from __future__ import annotations

from collections.abc import Mapping

from workflows.cwl.model.problems import Report, did_you_mean
from workflows.cwl.model.tree import Node, kind
from workflows.cwl.read import shapes
from workflows.cwl.read.fields import requirements as known_requirements
from workflows.cwl.read.type_reader import TypeReader

EXECUTION = "https://github.com/wilke/GoWe#Execution"
"""The hint that binds a tool to an app: ``{executor: bvbrc, bvbrc_app_id: App}``."""
_LEGACY_EXECUTION = ("goweHint", "https://github.com/wilke/GoWe#goweHint")
"""What GoWe's older tool files call that hint."""
_NUMBERS = ("coresMin", "coresMax", "ramMin", "ramMax")


def namespaces(root: Node) -> dict[str, str]:
    """Prefix → IRI, as the file's ``$namespaces`` says."""
    declared = root.get("$namespaces")
    return {k: v.text for k, v in declared.map.items() if v.text} if declared else {}


def expand_prefix(name: str, prefixes: Mapping[str, str]) -> str:
    prefix, colon, rest = name.partition(":")
    return prefixes[prefix] + rest if colon and prefix in prefixes else name


def hints(node: Node | None, prefixes: Mapping[str, str], report: Report) -> dict[str, Node]:
    """Hints by class; unknown ones are only hints and stay."""
    found = shapes.entries(node, "value", report, "class")
    named = {expand_prefix(_class(name, entry), prefixes): entry for name, entry in found}
    for legacy in _LEGACY_EXECUTION:
        if legacy in named:
            report.warning(
                named[legacy],
                "cwl.dialect",
                f"'{legacy}' is GoWe's former name of the hint {EXECUTION}; it is taken as that",
                "write 'gowe:Execution' and declare the namespace gowe",
            )
            named.setdefault(EXECUTION, named.pop(legacy))
    return named


def _class(name: str, entry: Node) -> str:
    written = entry.get("class")
    return written.text if written is not None and written.text else name


def requirements(
    node: Node | None, version: str, prefixes: Mapping[str, str], types: TypeReader
) -> dict[str, Node]:
    """Requirements by class. Reports unknown ones: a requirement must be understood."""
    known = known_requirements(version)
    out: dict[str, Node] = {}
    for name, entry in hints(node, prefixes, types.report).items():
        if name not in known and name != EXECUTION:
            place = node.at_key(name) if node is not None and name in node.map else entry
            newer = name in known_requirements("v1.2")
            types.report.problem(
                entry.get("class") or place,
                "cwl.unknown_requirement",
                f"CWL {version} has no requirement '{name}'",
                "use a newer cwlVersion" if newer else did_you_mean(name, known),
            )
            continue
        if name != EXECUTION:
            shapes.known_fields(entry, name, version, types.report)
        out[name] = entry
    _check(out, version, types)
    return out


def _check(found: Mapping[str, Node], version: str, types: TypeReader) -> None:
    schemas = found.get("SchemaDefRequirement")
    if schemas is not None and shapes.require_fields(
        schemas, ("types",), "SchemaDefRequirement", types.report
    ):
        types.declare(schemas.map["types"], version)
    resources = found.get("ResourceRequirement")
    for name, value in resources.map.items() if resources is not None else ():
        if name in _NUMBERS and isinstance(value.value, float) and version != "v1.2":
            message = f"in CWL {version} '{name}' is a whole number, not {value.plain()}"
            types.report.problem(value, "cwl.wrong_shape", message)
    script = found.get("InlineJavascriptRequirement")
    library = script.get("expressionLib") if script is not None else None
    for item in library.items if library is not None else []:
        if not isinstance(item.value, str):
            message = f"an entry of expressionLib must be a string, not {kind(item)}"
            types.report.problem(item, "cwl.wrong_shape", message)
