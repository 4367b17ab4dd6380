"""Outputs that are looked for among a job's results when it has ended: ``{"glob": …}``.

Such an output is ``{"glob": pattern or patterns, "many"?: bool, "optional"?: bool}``; ``many`` is a
list of all that is found, ``optional`` may be nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from workflows.model.values import Json

_FLAGS: Final = ("many", "optional")


def is_glob(output: Json) -> bool:
    """Whether a native step's output is a pattern rather than a path template."""
    return isinstance(output, Mapping) and "glob" in output


def globs(outputs: Mapping[str, Json]) -> dict[str, Mapping[str, Any]]:
    """Those of a step's outputs that are looked for, by name."""
    return {name: output for name, output in outputs.items() if is_glob(output)}


def flaw(output: Mapping[str, Any]) -> str:
    """What is wrong with the form of a pattern; empty for a good one."""
    patterns = output["glob"] if isinstance(output["glob"], list) else [output["glob"]]
    if not patterns or not all(isinstance(each, str) and each for each in patterns):
        return "'glob' must be a pattern or a list of patterns"
    strange = [name for name in output if name not in ("glob", *_FLAGS)]
    if strange:
        return f"beside 'glob' there may be {' and '.join(_FLAGS)}, not {strange[0]!r}"
    wrong = [name for name in _FLAGS if not isinstance(output.get(name, False), bool)]
    return f"{wrong[0]!r} must be true or false" if wrong else ""


def folders(output: Mapping[str, Any]) -> tuple[str, ...]:
    """The folders to list first, once the references in the patterns are resolved."""
    return tuple(dict.fromkeys(_folder(pattern) for pattern in _patterns(output)))


def leads_on(output: Mapping[str, Any], folder: str) -> bool:
    """Whether something in a folder that was found may match, so that it is to be listed too."""
    names = _names(folder)
    return any(
        len(names) < len(parts) and _match(names, parts[: len(names)])
        for parts in map(_names, _patterns(output))
    )


def matching(output: Mapping[str, Any], paths: Iterable[str]) -> Json:
    """The output's value: the paths that match in order, or the first of them; None for none."""
    known = sorted(set(paths))
    found = [
        path
        for parts in map(_names, _patterns(output))
        for path in known
        if _match(_names(path), parts)
    ]
    unique = list(dict.fromkeys(found))
    if output.get("many"):
        return unique
    return unique[0] if unique else None


def missing(outputs: Mapping[str, Mapping[str, Any]], found: Mapping[str, Json]) -> list[str]:
    """The names of those that a job failed to leave although it should."""
    return [
        name
        for name, output in outputs.items()
        if found.get(name) is None and not output.get("optional")
    ]


def _patterns(output: Mapping[str, Any]) -> list[str]:
    patterns = output["glob"]
    return list(map(str, patterns if isinstance(patterns, (list, tuple)) else [patterns]))


def _folder(pattern: str) -> str:
    """What is before the first part with a wildcard."""
    parts = pattern.split("/")
    wild = next((i for i, part in enumerate(parts) if set(part) & set("*?[")), len(parts) - 1)
    return "/".join(parts[:wild])


def _names(path: str) -> list[str]:
    return path.rstrip("/").split("/")


def _match(names: list[str], parts: list[str]) -> bool:
    """As a shell does: ``*`` stops at a slash, and a leading dot is named."""
    return len(names) == len(parts) and all(
        fnmatchcase(name, part) and (not name.startswith(".") or part.startswith("."))
        for name, part in zip(names, parts, strict=True)
    )
