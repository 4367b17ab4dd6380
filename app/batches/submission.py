"""Reads, checks and stores a batch: from JSON, or from a form with the workflow and a file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from flask import g, request

from app.api.submit.submission import idempotency_key, with_reuse
from app.connections import connections
from app.http import metering, request_bodies
from app.http.auth import caller
from app.http.routes import FORM
from workflows.engine.batches import commands as engine
from workflows.engine.batches.commands import Accepted
from workflows.model.errors import Invalid, Problem
from workflows.model.json_path import format_path
from workflows.model.values import Json
from workflows.spec.batches.check import (
    CheckedBatch,
    Examination,
    Request,
    check_batch,
    examine_batch,
)
from workflows.spec.batches.planned import AnyBatch, PlannedBatch, PlannedRow
from workflows.spec.batches.table import Table, table_from_json
from workflows.spec.batches.table_file import TSV, table_from_file
from workflows.spec.catalogue import AppCatalogue
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.checks.suggestions import did_you_mean, list_names
from workflows.spec.document import spec_from
from workflows.spec.validate import Limits

OPTIONS: Final = ("name", "labels", "max_active", "on_failure", "skip_invalid", "gather")
"""Fields of every batch, from a workflow or from a template."""
_OF_THESE_ROWS: Final = ("samples", "max_active", "skip_invalid", "gather")
_TRUTHS: Final[Mapping[str, bool]] = {
    "true": True,
    "1": True,
    "false": False,
    "0": False,
    "": False,
}
_WHOLE: Final = re.compile(r"\d{1,6}")


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a request's body."""

    required: tuple[str, ...]
    optional: tuple[str, ...]
    objects: tuple[str, ...]
    """Those that are JSON in a form, too."""

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.required, *self.optional)


OF_A_WORKFLOW: Final = Fields(("workflow", "samples"), OPTIONS, ("workflow", "labels", "gather"))


@dataclass(frozen=True, slots=True)
class Taken:
    """What a request asks for, not yet checked against the apps."""

    fields: Mapping[str, Json]
    table: Table
    noted: Diagnostics
    body: bytes
    """Identifies the request: an Idempotency-Key belongs to it."""

    @property
    def max_active(self) -> int:
        """Raises ``Invalid``."""
        settings = connections().settings.batches
        value = self.fields.get("max_active")
        return settings.max_active if value is None else check_max_active(value)


def take(*kinds: Fields) -> Taken:
    """What the request asks for; of several kinds it is the one whose first field was sent. Raises
    ``Invalid``, ``UnsupportedMediaType``.
    """
    if request.mimetype == FORM:
        return _take_form(_choose(kinds, {**request.form, **request.files}))
    found = request_bodies.read_json(request)
    if not isinstance(found, dict):
        raise Invalid([Problem("", "not_an_object", "a batch is a JSON object")])
    known = _choose(kinds, found)
    _refuse_unknown(found, known, known.names)
    noted = Diagnostics()
    table = table_from_json(found["samples"], noted)
    return Taken(found, table, noted, request.get_data(cache=True))


def _choose(kinds: Sequence[Fields], found: Mapping[str, Any]) -> Fields:
    return next((kind for kind in kinds if kind.required[0] in found), kinds[0])


def _take_form(known: Fields) -> Taken:
    """Each part may be a file or a field; numbers, truths and labels are texts here."""
    parts: dict[str, bytes] = {
        name or "": text.encode()
        for name, text in request.form.items()  # None: without a name
    }
    types: dict[str, str] = {}
    for given, file in request.files.items():
        name = given or ""
        parts[name], types[name] = file.read(), file.mimetype
    _refuse_unknown(parts, known, (*known.names, "delimiter"))
    texts = {name: _text(name, raw) for name, raw in parts.items() if name != "samples"}
    noted = Diagnostics()
    delimiter = texts.pop("delimiter", "") or ("\t" if types.get("samples") == TSV else None)
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        message = "it must be one character, and no quotation mark or end of line"
        raise Invalid([Problem("delimiter", "bad_argument", message)])
    fields = {name: _parse_value(name, text, known) for name, text in texts.items()}
    table = table_from_file(parts["samples"], delimiter, noted)
    digest = hashlib.sha256()
    for name in sorted(parts):
        digest.update(f"{name}:{len(parts[name])}:".encode() + parts[name])
    return Taken(fields, table, noted, digest.digest())


def _text(name: str, raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        message = f"it is no UTF-8: bad byte at position {error.start}"
        raise Invalid([Problem(name, "bad_encoding", message)]) from error


def _parse_value(name: str, text: str, known: Fields) -> Json:
    if name in known.objects:
        return request_bodies.parse(text.encode())
    if name == "max_active":
        return int(text) if _WHOLE.fullmatch(text) else text
    if name == "skip_invalid":
        return _TRUTHS.get(text.lower(), text)
    return text


def _refuse_unknown(found: Mapping[str, Any], fields: Fields, known: tuple[str, ...]) -> None:
    problems = [
        Problem(
            format_path((name,)),
            "unknown_field",
            "there is no such field",
            did_you_mean(name, known) or f"known are {list_names(known)}",
        )
        for name in found
        if name not in known
    ]
    problems += [
        Problem(name, "missing_field", "it is required")
        for name in fields.required
        if name not in found
    ]
    if problems:
        raise Invalid(problems)


def check_max_active(value: Json) -> int:
    """Raises ``Invalid`` for what is no number of workflows that is allowed here."""
    most = connections().settings.batches.max_active_allowed
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        message = f"it must be an integer from 1 to {most}"
        raise Invalid([Problem("max_active", "bad_argument", message)])
    return value


def check(taken: Taken) -> CheckedBatch:
    """The batch, if all of it can run; raises ``Invalid`` with every problem."""
    return check_workflow(taken, taken.fields["workflow"], taken.table)


def check_workflow(taken: Taken, workflow: Json, table: Table) -> CheckedBatch:
    """The same for a workflow and a table that were made of what was sent."""
    catalogue, limits = find_circumstances()
    wanted = _request(taken, workflow, table)
    with metering.computing():
        return check_batch(wanted, catalogue, limits, taken.noted)


def examine_workflow(taken: Taken, workflow: Json, table: Table) -> Examination[CheckedBatch]:
    """What is wrong with the batch, at every row; raises ``Invalid`` for what is no batch."""
    catalogue, limits = find_circumstances()
    wanted = _request(taken, workflow, table)
    with metering.computing():
        return examine_batch(wanted, catalogue, limits, taken.noted)


def find_circumstances() -> tuple[AppCatalogue, Limits]:
    """The apps and the limits that the caller's workflows are checked with."""
    limits = Limits(parallel_steps=connections().settings.executor.max_parallel_steps_per_workflow)
    return connections().apps.catalogue(caller().token), limits


def _request(taken: Taken, workflow: Json, table: Table) -> Request:
    """Raises ``Invalid``."""
    options = read_options(taken)
    return Request(
        workflow=workflow,
        table=table,
        name=options.name,
        labels=options.labels,
        on_failure=options.on_failure,
        skip_invalid=options.skip_invalid,
    )


@dataclass(frozen=True, slots=True)
class Options:
    """``OPTIONS`` as they were sent."""

    name: str | None
    labels: Mapping[str, Any]
    on_failure: Json
    skip_invalid: bool


def read_options(taken: Taken) -> Options:
    """Raises ``Invalid``."""
    fields = taken.fields
    assert taken.max_active  # noqa: S101 - it raises what is wrong with it
    return Options(
        name=_expect(fields, "name", str),
        labels=_expect(fields, "labels", dict) or {},
        on_failure=fields.get("on_failure"),
        skip_invalid=bool(_expect(fields, "skip_invalid", bool)),
    )


def _expect(fields: Mapping[str, Json], name: str, kind: type) -> Any:
    value = fields.get(name)
    if value is None or isinstance(value, kind):
        return value
    words = {str: "a text", dict: "an object", bool: "true or false"}
    raise Invalid([Problem(name, "wrong_type", f"it must be {words[kind]}")])


def accepted_before(taken: Taken) -> Accepted | None:
    """The batch that the same request created before; raises ``Conflict`` if its key came with
    another body."""
    key = idempotency_key()
    return engine.find_repeated(caller(), key, identity(taken)) if key else None


def _with_reuse(checked: AnyBatch) -> AnyBatch:
    """With what the query or the setting says of reuse, for each workflow."""
    if checked.gather:
        found = checked.gather.document
        _, document = with_reuse(spec_from(found), found)
        checked = replace(checked, gather=replace(checked.gather, document=document))
    if isinstance(checked, PlannedBatch):
        return replace(checked, plans=tuple(map(_plan_with_reuse, checked.plans)))
    found = checked.template.document
    _, document = with_reuse(spec_from(found), found)
    return replace(checked, template=replace(checked.template, document=dict(document)))


def _plan_with_reuse(row: PlannedRow) -> PlannedRow:
    _, document = with_reuse(spec_from(row.document), row.document)
    return replace(row, document=document)


def accept(taken: Taken, checked: AnyBatch, template: Mapping[str, Json] | None = None) -> Accepted:
    """Stores the batch and sends a hint to make its first rows. Raises ``QuotaExceeded``.

    ``template``: ``{name, version}`` of the one that its workflows are made from.
    """
    found, user = connections(), caller().name
    found.quotas.check_stored(user, starts=True)
    unfinished, allowed = engine.count_unfinished(user), found.settings.batches.unfinished_per_user
    if unfinished >= allowed:
        found.quotas.refuse_batch(unfinished, allowed)
    submission = engine.Submission(
        _with_reuse(checked),
        taken.max_active,
        request=_fields_for_further_rows(taken, template),
        request_id=g.get("request_id", ""),
        idempotency_key=idempotency_key(),
        body=identity(taken),
        template=template or {},
    )
    accepted = engine.submit(found.context, caller(), submission)
    if accepted.created:
        found.quotas.stored(user, accepted.bytes, starts=False)
        found.hints.advance_batch(accepted.id, g.request_id)
    return accepted


def _fields_for_further_rows(taken: Taken, template: Mapping[str, Json] | None) -> dict[str, Json]:
    """What was sent besides the rows and what is said of these alone."""
    fields = {name: value for name, value in taken.fields.items() if name not in _OF_THESE_ROWS}
    return fields | ({"template": "{name}@{version}".format(**template)} if template else {})


def identity(taken: Taken) -> bytes:
    """What an Idempotency-Key belongs to."""
    return request.path.encode() + b"\n" + taken.body
