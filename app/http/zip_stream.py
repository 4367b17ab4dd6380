"""Writes large answers part by part: texts in blocks, and files as a zip."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from typing import Final

BLOCK: Final = 64 * 1024
"""Characters that are sent together."""
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The first time that a zip knows: the bytes depend on nothing but the files."""


def in_blocks(parts: Iterable[str]) -> Iterator[bytes]:
    """The same text in UTF-8, in blocks."""
    held: list[str] = []
    length = 0
    for part in parts:
        held.append(part)
        length += len(part)
        if length >= BLOCK:
            yield _encode(held)
            held, length = [], 0
    if held:
        yield _encode(held)


def _encode(parts: list[str]) -> bytes:
    return "".join(parts).encode("utf-8", "replace")


class _Out:
    """What a zip has written since ``take`` was called last."""

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, content: bytes) -> int:
        self._written += content
        return len(content)

    def flush(self) -> None: ...

    def take(self) -> bytes:
        taken, self._written = bytes(self._written), bytearray()
        return taken


def pack(files: Iterable[tuple[str, Iterable[bytes]]]) -> Iterator[bytes]:
    """A zip of these files, each with its parts; the same files give the same bytes."""
    out = _Out()
    with zipfile.ZipFile(out, "w") as archive:  # type: ignore[call-overload]  # it needs no more
        for path, parts in files:
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w") as file:
                for part in parts:
                    file.write(part)
                    yield out.take()
    yield out.take()
