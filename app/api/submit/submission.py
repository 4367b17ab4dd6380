"""The common part of all submitting routes: idempotency, storing, sending a hint, the answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from flask import Response, g, request

from app.connections import connections
from app.http.auth import caller
from app.http.json_response import as_json
from workflows.engine import commands as engine
from workflows.engine.commands import Accepted
from workflows.model.errors import Invalid, Problem
from workflows.model.values import Json, Reuse, Spec
from workflows.spec.checks.reuse import MINE, NEVER, WORDS
from workflows.store.workflows.specs import UNKNOWN_ORIGIN, Origin

MESSAGE: Final = "Workflow submitted successfully"
ABOUT_IT: Final = (
    *("workflow_status", "get_workflow", "explain_workflow", "list_events", "read_log"),
    *("cancel_workflow", "retry_workflow", "submit_by_id", "renew_token"),
)
"""The operations that take the id of the answer."""
HEADERS: Final = {"Idempotency-Key": "Repeating the same key and body returns the first workflow"}
_KEY: Final = re.compile(r"[!-~]{1,255}")


def accepted_before() -> Accepted | None:
    """The workflow that the same request created before; raises ``Conflict`` if its key came with
    another body."""
    key = idempotency_key()
    return engine.find_repeated(caller(), key, _body()) if key else None


def accept(
    spec: Spec,
    document: Mapping[str, Json],
    origin: Origin = UNKNOWN_ORIGIN,
    waits_for: frozenset[str] = frozenset(),
    template: Mapping[str, Json] | None = None,
) -> Accepted:
    """Stores a workflow that can run and sends a hint to start it. If further steps depend on
    results, it also stores the source to plan them from and the steps that they wait for.
    ``template``: ``{name, version}`` of the one that it was made from.
    """
    quotas, user = connections().quotas, caller().name
    quotas.check_stored(user, starts=True)
    key = idempotency_key()
    spec, document = with_reuse(spec, document)
    submission = engine.Submission(
        spec,
        document,
        idempotency_key=key,
        body=_body() if key else b"",
        origin=origin,
        waits_for=waits_for,
        template=template or {},
    )
    accepted = engine.submit(connections().context, caller(), submission)
    if accepted.created:
        quotas.stored(user, accepted.bytes, starts=True)
        connections().hints.advance(accepted.id, g.request_id)
    return accepted


def answer(accepted: Accepted, spec: Spec | None = None) -> Response:
    """Answers 201 for a new workflow, otherwise 200. With ``spec``, it warns if the token expires
    too soon."""
    status = HTTPStatus.CREATED if accepted.created else HTTPStatus.OK
    warnings = (*token_warnings(spec), *reuse_warnings(spec)) if spec else ()
    return accepted_response(accepted.id, accepted.state, status, warnings)


def with_reuse(spec: Spec, document: Mapping[str, Json]) -> tuple[Spec, Mapping[str, Json]]:
    """The workflow with what counts of reuse: the query, then the document, then the setting."""
    wanted = _wanted_reuse(spec)
    if wanted == spec.reuse or wanted is None:
        return spec, document
    return replace(spec, reuse=wanted), {**document, "reuse": MINE if wanted.wanted else NEVER}


def _wanted_reuse(spec: Spec) -> Reuse | None:
    word = request.args.get("reuse") or g.get("page_reuse")
    if word not in WORDS and spec.reuse is None:
        word = connections().settings.reuse.default
        return Reuse() if word == MINE else None
    return Reuse(wanted=word == MINE) if word in WORDS else spec.reuse


def reuse_warnings(spec: Spec) -> Sequence[Problem]:
    """One where steps may take results of earlier jobs."""
    wanted = _wanted_reuse(spec)
    if wanted is None or not wanted.wanted:
        return ()
    message = (
        "steps may take the results of earlier jobs: no job runs for them, and their files stay"
        " where those jobs left them, not under their own output_path"
    )
    hint = "outputs name the files; reuse: false in a step makes its job run"
    return (Problem("reuse", "files_stay", message, hint),)


def token_warnings(spec: Spec) -> Sequence[Problem]:
    """None, or one."""
    warning = engine.token_warning(connections().context, caller(), spec)
    return (warning,) if warning else ()


def accepted_response(
    workflow_id: str, state: str, status: HTTPStatus, warnings: Sequence[Problem] = ()
) -> Response:
    """The answer to a submission: three keys that clients expect, and warnings if there are any."""
    body: dict[str, Json] = {"workflow_id": workflow_id, "status": state, "message": MESSAGE}
    if warnings:
        body["warnings"] = [warning.as_json() for warning in warnings]
    return as_json(body, status, location(workflow_id))


def location(workflow_id: str) -> dict[str, str]:
    return {"Location": f"/api/v1/workflows/{workflow_id}"}


def set_page_key(key: str) -> None:
    """Gives this request the Idempotency-Key of a page's form, which stands for its body, too."""
    g.page_key = key


def set_page_reuse(word: str) -> None:
    """Gives this request what a page's form says of reuse; a word that is none says nothing."""
    g.page_reuse = word


def idempotency_key() -> str | None:
    """The request's Idempotency-Key, or its page's. Raises ``Invalid``."""
    key = g.get("page_key") or request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        problem = "it must be 1 to 255 printable ASCII characters without blanks"
        raise Invalid([Problem("Idempotency-Key", "bad_argument", problem)])
    return key


def _body() -> bytes:
    """The text that identifies a request: a key belongs to one route and one body.

    The boundary of a form's parts does not count: a client makes another one each time.
    """
    if "page_key" in g:
        return str(g.page_key).encode()
    sent = request.get_data(cache=True)
    boundary = request.mimetype_params.get("boundary", "").encode()
    return request.path.encode() + b"\n" + (sent.replace(boundary, b"") if boundary else sent)
