"""The chaos driver's judge of reused results: right ones pass, and wrong ones are found."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from benchmarks.chaos.audit import Facts, Verdict, audit
from benchmarks.chaos.reuse import Contents, Written
from benchmarks.chaos.workload import ASSEMBLY
from simulator.appservice.results import digest_of

USER = "ann@bvbrc"
READS = f"/{USER}/home/in/r0.fq"
LEFT = f"/{USER}/home/run/.first/first_contigs.fasta"


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def params(name: str) -> dict[str, Any]:
    place = {"output_path": f"/{USER}/home/run", "output_file": name}
    return {"single_end_libs": [{"read": READS}], **place}


def judged(
    made_from: str = "old", writes: dict[str, list[tuple[str, float]]] | None = None, **source: Any
) -> Verdict:
    """Of a step that took a result between seconds 100 and 101; the job had read ``made_from``."""
    contents = Contents()
    for path, history in {READS: [("old", 1.0)], **(writes or {})}.items():
        contents.written[path] = [Written(text, begun, begun + 0.1) for text, begun in history]
    digest = digest_of(ASSEMBLY, {"single_end_libs": [{"read": ["r0.fq", made_from]}]})
    job = {"user_metadata": "wf_1/0/1", "owner": USER, "app": ASSEMBLY, "state": "C", "id": "1"}
    row = {**params("first"), "made_from": digest, "gone": False, "created": 2}
    row |= {"killed_at": None, "token_expiry": 1e9, "ended": 5}
    stored = {"workflow": "wf_1", "app": ASSEMBLY, "owner": USER, "params": params("first")}
    taken = {**stored, "params": params("second"), "reused": {"source": "wf_1/0/1"}}
    return audit(
        Facts(
            promises=[],
            bvbrc_jobs=[{**job, **row, **source}],
            starts=[],
            stored_jobs={
                "wf_1/0/1": {**stored, "job_id": "1", "outputs_seen": [[LEFT, "uuid", 5]]},
                "wf_2/0/1": {**taken, "intended_at": at(100), "finished_at": at(101)},
            },
            events={},
            peaks={},
            cap=2,
            contents=contents,
        )
    )


@pytest.mark.parametrize(
    "writes",
    [
        {},
        {READS: [("old", 1.0), ("new", 100.5)]},
        {READS: [("other", 1.0), ("old", 50.0), ("new", 200.0)]},
        {LEFT: [("edited", 200.0)]},
    ],
)
def test_the_right_result_passes(writes: dict[str, list[tuple[str, float]]]) -> None:
    verdict = judged(writes=writes)

    assert (verdict.reused, verdict.wrongly_reused) == (1, 0), verdict.details
    assert verdict.kept


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"made_from": "new"}, "made from something else"),
        ({"writes": {READS: [("old", 1.0), ("new", 50.0)]}}, "made from something else"),
        ({"writes": {LEFT: [("edited", 50.0)]}}, "had been edited"),
        ({"state": "F"}, "has not succeeded"),
        ({"owner": "bob@bvbrc"}, "another user"),
    ],
)
def test_a_wrong_result_is_found(changes: dict[str, Any], said: str) -> None:
    verdict = judged(**changes)

    assert verdict.wrongly_reused == 1
    assert said in verdict.details[-1]
    assert not verdict.kept
