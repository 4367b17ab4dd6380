"""CWL's types and parameters as values, and what may be connected to what.

They are in one module, since the fields of a record are parameters and a parameter has a type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workflows.cwl.model.tree import Node


@dataclass(frozen=True, slots=True)
class Plain:
    """null, boolean, int, long, float, double, string, File, Directory or Any."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Array:
    items: Type

    def __str__(self) -> str:
        return f"{self.items}[]" if not isinstance(self.items, Union) else f"({self.items})[]"


@dataclass(frozen=True, slots=True)
class Enum:
    symbols: tuple[str, ...]

    def __str__(self) -> str:
        return f"enum({', '.join(self.symbols)})"


@dataclass(frozen=True, slots=True)
class Record:
    """Fields by name; a field is a parameter (its default is GoWe's extension)."""

    fields: Mapping[str, Parameter] = field(hash=False)
    name: str = ""

    def __str__(self) -> str:
        return f"record({', '.join(self.fields)})"


@dataclass(frozen=True, slots=True)
class Union:
    members: tuple[Type, ...]

    def __str__(self) -> str:
        rest = [str(member) for member in self.members if member != NULL]
        if len(rest) == 1 and len(self.members) == 2:  # noqa: PLR2004 - null and another one
            return f"{rest[0]}?"
        return " | ".join(str(member) for member in self.members)


Type = Plain | Array | Enum | Record | Union


@dataclass(frozen=True, slots=True)
class SecondaryFile:
    """A file that belongs to another: ``.bai`` is appended, ``^.bai`` replaces an extension."""

    pattern: str
    required: bool | str | None
    """Or an expression. None where the document does not say: inputs require it, outputs do not."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """An input or output of a process."""

    name: str
    type: Type
    node: Node
    default: Node | None = None
    secondary_files: tuple[SecondaryFile, ...] = ()
    load_contents: bool = False
    load_listing: str = ""
    """``no_listing``, ``shallow_listing``, ``deep_listing``; empty where it is not said."""
    link: Link | None = None
    """For an output of a workflow: where its value comes from."""


@dataclass(frozen=True, slots=True)
class Source:
    """An input of the workflow (``step`` empty), or an output of one of its steps."""

    step: str
    name: str
    node: Node


@dataclass(frozen=True, slots=True)
class Link:
    """Where a value comes from, and how several become one."""

    sources: tuple[Source, ...]
    is_list: bool
    """Whether the sources were written as a list."""
    merge: str = ""
    pick: str = ""


NULL = Plain("null")
ANY = Plain("Any")
STRING = Plain("string")
FILE = Plain("File")
DIRECTORY = Plain("Directory")
PLAIN = ("null", "boolean", "int", "long", "float", "double", "string", "File", "Directory", "Any")
_NUMBERS = ("int", "long", "float", "double")


def members(of: Type) -> tuple[Type, ...]:
    """The alternatives of a union; any other type is its only alternative."""
    return of.members if isinstance(of, Union) else (of,)


def union(options: list[Type]) -> Type:
    """The type of a value that is of one of these."""
    flat = tuple(dict.fromkeys(m for option in options for m in members(option)))
    return flat[0] if len(flat) == 1 else Union(flat)


def nullable(of: Type) -> bool:
    return NULL in members(of)


def without_null(of: Type) -> Type:
    rest = [member for member in members(of) if member != NULL]
    return union(rest) if rest else NULL


def may_connect(source: Type, sink: Type) -> bool:
    """Whether some value of ``source``, other than null, is acceptable to ``sink``.

    What is possible but not certain is settled by the value itself, when it is known.
    """
    if source == NULL:
        return nullable(sink) or sink == ANY
    return any(
        _fits(one, other) for one in members(without_null(source)) for other in members(sink)
    )


def _fits(source: Type, sink: Type) -> bool:
    if ANY in (source, sink):
        return sink != NULL
    if isinstance(source, Array) and isinstance(sink, Array):
        return source.items == NULL or may_connect(source.items, sink.items)
    if isinstance(source, Record) and isinstance(sink, Record):
        return _records_fit(source, sink)
    if isinstance(source, Enum) or isinstance(sink, Enum):
        return _enums_fit(source, sink)
    if isinstance(source, Plain) and isinstance(sink, Plain):
        return source == sink or _widens(source.name, sink.name)
    return False


def _enums_fit(source: Type, sink: Type) -> bool:
    """An enum's value is a string, and a string may be one of its symbols."""
    if isinstance(source, Enum) and isinstance(sink, Enum):
        return not set(source.symbols).isdisjoint(sink.symbols)
    return STRING in (source, sink)


def _widens(source: str, sink: str) -> bool:
    """int → long → float → double; and long → int, double → float, which the value settles."""
    pairs = ({"int", "long"}, {"float", "double"})
    if source not in _NUMBERS or sink not in _NUMBERS:
        return False
    return _NUMBERS.index(source) <= _NUMBERS.index(sink) or {source, sink} in pairs


def _records_fit(source: Record, sink: Record) -> bool:
    return all(
        may_connect(source.fields[name].type, wanted.type)
        if name in source.fields
        else nullable(wanted.type) or wanted.default is not None
        for name, wanted in sink.fields.items()
    )


def holds_files(of: Type) -> bool:
    """Whether a value of this type may be or hold a File or Directory."""
    for member in members(of):
        if isinstance(member, Array) and holds_files(member.items):
            return True
        if isinstance(member, Record) and any(holds_files(f.type) for f in member.fields.values()):
            return True
        if member in (FILE, DIRECTORY, ANY):
            return True
    return False
