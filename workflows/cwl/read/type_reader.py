"""Type declarations → types: names, ``string[]?``, arrays, records, enums, SchemaDef types."""

from __future__ import annotations

from workflows.cwl.model.problems import Report, did_you_mean
from workflows.cwl.model.tree import Node, kind
from workflows.cwl.model.types import (
    ANY,
    FILE,
    NULL,
    PLAIN,
    Array,
    Enum,
    Parameter,
    Plain,
    Record,
    SecondaryFile,
    Type,
    union,
)
from workflows.cwl.read import shapes
from workflows.cwl.read.bundle import Bundle

_STREAMS = ("stdin", "stdout", "stderr")
_LONGEST = 200
LISTINGS = ("no_listing", "shallow_listing", "deep_listing")
PARSED_OPTIONAL = ("v1.1", "v1.2")
"""Versions in which a secondary file may be written ``.bai?`` or as a map."""


class TypeReader:
    """Reads types; remembers the named ones of all files under ``file#fragment``."""

    def __init__(self, bundle: Bundle, report: Report) -> None:
        self.bundle = bundle
        self.report = report
        self.named: dict[str, Node] = {}
        self._reading: list[int] = []

    def declare(self, types: Node, version: str) -> None:
        """Registers the types of a SchemaDefRequirement."""
        for item in types.items:
            if shapes.is_map(item, "a type definition", self.report):
                self._remember(item)
        for item in types.items:
            if isinstance(item.value, dict):
                self.read(item, version)

    def _remember(self, node: Node) -> None:
        name = node.get("name")
        if name is not None and name.text:
            self.named[f"{node.file}#{name.text.rpartition('#')[2]}"] = node

    def read(self, node: Node | None, version: str) -> Type:
        """The type; what cannot be understood is reported and taken as Any."""
        if node is None:
            return ANY
        if isinstance(node.value, str):
            return self._word(node.value.strip(), node, version)
        if isinstance(node.value, list):
            return union([self.read(item, version) for item in node.items]) if node.items else ANY
        if isinstance(node.value, dict):
            return self._schema(node, version)
        return self._unknown(node, f"a type is a name, a list or a map, not {kind(node)}")

    def _unknown(self, node: Node, message: str, suggestion: str = "") -> Type:
        self.report.problem(node, "cwl.unknown_type", message, suggestion)
        return ANY

    def _word(self, word: str, node: Node, version: str) -> Type:
        if word.endswith("?") and len(word) < _LONGEST:
            return union([NULL, self._word(word[:-1], node, version)])
        if word.endswith("[]") and len(word) < _LONGEST:
            return Array(self._word(word[:-2], node, version))
        if word in PLAIN or word in _STREAMS:
            return Plain(word) if word in PLAIN else FILE
        definition = self._definition(word, node)
        if definition is None:
            names = [*PLAIN, *(key.rpartition("#")[2] for key in self.named)]
            return self._unknown(
                node, f"there is no type '{word[:_LONGEST]}'", did_you_mean(word, names)
            )
        return self._read_definition(definition, version)

    def _definition(self, word: str, node: Node) -> Node | None:
        """The named type that ``word`` refers to, as seen from ``node``'s file."""
        fragment = word.rpartition("#")[2]
        if f"{node.file}#{fragment}" in self.named:
            return self.named[f"{node.file}#{fragment}"]
        if "#" in word and not word.startswith("#"):
            return self._elsewhere(word, node)
        short = [key for key in self.named if key.rpartition("#")[2].split("/")[-1] == fragment]
        return self.named[short[0]] if len(short) == 1 else None

    def _elsewhere(self, word: str, node: Node) -> Node | None:
        file, fragment = self.bundle.resolve(word, node)
        if f"{file}#{fragment}" not in self.named and file in self.bundle.files:
            root = self.bundle.tree(file, node)
            for item in (root.get("types") or root).items:
                self._remember(item)
        return self.named.get(f"{file}#{fragment}")

    def _read_definition(self, definition: Node, version: str) -> Type:
        if id(definition) in self._reading:
            return self._unknown(definition, "a type cannot contain itself")
        return self._schema(definition, version)

    def _schema(self, node: Node, version: str) -> Type:
        word = node.get("type")
        readers = {"array": self._array, "record": self._record, "enum": self._enum}
        if word is None or word.text not in readers:
            place = word or node
            return self._unknown(
                place, "the 'type' of a type must be array, record or enum", self._read_nested(word)
            )
        self._remember(node)
        shapes.known_fields(node, word.text, version, self.report)
        self._reading.append(id(node))
        try:
            return readers[word.text](node, version)
        finally:
            self._reading.pop()

    def _read_nested(self, word: Node | None) -> str:
        if word is None:
            return ""
        return did_you_mean(word.text, ("array", "record", "enum")) if word.text else ""

    def _array(self, node: Node, version: str) -> Type:
        if not shapes.require_fields(node, ("items",), "array", self.report):
            return ANY
        return Array(self.read(node.map["items"], version))

    def _enum(self, node: Node, _version: str) -> Type:
        if not shapes.require_fields(node, ("symbols",), "enum", self.report):
            return ANY
        symbols = shapes.texts(node.map["symbols"], "a symbol", self.report)
        return Enum(tuple(shapes.local(symbol.text) for symbol in symbols))

    def _record(self, node: Node, version: str) -> Type:
        name = node.get("name")
        listed = shapes.entries(node.get("fields"), "type", self.report, "name")
        fields = {
            short: self._field(short, entry, version)
            for full, entry in listed
            for short in [full.rpartition("/")[2]]
        }
        return Record(fields, shapes.local(name.text) if name else "")

    def _field(self, name: str, node: Node, version: str) -> Parameter:
        default = node.map.get("default")
        if default is not None:
            self.report.warning(
                node.at_key("default"),
                "cwl.field_default",
                f"CWL gives no default to a record's field; '{name}' is filled in all the same",
            )
        bare = Node({k: v for k, v in node.map.items() if k != "default"}, node.file)
        bare.line, bare.column, bare.parent, bare.key = (
            node.line,
            node.column,
            node.parent,
            node.key,
        )
        bare.keys = node.keys
        shapes.known_fields(bare, "record field", version, self.report)
        if not shapes.require_fields(node, ("type",), "record field", self.report):
            return Parameter(name, ANY, node)
        return self.parameter(name, node, version, default)

    def parameter(self, name: str, node: Node, version: str, default: Node | None) -> Parameter:
        """What inputs, outputs and record fields have in common."""
        binding = node.get("inputBinding")
        loads = node.get("loadContents") or (binding.get("loadContents") if binding else None)
        return Parameter(
            name=name,
            type=self.read(node.map.get("type"), version),
            node=node,
            default=default,
            secondary_files=self._secondary_files(node.get("secondaryFiles"), version),
            load_contents=shapes.flag(loads, "loadContents", self.report),
            load_listing=shapes.one_of(
                node.get("loadListing"), LISTINGS, "loadListing", self.report
            ),
        )

    def _secondary_files(self, node: Node | None, version: str) -> tuple[SecondaryFile, ...]:
        items = [] if node is None else node.items
        return tuple(file for item in items for file in self._secondary_file(item, version))

    def _secondary_file(self, node: Node, version: str) -> list[SecondaryFile]:
        if node.text:
            optional = version in PARSED_OPTIONAL and node.text.endswith("?")
            pattern = node.text.removesuffix("?") if optional else node.text
            return [SecondaryFile(pattern, False if optional else None)]
        if not isinstance(node.value, dict) or version not in PARSED_OPTIONAL:
            message = f"in CWL {version} a secondary file is a string, not {kind(node)}"
            self.report.problem(node, "cwl.wrong_shape", message)
            return []
        shapes.known_fields(node, "secondary file", version, self.report)
        if not shapes.require_fields(node, ("pattern",), "secondary file", self.report):
            return []
        required = node.get("required")
        return [
            SecondaryFile(
                node.map["pattern"].text,
                required.value if required and isinstance(required.value, (bool, str)) else None,
            )
        ]
