"""A CWL document together with the files beside it that it names, as text: lines stay lines."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from cli.show.failures import Exit, Failed

Json = Any
_REFERRING: Final = ("run", "$import", "$include")


def bundle(document: Path) -> dict[str, str]:
    """Texts by path relative to the document's folder, the document first. What is not there, or
    lies outside of the folder, is left to the API to refuse with its line.
    """
    folder, texts = document.parent, dict[str, str]()
    rest = [document.name]
    for name in rest:  # grows while it is walked
        texts[name] = text_of(folder / name)
        for reference in _references(_parse(texts[name], folder / name)):
            path = posixpath.normpath(posixpath.join(posixpath.dirname(name), reference))
            if not path.startswith(("..", "/")) and path not in rest and (folder / path).is_file():
                rest.append(path)
    return texts


def text_of(path: Path) -> str:
    """The text of a file that is YAML, of which JSON is a part."""
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise Failed(Exit.INVALID, f"{path} is no YAML: {error}") from error
    _parse(text, path)
    return text


def _parse(text: str, path: Path) -> Json:
    try:
        return yaml.safe_load(text) if path.suffix != ".js" else None
    except (yaml.YAMLError, ValueError) as error:
        raise Failed(Exit.INVALID, f"{path} is no YAML: {error}") from error


def _references(value: Json) -> Iterator[str]:
    """Paths of files that a document names, without the part that names a process in them."""
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in _REFERRING and isinstance(item, str):
                path = item.partition("#")[0]
                yield from [path] if path and ":" not in path else []
            else:
                yield from _references(item)
