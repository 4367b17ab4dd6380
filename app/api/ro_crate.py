"""The route that shows a workflow's provenance as a Workflow Run RO-Crate."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Final

from flask import Response, request
from flask_smorest import Blueprint

from app.api.system import VERSION
from app.connections import connections
from app.http.json_response import with_etag
from app.http.routes import Answer, route
from workflows.engine.reports.provenance import run_facts
from workflows.provenance.crate import crate_files, metadata
from workflows.provenance.run_facts import Publication, RunFacts

blueprint = Blueprint("provenance", __name__, description="What happened, for others to read.")

JSON_LD: Final = "application/ld+json"
ZIP: Final = "application/zip"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The first time that a zip knows: the bytes depend on nothing but the workflow."""


@route(
    blueprint,
    "GET",
    "/workflows/<workflow_id>/ro-crate",
    answers={
        200: Answer(
            "The metadata file; with `Accept: application/zip` the whole crate",
            {JSON_LD: {"type": "object"}, ZIP: {"type": "string", "format": "binary"}},
            headers=["ETag"],
        ),
        304: Answer("Nothing has changed since the answer with this ETag", headers=["ETag"]),
    },
    refuses=[403, 404, 409],
    headers={"If-None-Match": "The ETag of an earlier answer"},
)
def workflow_ro_crate(workflow_id: str) -> Response:
    """Show what happened as a Workflow Run RO-Crate 0.5

    At any time after the submission: it holds what has ended so far. Data files are named, not
    carried.
    """
    facts = read_facts(workflow_id)
    if request.accept_mimetypes.best_match([JSON_LD, ZIP]) == ZIP:
        return zip_response(facts)
    body = json.dumps(metadata(facts), ensure_ascii=False, indent=2)
    return with_etag(Response(body, mimetype=JSON_LD))


def read_facts(workflow_id: str) -> RunFacts:
    """Raises ``NotFound``, ``Forbidden``, and ``Conflict`` for a plan."""
    found = connections()
    settings = found.settings.provenance
    publication = Publication(VERSION, settings.license, settings.orcids)
    return run_facts(found.gate.load(workflow_id), publication)


def zip_response(facts: RunFacts) -> Response:
    """The whole crate, as a file to be saved."""
    answer = with_etag(Response(_pack(crate_files(facts)), mimetype=ZIP))
    answer.headers["Content-Disposition"] = f'attachment; filename="{facts.id}.crate.zip"'
    return answer


def _pack(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, content in files.items():
            entry = zipfile.ZipInfo(path, _EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()
