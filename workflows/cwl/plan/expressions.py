"""Strings with ``$(…)`` and ``${…}``: where the code is, and what the whole comes to."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from workflows.cwl.model.values import Value, Wrong
from workflows.cwl.plan.parameter_references import Look, follow, segments

_CLOSING = {"(": ")", "{": "}"}
_LONGEST = 1024 * 1024
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Code:
    """``(…)`` or ``{…}`` of an expression, brackets included."""

    text: str


@dataclass(frozen=True, slots=True)
class Around:
    """What an expression sees."""

    roots: Mapping[str, Value]
    """``inputs``, ``self`` and perhaps ``runtime``."""
    library: tuple[str, ...] | None
    """The ``expressionLib``; None where JavaScript is not declared."""
    version: str = "v1.2"


Script = Callable[[str, Around], Value]
"""Runs JavaScript; raises ``Open`` or ``Wrong``."""


@dataclass(frozen=True, slots=True)
class Language:
    """How expressions are worked out: the two effects that they need."""

    look: Look
    script: Script = field(compare=False)


def has_code(text: Value) -> bool:
    return isinstance(text, str) and ("$(" in text or "${" in text)


def parts(text: str, version: str) -> list[str | Code]:
    """Text and code in turn; escapes are resolved. Raises ``Wrong`` where a bracket stays open."""
    out: list[str | Code] = []
    plain, i = "", 0
    while i < len(text):
        if text[i] == "\\" and i + 1 < len(text):
            piece, used = _escape(text, i, version)
            plain, i = plain + piece, i + used
        elif text[i] == "$" and text[i + 1 : i + 2] in _CLOSING:
            end = _end(text, i + 1)
            out += [plain, Code(text[i + 1 : end])] if plain else [Code(text[i + 1 : end])]
            plain, i = "", end
        else:
            plain, i = plain + text[i], i + 1
    return [*out, plain] if plain else out


def _escape(text: str, i: int, version: str) -> tuple[str, int]:
    """The text that an escape sequence stands for, and the length of the sequence."""
    if version != "v1.2":
        return text[i + 1], 2
    if text[i + 1 : i + 3] in ("$(", "${"):
        return text[i + 1 : i + 3], 3
    return ("\\", 2) if text[i + 1] == "\\" else (text[i : i + 2], 2)


def _end(text: str, start: int) -> int:
    """Where the bracket that opens at ``start`` is closed (one past it)."""
    for comments in (False, True):
        end = _closing_position(text, start, comments=comments)
        if end:
            return end
    raise Wrong("cwl.expression_syntax", f"'${text[start]}' is never closed")


def _closing_position(text: str, start: int, *, comments: bool) -> int:
    opening, depth, i = text[start], 0, start
    while i < len(text):
        char = text[i]
        if char in "'\"":
            i = _string_end(text, i)
            continue
        if comments and (comment := _COMMENT.match(text, i)):
            i = comment.end()
            continue
        depth += (char == opening) - (char == _CLOSING[opening])
        i += 1
        if depth == 0:
            return i
    return 0


def _string_end(text: str, start: int) -> int:
    i = start + 1
    while i < len(text) and text[i] != text[start]:
        i += 2 if text[i] == "\\" else 1
    return i + 1


def evaluate(text: Value, around: Around, language: Language) -> Value:
    """The value of a field that may hold expressions; other values are themselves."""
    if not has_code(text):
        return text
    pieces = parts(text.strip(), around.version)
    if len(pieces) == 1 and isinstance(pieces[0], Code):
        return run(pieces[0], around, language)
    out: list[str] = []
    length = 0
    for piece in pieces:
        if isinstance(piece, Code):
            piece = _as_text(run(piece, around, language), language)  # noqa: PLW2901 - its text
        out.append(piece)
        length += len(out[-1])
        if length > _LONGEST:
            raise Wrong("cwl.expression", f"it comes to more than {_LONGEST} characters")
    return "".join(out)


def _as_text(value: Value, language: Language) -> str:
    known = language.look(value)
    return known if isinstance(known, str) else json.dumps(deep(known, language), sort_keys=True)


def deep(value: Value, language: Language) -> Value:
    """The value with everything in it looked up; raises ``Open``."""
    known = language.look(value)
    if isinstance(known, dict):
        return {key: deep(item, language) for key, item in known.items()}
    if isinstance(known, list):
        return [deep(item, language) for item in known]
    return known


def run(code: Code, around: Around, language: Language) -> Value:
    """One piece of code: a parameter reference by itself, anything else as JavaScript."""
    reference = segments(code.text)
    if reference is None:
        if around.library is None:
            raise javascript_undeclared(code)
        return language.script(code.text, around)
    try:
        return follow(*reference, around.roots, language.look)
    except Wrong:
        if around.library is None:
            raise
        return language.script(code.text, around)


def javascript_undeclared(code: Code) -> Wrong:
    return Wrong(
        "cwl.undeclared_requirement",
        f"'${code.text}' is JavaScript, but InlineJavascriptRequirement is not declared",
        "add 'InlineJavascriptRequirement: {}' to the requirements",
    )


def check(text: Value, version: str, library: Sequence[str] | None) -> None:
    """Raises ``Wrong`` where an expression is wrong for all values."""
    if not has_code(text):
        return
    for piece in parts(text.strip(), version):
        if isinstance(piece, Code) and segments(piece.text) is None and library is None:
            raise javascript_undeclared(piece)
