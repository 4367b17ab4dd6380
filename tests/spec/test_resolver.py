"""What references resolve to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workflows.model.errors import Unresolved
from workflows.model.values import Json, Spec, StepSpec
from workflows.spec.resolver import (
    UNKNOWN_UNTIL_RUN,
    Resolver,
    resolved_outputs,
    resolved_params,
    workflow_outputs,
)

CONTEXT = {
    "base_url": "https://www.bv-brc.org",
    "workspace_output_folder": "/u@bvbrc/home/out",
    "codes": {"bacteria": 11},
    "nothing": None,
}


def spec(*steps: StepSpec, outputs: tuple[Json, ...] = (), **context: Json) -> Spec:
    return Spec("w", "1", {**CONTEXT, **context}, steps, outputs)


def one(params: dict[str, Json], **context: Json) -> dict[str, Json]:
    return resolved_params(spec(StepSpec("s", "App", params), **context), 0, (1,))


ASSEMBLE = StepSpec(
    "assemble",
    "GenomeAssembly2",
    {"output_path": "${workspace_output_folder}/Assembly", "output_file": "asm", "cap": 5},
    {"contigs": "${params.output_path}/.${params.output_file}/${params.output_file}_contigs.fasta"},
)
ANNOTATE = StepSpec(
    "annotate",
    "GenomeAnnotation",
    {
        "contigs": "${steps.assemble.outputs.contigs}",
        "note": "${steps.assemble.params.output_file}",
        "output_file": "ann",
    },
    {"genome": "${params.output_file}.genome"},
)
PIPELINE = spec(ASSEMBLE, ANNOTATE, outputs=("${steps.annotate.outputs.genome}", "kept"))


@pytest.mark.parametrize(
    ("written", "resolved"),
    [
        ("${workspace_output_folder}/x", "/u@bvbrc/home/out/x"),
        ("${codes.bacteria}", 11),
        ("code ${codes.bacteria}", "code 11"),
        ("${codes}", {"bacteria": 11}),
        ("is ${params.flag}", "is true"),
        ("${params.flag}", True),
        ("${params.libs[0].read}", "/r"),
        ("${params.whole.read}", "/r"),
        ("${nothing}", None),
        ("$${codes}", "${codes}"),
        (["${codes.bacteria}", {"k": "${params.flag}"}], [11, {"k": True}]),
        (1.5, 1.5),
    ],
)
def test_a_reference_alone_keeps_its_type_and_is_text_within_text(
    written: Json, resolved: Json
) -> None:
    params = {
        "x": written,
        "flag": True,
        "libs": [{"read": "/r", "other": "${params.flag}"}],
        "whole": "${params.libs[0]}",
    }

    assert one(params)["x"] == resolved


def test_a_chain_of_outputs_is_followed() -> None:
    params = resolved_params(PIPELINE, 1, (1, 1))

    assert params["contigs"] == "/u@bvbrc/home/out/Assembly/.asm/asm_contigs.fasta"
    assert workflow_outputs(PIPELINE, (1, 1)) == ["ann.genome", "kept"]


def test_a_later_attempt_writes_elsewhere_and_its_readers_follow() -> None:
    attempts = (3, 2)

    assert resolved_params(PIPELINE, 0, attempts)["output_file"] == "asm_attempt3"
    assert resolved_params(PIPELINE, 1, attempts) == {
        "contigs": "/u@bvbrc/home/out/Assembly/.asm_attempt3/asm_attempt3_contigs.fasta",
        "note": "asm_attempt3",
        "output_file": "ann_attempt2",
    }
    assert resolved_outputs(PIPELINE, 1, attempts) == {"genome": "ann_attempt2.genome"}


def test_outputs_of_the_run_win_over_declared_ones() -> None:
    results = {0: {"contigs": "/elsewhere", "count": 7}}

    assert resolved_params(PIPELINE, 1, (1, 1), results)["contigs"] == "/elsewhere"
    assert resolved_outputs(PIPELINE, 0, (1, 1), results) == results[0]


def test_outputs_of_the_run_are_never_read_as_references() -> None:
    results = {0: {"contigs": "${workspace_output_folder}"}}

    assert resolved_params(PIPELINE, 1, (1, 1), results)["contigs"] == "${workspace_output_folder}"


def test_what_only_the_run_will_tell_is_later_wherever_it_is_part_of() -> None:
    results: Any = {0: {"contigs": UNKNOWN_UNTIL_RUN}}
    reader = StepSpec(
        "reader",
        "App",
        {
            "alone": "${steps.assemble.outputs.contigs}",
            "inside": "a/${steps.assemble.outputs.contigs.deep}/b",
            "listed": "list: ${params.list}",
            "list": ["${params.alone}"],
        },
    )

    params = resolved_params(spec(ASSEMBLE, reader), 1, (1, 1), results)

    assert params == {
        "alone": UNKNOWN_UNTIL_RUN,
        "inside": UNKNOWN_UNTIL_RUN,
        "listed": UNKNOWN_UNTIL_RUN,
        "list": [UNKNOWN_UNTIL_RUN],
    }


@pytest.mark.parametrize(
    "text",
    [
        "${PATH}",
        "${unknown}",
        "x ${params.missing}",
        "${steps.nowhere.outputs.x}",
        "${steps.assemble.outputs.nothing}",
        "${steps.assemble.params.nothing}",
        "${params.list[9]}",
        "${params.list.name}",
        "text ${nothing}",
        "${params.x}",
        "${params.circle}",
        "${broken",
    ],
)
def test_what_cannot_be_resolved_is_never_handed_on(text: str) -> None:
    step = StepSpec("s", "App", {"x": text, "list": [1], "circle": "a${params.x}"})
    if text == "${params.circle}":
        step = StepSpec("s", "App", {"x": text, "circle": "${params.x}"})

    with pytest.raises(Unresolved) as failed:
        resolved_params(spec(ASSEMBLE, step), 1, (1, 1))

    assert failed.value.problems[0].path.startswith("steps[1].params")


def test_base_context_refers_only_to_itself() -> None:
    assert one({"x": "${deeper}"}, deeper="${workspace_output_folder}/d") == {
        "x": "/u@bvbrc/home/out/d"
    }
    with pytest.raises(Unresolved, match="leads out of base_context"):
        one({"x": "${leak}", "y": "1"}, leak="${params.y}")


def test_workflow_outputs_have_no_parameters_of_their_own() -> None:
    with pytest.raises(Unresolved, match="no step's own place"):
        workflow_outputs(spec(ASSEMBLE, outputs=("${params.output_file}",)), (1,))


def test_a_chain_of_ten_thousand_steps_resolves() -> None:
    chain = [StepSpec("s0", "App", {"x": "end"})]
    chain += [
        StepSpec(f"s{n}", "App", {"x": f"${{steps.s{n - 1}.params.x}}"}) for n in range(1, 10000)
    ]

    assert resolved_params(spec(*chain), 9999, [1] * 10000) == {"x": "end"}


@pytest.mark.parametrize(
    "doubled", ["${params.p%d}${params.p%d}", ["${params.p%d}", "${params.p%d}"]]
)
def test_references_that_multiply_are_refused(doubled: Json) -> None:
    form = json.dumps(doubled)
    params = {"p0": "x" * 10} | {f"p{n}": json.loads(form % (n - 1, n - 1)) for n in range(1, 60)}

    with pytest.raises(Unresolved, match="resolves to more than"):
        one(params)


def test_a_resolver_does_not_look_at_what_nobody_asked_for() -> None:
    broken = StepSpec("broken", "App", {"x": "${nowhere}"})

    assert Resolver(spec(ASSEMBLE, broken), (1, 1)).param(0, "cap") == 5
