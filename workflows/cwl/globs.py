"""Outputs that are looked for among a job's results when it has ended: ``{"glob": …}``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from workflows.workflow import Json


def is_glob(output: Json) -> bool:
    """Whether a native step's output is a pattern rather than a path template."""
    return isinstance(output, Mapping) and "glob" in output


def folders(output: Mapping[str, Any]) -> tuple[str, ...]:
    """The folders to list, once the references in the patterns are resolved."""
    return tuple(dict.fromkeys(_folder(pattern) for pattern in _patterns(output)))


def matching(output: Mapping[str, Any], paths: Iterable[str]) -> Json:
    """The output's value: the paths that match in order, or the first of them; None for none.

    None means that the step failed to leave what it should, unless the output is ``optional``.
    """
    known = sorted(set(paths))
    found = [p for pattern in _patterns(output) for p in known if _matches(p, pattern)]
    unique = list(dict.fromkeys(found))
    if output.get("many"):
        return unique
    return unique[0] if unique else None


def _patterns(output: Mapping[str, Any]) -> list[str]:
    patterns = output["glob"]
    return list(patterns) if isinstance(patterns, (list, tuple)) else [patterns]


def _folder(pattern: str) -> str:
    """What is before the first part with a wildcard."""
    parts = pattern.split("/")
    wild = next((i for i, part in enumerate(parts) if set(part) & set("*?[")), len(parts) - 1)
    return "/".join(parts[:wild])


def _matches(path: str, pattern: str) -> bool:
    """As a shell does: ``*`` stops at a slash, and a leading dot is named."""
    names, parts = path.rstrip("/").split("/"), pattern.rstrip("/").split("/")
    return len(names) == len(parts) and all(
        fnmatchcase(name, part) and (not name.startswith(".") or part.startswith("."))
        for name, part in zip(names, parts, strict=True)
    )
