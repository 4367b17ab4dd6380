"""Reads a workflow in JSON from a file or a pipe, and leads on where it is something else."""

from __future__ import annotations

import codecs
import json
import re
from typing import BinaryIO, Final

from cli.show.failures import Exit, Failed

_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_YAML: Final = re.compile(r"^(?:---|[A-Za-z_][\w-]*\s*:(?:\s|$))", re.MULTILINE)
_CWL: Final = re.compile(r"""^\s*["']?cwlVersion["']?\s*:""", re.MULTILINE)


def read_json(file: BinaryIO) -> bytes:
    """UTF-8, also of what Windows writes as UTF-16 or with a byte-order mark. What is no JSON for
    another reason is left to the API, which says where.

    Raises ``Failed`` for CWL and for YAML.
    """
    content = _as_utf8(file.read())
    name = getattr(file, "name", "-")
    try:
        found = json.loads(content)
    except ValueError:
        text = content.decode(errors="replace")
        if _CWL.search(text):
            raise _cwl(name) from None
        if _YAML.search(text) and not text.lstrip().startswith(("{", "[")):
            raise Failed(
                Exit.INVALID,
                f"{name} is YAML; workflows are JSON here. Write it as JSON. If it is meant as CWL,"
                f" give it a cwlVersion and use: bvbrc-workflows submit-cwl {name}",
            ) from None
        return content
    if isinstance(found, dict) and "cwlVersion" in found:
        raise _cwl(name)
    return content


def _as_utf8(content: bytes) -> bytes:
    if content.startswith(_UTF_16):
        return content.decode("utf-16", errors="replace").encode()
    return content.removeprefix(codecs.BOM_UTF8)


def _cwl(name: str) -> Failed:
    return Failed(
        Exit.INVALID, f"{name} is a CWL document: bvbrc-workflows submit-cwl {name} [INPUTS]"
    )
