"""The common shapes of CWL objects: known fields, maps that stand for lists, names, words."""

from __future__ import annotations

from collections.abc import Iterable

from workflows.cwl.model.problems import Report, did_you_mean
from workflows.cwl.model.tree import Node, kind
from workflows.cwl.read.fields import VERSIONS, fields, is_extension


def local(name: str, scope: str = "") -> str:
    """An identifier without file and scope: ``file.cwl#main/step1/in`` → ``in``."""
    if "#" not in name:
        return name
    fragment = name.rpartition("#")[2]
    inside = fragment.removeprefix(f"{scope}/")
    return inside if inside != fragment and scope else fragment.rpartition("/")[2]


def known_fields(node: Node, what: str, version: str, report: Report) -> None:
    """Reports fields that ``what`` does not have in that version of CWL."""
    allowed = fields(what, version)
    for name in node.map:
        if name not in allowed and not is_extension(name):
            newer = version != "v1.2" and name in fields(what, "v1.2")
            since = f" in CWL {version}" if newer else ""
            report.problem(
                node.at_key(name),
                "cwl.unknown_field",
                f"a {what} has no field '{name}'{since}",
                "use a newer cwlVersion" if newer else did_you_mean(name, allowed),
            )


def require_fields(node: Node, names: Iterable[str], what: str, report: Report) -> bool:
    """Reports fields that are missing; answers whether all are there.

    One that is there by a misspelt name has been reported as unknown already.
    """
    missing = [name for name in names if name not in node.map]
    known = fields(what, VERSIONS[-1])
    meant = {did_you_mean(name, known) for name in node.map if name not in known}
    for name in missing:
        if did_you_mean(name, [name]) in meant:
            continue
        report.problem(node, "cwl.missing_field", f"a {what} needs the field '{name}'")
    return not missing


def is_map(node: Node, what: str, report: Report) -> bool:
    if isinstance(node.value, dict):
        return True
    report.problem(node, "cwl.wrong_shape", f"{what} must be a map, this is {kind(node)}")
    return False


def entries(
    node: Node | None, predicate: str, report: Report, id_key: str = "id", scope: str = ""
) -> list[tuple[str, Node]]:
    """``(name, map)`` of each entry of a list of objects, or of a map that stands for one.

    In the map form a value that is no map is short for ``{predicate: value}``.
    """
    if node is None:
        return []
    if isinstance(node.value, dict):
        return [
            (name if id_key == "class" else local(name, scope), entry)
            for name, child in node.map.items()
            for entry in [_expand_entry(child, predicate, node, name)]
        ]
    if not isinstance(node.value, list):
        report.problem(node, "cwl.wrong_shape", f"a list or a map is expected, not {kind(node)}")
        return []
    return _list_entries(node, report, id_key, scope)


def _expand_entry(child: Node, predicate: str, container: Node, name: str) -> Node:
    if isinstance(child.value, dict):
        return child
    if child.value is None:
        return Node({}, child.file, child.line, child.column, container, name)
    return Node({predicate: child}, child.file, child.line, child.column, container, name)


def _list_entries(node: Node, report: Report, id_key: str, scope: str) -> list[tuple[str, Node]]:
    out: dict[str, Node] = {}
    for item in node.items:
        if not isinstance(item.value, dict):
            report.problem(item, "cwl.wrong_shape", f"a map is expected here, not {kind(item)}")
            continue
        name = item.map.get(id_key)
        if name is None or not name.text:
            report.problem(item, "cwl.missing_field", f"this entry needs '{id_key}', a string")
        elif local(name.text, scope) in out:
            report.problem(name, "cwl.duplicate_id", f"'{name.text}' is declared twice")
        else:
            out[local(name.text, scope)] = item
    return list(out.items())


def texts(node: Node | None, what: str, report: Report) -> list[Node]:
    """The strings of a field that holds one or a list of them."""
    if node is None:
        return []
    for item in node.items:
        if not isinstance(item.value, str):
            report.problem(item, "cwl.wrong_shape", f"{what} must be a string, not {kind(item)}")
    return [item for item in node.items if item.text]


def one_of(node: Node | None, options: tuple[str, ...], what: str, report: Report) -> str:
    """The word of an enumerated field; empty where the field is absent or wrong (reported)."""
    if node is None:
        return ""
    if node.text not in options:
        report.problem(
            node,
            "cwl.unknown_word",
            f"'{node.plain()}' is no {what}",
            did_you_mean(node.text, options),
        )
        return ""
    return node.text


def flag(node: Node | None, what: str, report: Report) -> bool:
    if node is None:
        return False
    if not isinstance(node.value, bool):
        report.problem(node, "cwl.wrong_shape", f"{what} must be true or false, not {kind(node)}")
    return node.value is True
