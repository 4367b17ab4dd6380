"""The chaos driver's workflows: valid, and some of their steps read what others have written."""

from __future__ import annotations

from random import Random

from benchmarks.chaos.workload import ANNOTATION, draft
from tests.spec.examples import CATALOGUE
from workflows.spec.validate import examine


def test_every_draft_is_valid_and_some_steps_read_what_others_have_written() -> None:
    drafts = [draft(f"w{seed}", Random(seed)) for seed in range(100)]  # noqa: S311 - no secret

    assert [each for each in drafts if examine(each.document, CATALOGUE).problems] == []
    read = [
        step["params"]["contigs"]
        for each in drafts
        for step in each.document["steps"]
        if step["app"] == ANNOTATION
    ]
    assert read
    assert all(".outputs.contigs}" in path for path in read)
