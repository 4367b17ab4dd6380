"""Workspace paths: ``ws:///u@r/p``, ``/u@r/p`` and CWL's File and Directory values for them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping

from workflows.cwl.model.values import Wrong
from workflows.model.values import Json

_PATH = re.compile(r"/[^/@\s]+@[^/\s]+/[^\x00-\x1f\x7f]*")
_WS = re.compile(r"ws:/*")
_HINT = "a Workspace path reads ws:///user@bvbrc/home/reads.fq or /user@bvbrc/home/reads.fq"


def path(text: str) -> str:
    """The plain Workspace path of a location; raises ``Wrong`` where it is none."""
    plain = "/" + text[match.end() :] if (match := _WS.match(text)) else text
    if ".." in plain.split("/"):
        raise Wrong("cwl.file_location", f"'{text:.200}' leaves its folder with '..'", _HINT)
    if not _PATH.fullmatch(plain):
        raise Wrong("cwl.file_location", f"'{text:.200}' is not in the Workspace", _HINT)
    return re.sub(r"/{2,}", "/", plain)


def value(cls: str, plain: str) -> dict[str, Json]:
    """A File or Directory at a path; the location has the scheme ``ws``."""
    clean = plain.rstrip("/") or "/"
    name = posixpath.basename(clean)
    out: dict[str, Json] = {"class": cls, "location": f"ws://{clean}", "path": clean}
    out["basename"] = name
    if cls == "File":
        root, dot, extension = name.rpartition(".")
        out["nameroot"], out["nameext"] = (root, dot + extension) if root else (name, "")
        out["dirname"] = posixpath.dirname(clean)
    return out


def resolve_location(given: Mapping[str, Json]) -> dict[str, Json]:
    """A File or Directory as a user wrote it, checked and completed."""
    where = given.get("location") or given.get("path")
    if not isinstance(where, str):
        what = "it has contents of its own" if "contents" in given else "it has no location"
        message = f"a {given['class']} must lie in the Workspace; {what}"
        raise Wrong("cwl.file_location", message, _HINT)
    keep = {k: v for k, v in given.items() if k in ("contents", "size", "format", "checksum")}
    renamed = {"basename": given["basename"]} if isinstance(given.get("basename"), str) else {}
    return {**value(str(given["class"]), path(where)), **keep, **renamed}
