"""Text → tree: YAML by libyaml's events, scalars as in YAML 1.2 (its core schema), JSON included.

Events are used rather than a loader, so that size, depth and aliases are counted while reading.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from workflows.cwl.model.limits import LIMITS, Limits
from workflows.cwl.model.problems import Refused, at, refuse
from workflows.cwl.model.tree import Content, Node, from_json
from workflows.model.values import Json

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]{1,40}")
_BASED = re.compile(r"0o[0-7]{1,40}|0x[0-9a-fA-F]{1,40}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?")
_TAG = "tag:yaml.org,2002:"


class Budget:
    """Counts the nodes of all files of one submission."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.limits = limits
        self.nodes = 0

    def spend(self, node: Node, count: int = 1) -> None:
        self.nodes += count
        if self.nodes > self.limits.nodes:
            raise refuse(
                node,
                "cwl.too_many_nodes",
                f"the submission holds more than {self.limits.nodes} values, aliases expanded",
            )


def parse(text: str, file: str, budget: Budget) -> Node:
    """The tree of one file; raises ``Refused`` with the place where it cannot be read."""
    try:
        return _Reader(file, budget).read(yaml.parse(text, Loader=yaml.CSafeLoader))
    except yaml.YAMLError as error:
        return _as_json(text, file, budget, error)


def tree_of(value: Json, file: str, budget: Budget) -> Node:
    """The tree of a JSON value; raises ``Refused`` where it is too deep or too large."""
    place = Node(None, file, 1, 1)
    _check_depth(value, budget.limits.depth, place)
    root = from_json(value, file)
    budget.spend(place, sum(1 for _ in root.walk()))
    return root


def _check_depth(value: Json, depth: int, place: Node) -> None:
    level: list[Json] = [value]
    for _ in range(depth + 1):
        level = [
            child
            for item in level
            if isinstance(item, (dict, list))
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return
    raise refuse(place, "cwl.too_deep", f"nested deeper than {depth} levels")


def _as_json(text: str, file: str, budget: Budget, error: yaml.YAMLError) -> Node:
    """JSON that libyaml cannot read (surrogate pairs); else the YAML error, placed."""
    mark = getattr(error, "problem_mark", None)
    place = Node(None, file, mark.line + 1 if mark else 1, mark.column + 1 if mark else 1)
    if text.lstrip()[:1] in ("{", "["):
        try:
            return tree_of(json.loads(text), file, budget)
        except (ValueError, RecursionError):
            pass
    what = getattr(error, "problem", None) or "this is neither YAML nor JSON"
    raise refuse(place, "cwl.syntax", f"not valid YAML or JSON: {what}") from error


class _Reader:
    """Builds the tree from events with a stack of its own: depth is a number, not recursion."""

    def __init__(self, file: str, budget: Budget) -> None:
        self.file = file
        self.budget = budget
        self.open: list[Node] = []
        self.pending: list[Node | None] = []  # for each open map: the key that waits for a value
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.starts: list[tuple[str | None, int]] = []
        self.root: Node | None = None

    def read(self, events: Iterator[Any]) -> Node:
        for event in events:
            self._take(event)
        return self.root if self.root is not None else Node(None, self.file, 1, 1)

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._start(event)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._end()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            raise refuse(
                self._place(event), "cwl.syntax", "one document is expected, here is a second"
            )

    def _place(self, event: Any) -> Node:
        return Node(None, self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _scalar(self, event: Any) -> None:
        node = self._place(event)
        self.budget.spend(node)
        if self._expects_key():
            node.value = event.value
            node.key = "<<" if event.value == "<<" and not event.style else ""
            self.pending[-1] = node
            return
        node.value = _content(event, node)
        if event.anchor:
            self.anchors[event.anchor] = (node, 1)
        self._attach(node)

    def _start(self, event: Any) -> None:
        node = self._place(event)
        if self._expects_key():
            raise refuse(node, "cwl.syntax", "a key must be a plain word, not a map or a list")
        if len(self.open) >= self.budget.limits.depth:
            raise refuse(
                node, "cwl.too_deep", f"nested deeper than {self.budget.limits.depth} levels"
            )
        self.budget.spend(node)
        node.value = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._attach(node)
        self.open.append(node)
        self.pending.append(None)
        self.starts.append((event.anchor, self.budget.nodes))

    def _end(self) -> None:
        node = self.open.pop()
        self.pending.pop()
        anchor, before = self.starts.pop()
        if anchor:
            self.anchors[anchor] = (node, self.budget.nodes - before + 1)

    def _alias(self, event: Any) -> None:
        place = self._place(event)
        if event.anchor not in self.anchors:
            raise refuse(place, "cwl.syntax", f"'*{event.anchor}' names no finished anchor")
        node, size = self.anchors[event.anchor]
        self.budget.spend(place, size)
        if self._expects_key():
            raise refuse(place, "cwl.syntax", "a key must be a plain word, not an alias")
        self._attach(node)

    def _expects_key(self) -> bool:
        return (
            bool(self.open) and isinstance(self.open[-1].value, dict) and self.pending[-1] is None
        )

    def _attach(self, node: Node) -> None:
        if not self.open:
            self.root = node
            return
        parent = self.open[-1]
        if isinstance(parent.value, list):
            _adopt(node, parent, len(parent.value))
            parent.value.append(node)
        elif isinstance(parent.value, dict):
            self._member(parent, parent.value, node)

    def _member(self, parent: Node, members: dict[str, Node], node: Node) -> None:
        key = self.pending[-1]
        self.pending[-1] = None
        if key is None:
            return
        name = str(key.value)
        if key.key == "<<":
            _merge(members, node)
            return
        if name in parent.keys:
            raise Refused([at(key, "cwl.duplicate_key", f"'{name}' is written twice in this map")])
        _adopt(node, parent, name)
        members[name] = node
        parent.keys[name] = (key.line, key.column)


def _adopt(node: Node, parent: Node, key: str | int) -> None:
    if node.parent is None:  # an aliased node keeps the place where it is written
        node.parent, node.key = parent, key


def _merge(members: dict[str, Node], source: Node) -> None:
    """YAML's ``<<``: members of another map that this one does not write itself."""
    for each in source.items:
        for name, node in each.map.items():
            members.setdefault(name, node)


def _content(event: Any, node: Node) -> Content:
    tag = event.tag if event.tag and not (event.implicit[0] or event.tag == "!") else None
    if tag is not None:
        return _read_tagged(tag, event.value, node)
    if event.style or event.tag == "!":
        return str(event.value)
    return scalar(event.value)


def _read_tagged(tag: str, value: str, node: Node) -> Content:
    if tag == _TAG + "str":
        return value
    plain = scalar(value)
    wanted: dict[str, tuple[type, ...]] = {
        "int": (int,),
        "float": (int, float),
        "bool": (bool,),
        "null": (type(None),),
    }
    if not isinstance(plain, wanted.get(tag.removeprefix(_TAG), ())):
        raise refuse(node, "cwl.syntax", f"the tag '{tag}' does not fit here")
    return plain


def scalar(text: str) -> Content:
    """What a plain scalar means in YAML 1.2: ``yes``, ``on``, dates and ``.nan`` are strings."""
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text[2:], 8 if text[1] == "o" else 16)
    if _FLOAT.fullmatch(text) and abs(number := float(text)) != float("inf"):
        return number
    return text
