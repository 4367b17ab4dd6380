"""A document as a tree of nodes, each of which knows its place in the file it was written in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from workflows.model.values import Json

Content: TypeAlias = "bool | int | float | str | list[Node] | dict[str, Node] | None"


@dataclass(slots=True, eq=False)
class Node:
    """One value of a document. Lines and columns count from 1; 0 means unknown."""

    value: Content
    file: str
    line: int = 0
    column: int = 0
    parent: Node | None = None
    key: str | int = ""
    """Under which key or index of ``parent`` it stands."""
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    """For a map: where each key is written, as (line, column)."""

    @property
    def path(self) -> str:
        """Where in its file, e.g. ``steps.annotate.in[2]``; empty for the root."""
        pieces: list[str] = []
        node = self
        while node.parent is not None:
            pieces.append(f"[{node.key}]" if isinstance(node.key, int) else f".{node.key}")
            node = node.parent
        return "".join(reversed(pieces)).removeprefix(".")

    @property
    def map(self) -> dict[str, Node]:
        """Its members if it is a map, else none."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> list[Node]:
        """Its elements if it is a list; itself alone otherwise; null has none."""
        if isinstance(self.value, list):
            return self.value
        return [] if self.value is None else [self]

    @property
    def text(self) -> str:
        """Its text if it is a string, else empty."""
        return self.value if isinstance(self.value, str) else ""

    def get(self, key: str) -> Node | None:
        """The member of that name; None also where it is written as null."""
        node = self.map.get(key)
        return None if node is None or node.value is None else node

    def at_key(self, key: str) -> Node:
        """A stand-in placed at the key itself rather than at its value, for error messages."""
        line, column = self.keys.get(key, (self.line, self.column))
        return Node(key, self.file, line, column, self, key)

    def plain(self) -> Json:
        """The JSON value, without places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def walk(self) -> Iterator[Node]:
        """This node and all below it, parents first."""
        yield self
        children = self.value if isinstance(self.value, list) else self.map.values()
        for child in children:
            yield from child.walk()


def from_json(value: Json, file: str, parent: Node | None = None, key: str | int = "") -> Node:
    """A tree without places, for a document that came as an object."""
    node = Node(None, file, parent=parent, key=key)
    if isinstance(value, dict):
        node.value = {str(k): from_json(v, file, node, str(k)) for k, v in value.items()}
    elif isinstance(value, list):
        node.value = [from_json(v, file, node, i) for i, v in enumerate(value)]
    else:
        node.value = value
    return node


def kind(node: Node) -> str:
    """What sort of value it is, in words for a message."""
    names: dict[type, str] = {
        type(None): "null",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "a list",
        dict: "a map",
    }
    return names[type(node.value)]
