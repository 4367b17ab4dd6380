"""Adds to a batch its gather: steps over all rows, checked together with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from app.batches.submission import Taken, find_circumstances
from app.http import metering
from workflows.model.errors import Invalid
from workflows.model.values import Json
from workflows.spec.batches.gather_check import GATHER, ExaminedGather, examine_gather
from workflows.spec.batches.outputs import likely_lists
from workflows.spec.batches.planned import AnyBatch

Check = Callable[[], AnyBatch]


def with_gather(taken: Taken, check: Check) -> Check:
    """What checks the rows and the gather, if one was sent. It raises ``Invalid`` with the problems
    of both."""
    sent = taken.fields.get(GATHER)
    return check if sent is None else lambda: _check_both(sent, check)


def _check_both(sent: Json, check: Check) -> AnyBatch:
    try:
        checked = check()
    except Invalid as invalid:
        raise Invalid((*invalid.problems, *_examine(sent, None).problems)) from invalid
    seen = _examine(sent, checked)
    if seen.gather is None:
        raise Invalid(seen.problems)
    return replace(
        checked,
        gather=seen.gather,
        warnings=(*checked.warnings, *seen.warnings),
        auto_fixes=(*checked.auto_fixes, *seen.auto_fixes),
    )


def _examine(sent: Json, checked: AnyBatch | None) -> ExaminedGather:
    catalogue, limits = find_circumstances()
    with metering.computing():
        lists = likely_lists(checked) if checked else None
        return examine_gather(sent, lists, catalogue, limits)
