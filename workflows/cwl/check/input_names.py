"""Which of a step's or tool's inputs an expression reads, and which fields of them, as far as its
text tells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from workflows.cwl.model.values import Value, Wrong
from workflows.cwl.plan.expressions import Code, has_code, parts
from workflows.cwl.plan.parameter_references import segments

_TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`
    |(?<![\w$.])inputs(?![\w$])(?P<rest>\s*(?:
        \.\s*(?P<name>[A-Za-z_$][\w$]*)|\[\s*(?P<quoted>'[^'\\\n]*'|"[^"\\\n]*")\s*\])
        (?!\s*(?:=(?!=)|[-+*/%&|^]=|\+\+|--)))?""",
    re.DOTALL | re.VERBOSE,
)
_UNREADABLE = re.compile(
    r"""function[^()]*\([^)]*\binputs\b|\b(?:var|let|const)\s+inputs\b|(?<![.\w$])inputs\s*(?:=(?!=)|=>)
    |[=(,:!&|?{};]\s*/[^/*\n]*['"`]|`[^`]*\binputs\b""",
    re.VERBOSE,
)
"""``inputs`` is another variable here, or it is not known where texts end."""
_FIELD = re.compile(
    r"""//[^\n]*|/\*.*?\*/|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`
    |(?<![\w$.])(?:self|inputs\s*\.\s*(?P<input>[A-Za-z_$][\w$]*))
        \s*\.\s*(?P<field>[A-Za-z_$][\w$]*)(?!\s*\()""",
    re.DOTALL | re.VERBOSE,
)
_SELF = re.compile(_UNREADABLE.pattern.replace("inputs", "self"), re.VERBOSE)
_BUILT_IN = frozenset(
    ("hasOwnProperty", "toString", "valueOf", "constructor", "propertyIsEnumerable")
)


@dataclass(frozen=True, slots=True)
class InputNames:
    """The inputs that an expression names."""

    names: frozenset[str] = frozenset()
    is_complete: bool = True
    """False where it may read others as well, e.g. ``inputs[name]``."""


def names_read(text: Value, version: str) -> InputNames:
    """The inputs that a field's expressions read; none where its brackets cannot be matched."""
    if not isinstance(text, str) or not has_code(text):
        return InputNames()
    try:
        found = [
            _of_code(each.text) for each in parts(text.strip(), version) if isinstance(each, Code)
        ]
    except Wrong:
        return InputNames(is_complete=False)
    names = frozenset().union(*(each.names for each in found))
    return InputNames(names, all(each.is_complete for each in found))


def fields_read(text: Value, version: str) -> frozenset[tuple[str, str]]:
    """``("x", "path")`` for ``inputs.x.path`` and ``("", "path")`` for ``self.path``, where a
    field's expressions say so plainly."""
    if not isinstance(text, str) or not has_code(text):
        return frozenset()
    try:
        codes = [each.text for each in parts(text.strip(), version) if isinstance(each, Code)]
    except Wrong:
        return frozenset()
    return frozenset(pair for code in codes for pair in _fields_of_code(code))


def _fields_of_code(code: str) -> Iterator[tuple[str, str]]:
    reference = segments(code)
    if reference is not None:
        root, keys = reference
        names = [key for key in keys[:2] if isinstance(key, str)]
        if root == "self" and names:
            yield "", names[0]
        elif root == "inputs" and len(names) > 1:
            yield names[0], names[1]
    elif not _UNREADABLE.search(code) and not _SELF.search(code):
        for token in _FIELD.finditer(code):
            if token["field"] and token["field"] not in _BUILT_IN:
                yield token["input"] or "", token["field"]


def _of_code(code: str) -> InputNames:
    reference = segments(code)
    if reference is None:
        return _of_javascript(code)
    root, keys = reference
    if root != "inputs":
        return InputNames()
    if not keys or not isinstance(keys[0], str):
        return InputNames(is_complete=False)
    return InputNames(frozenset({keys[0]}))


def _of_javascript(code: str) -> InputNames:
    if _UNREADABLE.search(code):
        return InputNames(is_complete=False)
    found = list(_accesses(code))
    names = frozenset(name for name in found if name and name not in _BUILT_IN)
    return InputNames(names, all(name and name not in _BUILT_IN for name in found))


def _accesses(code: str) -> Iterator[str]:
    """The name at each mention of ``inputs``; empty where the text does not say which is read."""
    for token in _TOKEN.finditer(code):
        if token[0].startswith("inputs"):
            yield token["name"] or (token["quoted"] or "")[1:-1]
