"""A refusal that may be an outage is distinguished from one that is the user's."""

from __future__ import annotations

from datetime import timedelta

import pytest

from workflows.rules.outages import FinishedStep, Inputs, input_paths, is_written_by, judge

HOME = "/alice@bvbrc/home"
HOUR = timedelta(hours=1)
PATIENCE = 6 * HOUR
ASSEMBLY = FinishedStep({"output_path": f"{HOME}/run/", "output_file": "asm"}, {"g": f"{HOME}/g"})


@pytest.mark.parametrize(
    ("inputs", "waited", "fails"),
    [
        (Inputs(), 0 * HOUR, False),
        (Inputs(), 7 * HOUR, True),
        (Inputs(missing=("/a/b/c",)), 0 * HOUR, True),
        (Inputs(missing=("/a/b/c",), unproven="HTTP 503"), 0 * HOUR, True),
        (Inputs(missing_outputs=("/a/b/c",)), 0 * HOUR, False),
        (Inputs(missing_outputs=("/a/b/c",)), 7 * HOUR, True),
        (Inputs(unproven="HTTP 503"), 0 * HOUR, False),
        (Inputs(unproven="HTTP 503"), 700 * HOUR, False),
    ],
)
def test_only_a_missing_input_or_a_proven_refusal_that_outlasts_patience_fails(
    inputs: Inputs, waited: timedelta, fails: bool
) -> None:
    assert judge("refused", inputs, waited, PATIENCE).fails is fails


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        (Inputs(missing=("/a/b/c",)), "not in the Workspace: /a/b/c"),
        (Inputs(missing_outputs=("/a/b/c",)), "a finished step has written it: /a/b/c"),
        (Inputs(unproven="HTTP 503"), "cannot say whether the inputs are there: HTTP 503"),
        (Inputs(), "none of its inputs is missing"),
        (Inputs(missing=tuple(f"/a/b/{n}" for n in range(9))), "/a/b/4 and 4 more"),
    ],
)
def test_the_reason_says_what_is_missing(inputs: Inputs, said: str) -> None:
    found = judge("refused", inputs, HOUR, PATIENCE).reason

    assert found.startswith("refused; ")
    assert said in found


def test_inputs_are_the_workspace_paths_but_for_the_outputs_place() -> None:
    params = {
        "contigs": f"{HOME}/c.fasta",
        "paired_end_libs": [{"read1": f"{HOME}/r1", "read2": f"{HOME}/r2", "platform": "infer"}],
        "note": "/dev/null and more",
        "rast": "/carol/home/x",
        "output_path": f"{HOME}/run",
        "output_file": "o",
    }

    assert input_paths(params, "alice@bvbrc") == (f"{HOME}/c.fasta", f"{HOME}/r1", f"{HOME}/r2")
    assert input_paths(params, "carol")[-1] == "/carol/home/x"


@pytest.mark.parametrize(
    ("path", "written"),
    [
        (f"{HOME}/run/asm", True),
        (f"{HOME}/run/.asm/asm_contigs.fasta", True),
        (f"{HOME}//run/.asm//details/x", True),
        (f"{HOME}/g", True),
        (f"{HOME}/run/.asm2/x", False),
        (f"{HOME}/run/other", False),
        (f"{HOME}/x", False),
    ],
)
def test_what_a_finished_step_writes_is_known_by_its_place(path: str, written: bool) -> None:
    assert is_written_by(path, [ASSEMBLY]) is written
    assert not is_written_by(path, [FinishedStep({}, {})])
