"""The batches of the chaos driver, and what its judge makes of them."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from benchmarks.chaos.batches import BatchPromise, draft_batch, miscounts
from tests.spec.examples import CATALOGUE
from workflows.spec.batches.check import Request, check_batch
from workflows.spec.batches.table import table_from_json
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.validate import Limits


def batch(**fields: Any) -> BatchPromise:
    given = {"rows": 2, "further": 0, "document": {}, "id": "b_1", "ended": "succeeded"}
    return BatchPromise("ann@bvbrc", "annb0", **{**given, **fields})


def rows(*samples: str) -> list[dict[str, str]]:
    return [{"sample": sample} for sample in samples]


def test_every_draft_is_a_valid_batch() -> None:
    for seed in range(30):
        found = draft_batch("ann@bvbrc", "annb0", "/ann@bvbrc/home/x", Random(seed))  # noqa: S311
        table = table_from_json(found.document["samples"], Diagnostics())

        request = Request(found.document["workflow"], table, found.name)
        checked = check_batch(request, CATALOGUE, Limits(), Diagnostics())

        assert len(checked.table.rows) == found.rows


def test_a_batch_with_one_workflow_for_each_sample_is_kept() -> None:
    assert miscounts([batch()], {"b_1": rows("S0", "S1")}) == []


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, {"b_1": rows("S0")}),
        ({}, {"b_1": rows("S0", "S1", "S1")}),
        ({}, {"b_1": rows("S0", "S2")}),
        ({}, {}),
        ({}, {"b_1": rows("S0", "S1"), "b_2": rows("S0")}),
        ({"ended": ""}, {"b_1": rows("S0", "S1")}),
        ({"further": 1}, {"b_1": rows("S0", "S1")}),
    ],
)
def test_all_else_is_found(fields: dict[str, Any], found: dict[str, Any]) -> None:
    assert len(miscounts([batch(**fields)], found)) == 1
