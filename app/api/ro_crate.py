"""The routes that show the provenance of workflows and batches as Workflow Run RO-Crates."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from typing import Final

from flask import Response, request
from flask_smorest import Blueprint

from app.api.system import VERSION
from app.batches.routes import load as load_batch
from app.connections import connections
from app.http.json_response import conditional, with_etag
from app.http.routes import Answer, route
from app.http.zip_stream import in_blocks, pack
from app.quotas import Quotas
from workflows.engine.batches.provenance import batch_facts
from workflows.engine.reports.provenance import run_facts
from workflows.provenance.batch_crate import batch_files, batch_metadata
from workflows.provenance.crate import crate_files, metadata
from workflows.provenance.run_facts import Publication, RunFacts
from workflows.store.batches import progress
from workflows.store.batches.stored import StoredBatch

blueprint = Blueprint("provenance", __name__, description="What happened, for others to read.")

JSON_LD: Final = "application/ld+json"
ZIP: Final = "application/zip"
_ANSWERS: Final = {
    200: Answer(
        "The metadata file; with `Accept: application/zip` the whole crate",
        {JSON_LD: {"type": "object"}, ZIP: {"type": "string", "format": "binary"}},
        headers=["ETag"],
    ),
    304: Answer("Nothing has changed since the answer with this ETag", headers=["ETag"]),
}
_HEADERS: Final = {"If-None-Match": "The ETag of an earlier answer"}


@route(
    blueprint,
    "GET",
    "/workflows/<workflow_id>/ro-crate",
    answers=_ANSWERS,
    refuses=[403, 404, 409],
    headers=_HEADERS,
)
def workflow_ro_crate(workflow_id: str) -> Response:
    """Show what happened as a Workflow Run RO-Crate 0.5

    At any time after the submission: it holds what has ended so far. Data files are named, not
    carried.
    """
    facts = read_facts(workflow_id)
    if _wants_zip():
        return zip_response(facts)
    body = json.dumps(metadata(facts), ensure_ascii=False, indent=2)
    return with_etag(Response(body, mimetype=JSON_LD))


@route(
    blueprint,
    "GET",
    "/batches/<batch_id>/ro-crate",
    answers=_ANSWERS,
    refuses=[403, 404, 409],
    headers=_HEADERS,
)
def batch_ro_crate(batch_id: str) -> Response:
    """Show what happened in a batch as a Workflow Run RO-Crate 0.5

    The workflow once, and a run for each row that has begun: its sample, what it was given, what
    came of it. What the steps of a run did is in the crate of its own workflow. 409 before the
    first row has begun.
    """
    return batch_response(load_batch(batch_id), as_zip=_wants_zip())


def _wants_zip() -> bool:
    return request.accept_mimetypes.best_match([JSON_LD, ZIP]) == ZIP


def _publication() -> Publication:
    settings = connections().settings.provenance
    return Publication(VERSION, settings.license, settings.orcids)


def read_facts(workflow_id: str) -> RunFacts:
    """Raises ``NotFound``, ``Forbidden``, and ``Conflict`` for a plan."""
    return run_facts(connections().gate.load(workflow_id), _publication())


def zip_response(facts: RunFacts) -> Response:
    """The whole crate, as a file to be saved."""
    files = crate_files(facts).items()
    packed = b"".join(pack((path, [content]) for path, content in files))
    return _with_name(with_etag(Response(packed, mimetype=ZIP)), facts.id)


def batch_response(batch: StoredBatch, *, as_zip: bool) -> Response:
    """The crate of a batch while it is written. Raises ``Conflict`` where nothing has begun."""
    quotas = connections().quotas
    quotas.check_computing(batch.owner)
    changes = progress.changes_of(batch.id)
    publication = _publication()
    facts = batch_facts(batch, changes.workflows, publication)
    if as_zip:
        parts = pack((path, in_blocks(texts)) for path, texts in batch_files(facts))
    else:
        parts = in_blocks(batch_metadata(facts))
    counted = _count_seconds(parts, quotas, batch.owner)
    answer = Response(counted, mimetype=ZIP if as_zip else JSON_LD)
    state = repr((as_zip, publication, batch.version, batch.count, facts.state, changes))
    tag = hashlib.blake2b(state.encode(), digest_size=12).hexdigest()
    return conditional(_with_name(answer, batch.id) if as_zip else answer, tag)


def _count_seconds(parts: Iterable[bytes], quotas: Quotas, user: str) -> Iterator[bytes]:
    """The same parts; the CPU time of this thread counts as the user's. They are made after the
    request has ended, so they know nothing of it.
    """
    begun = time.thread_time()
    try:
        yield from parts
    finally:
        quotas.computed(user, time.thread_time() - begun)


def _with_name(answer: Response, name: str) -> Response:
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.crate.zip"'
    return answer
