"""The submitted files, under a root of their own. Nothing is loaded from any other place.

Nothing is fetched and nothing is read from disk. ``$import`` and ``$include`` are followed here.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from workflows.cwl.model.limits import LIMITS, Limits
from workflows.cwl.model.problems import Refused, did_you_mean, refuse
from workflows.cwl.model.tree import Node
from workflows.cwl.read.yaml_tree import Budget, parse, tree_of
from workflows.model.values import Json

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_DIRECTIVES = ("$import", "$include", "$mixin")


class Bundle:
    """Files by path (relative, with ``/``); each is text, or a JSON value that was sent as such."""

    def __init__(self, files: Mapping[str, Json], limits: Limits = LIMITS) -> None:
        self.files = files
        self.limits = limits
        self.budget = Budget(limits)
        self._parsed: dict[str, Node] = {}
        self._trees: dict[str, Node] = {}
        self._loading: list[str] = []

    def tree(self, file: str, asked: Node | None = None) -> Node:
        """The parsed file, imports followed. ``asked`` is the node that refers to it, for messages.

        Raises ``Refused`` where it is absent, unreadable or breaks a limit.
        """
        if file not in self._trees:
            place = asked or Node(None, file, 1, 1)
            if file in self._loading:
                raise refuse(place, "cwl.import_cycle", f"'{file}' imports itself")
            self._loading.append(file)
            self._trees[file] = self._follow(self._raw(file, place), 0)
            self._loading.pop()
        return self._trees[file]

    def _parse(self, file: str, place: Node) -> Node:
        content = self._content(file, place)
        if isinstance(content, str):
            return parse(content, file, self.budget)
        return tree_of(content, file, self.budget)

    def _part(self, file: str, fragment: str, target: Node) -> Node:
        """The object of that id or name in a file, which may be the importing one."""
        root = self._raw(file, target)
        named = (n for n in root.walk() for k in ("id", "name") if _is_named(n.get(k), fragment))
        found = next(named, None)
        if found is None:
            raise refuse(target, "cwl.import", f"there is no '#{fragment}' in '{file}'")
        if found in _ancestors(target):
            raise refuse(target, "cwl.import_cycle", f"'{target.text}' imports itself")
        return found

    def _raw(self, file: str, place: Node) -> Node:
        """The parsed file; its imports may not have been followed yet."""
        if file not in self._parsed:
            self._parsed[file] = self._parse(file, place)
        return self._parsed[file]

    def _content(self, file: str, place: Node) -> Json:
        content = self.files.get(file)
        if content is None:
            raise refuse(
                place,
                "cwl.file_not_in_bundle",
                f"'{file}' is not among the submitted files",
                did_you_mean(file, self.files) or 'send it in "files"',
            )
        return content

    def resolve(self, reference: str, place: Node) -> tuple[str, str]:
        """``(file, fragment)`` of a reference written in ``place``'s file."""
        path, _, fragment = reference.partition("#")
        if not path:
            return place.file, fragment
        if _SCHEME.match(path) or path.startswith("/"):
            raise refuse(
                place,
                "cwl.outside_bundle",
                f"'{reference}' is outside of the submitted files; nothing is fetched",
                'send the file in "files" and name it by its relative path',
            )
        for name in (path, unquote(path)):
            joined = posixpath.normpath(posixpath.join(posixpath.dirname(place.file), name))
            if joined.startswith(".."):
                raise refuse(
                    place, "cwl.outside_bundle", f"'{reference}' leaves the submitted files"
                )
            if joined in self.files:
                return joined, fragment
        return posixpath.normpath(posixpath.join(posixpath.dirname(place.file), path)), fragment

    def text(self, reference: str, place: Node) -> str:
        """The text of a file named by ``$include``."""
        file, _ = self.resolve(reference, place)
        content = self._content(file, place)
        if not isinstance(content, str):
            raise refuse(place, "cwl.include", f"'{file}' is not a text file")
        return content

    def _follow(self, node: Node, depth: int) -> Node:
        """``node`` with every ``$import`` and ``$include`` below it replaced, in place."""
        if depth > 2 * self.limits.depth:
            raise refuse(node, "cwl.too_deep", "imports are nested too deep")
        if isinstance(node.value, dict):
            directive = next((word for word in _DIRECTIVES if word in node.value), None)
            if directive:
                return self._replace_directive(node, directive, depth)
            for key, child in node.value.items():
                node.value[key] = self._follow(child, depth + 1)
        elif isinstance(node.value, list):
            node.value[:] = self._splice_imports(node.value, depth)
        return node

    def _splice_imports(self, items: list[Node], depth: int) -> list[Node]:
        """List items; an imported list takes the place of its import."""
        out: list[Node] = []
        for item in items:
            followed = self._follow(item, depth + 1)
            spliced = followed is not item and isinstance(followed.value, list)
            out.extend(followed.items if spliced else [followed])
        return out

    def _replace_directive(self, node: Node, directive: str, depth: int) -> Node:
        target = node.map[directive]
        if directive == "$mixin" or len(node.map) != 1 or not target.text:
            raise refuse(
                target, "cwl.import", f"'{directive}' must stand alone and name a submitted file"
            )
        if directive == "$include":
            text = self.text(target.text, target)
            return Node(text, node.file, node.line, node.column, node.parent, node.key)
        file, fragment = self.resolve(target.text, target)
        if fragment:
            imported = self._follow(self._part(file, fragment, target), depth + 1)
        else:
            imported = self.tree(file, target)
        self.budget.spend(target, sum(1 for _ in imported.walk()))
        return imported


def _is_named(name: Node | None, fragment: str) -> bool:
    return name is not None and name.text.rpartition("#")[2] == fragment


def _ancestors(node: Node) -> Iterator[Node]:
    above = node.parent
    while above is not None:
        yield above
        above = above.parent


def check_size(files: Mapping[str, Json], limits: Limits = LIMITS) -> None:
    """Raises ``Refused`` where the files together are too large."""
    size = sum(
        len(content.encode() if isinstance(content, str) else json.dumps(content))
        for content in files.values()
    )
    if size > limits.bundle_bytes:
        message = f"the submitted files hold {size} bytes, at most {limits.bundle_bytes} are read"
        raise Refused(refuse(Node(None, next(iter(files))), "cwl.too_large", message).problems)
