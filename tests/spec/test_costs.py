"""What a verb costs follows the size of its input; counted in instructions, never in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.counting import LINEAR, exponent, instructions
from tests.spec.examples import CATALOGUE
from workflows.model.errors import Problem
from workflows.model.states import StepState, WorkflowState
from workflows.model.values import Workflow
from workflows.rules.explain import explain
from workflows.rules.plan import plan
from workflows.rules.reasons.values import Surroundings
from workflows.spec import size_limits
from workflows.spec.checks.diagnostics import MOST_PROBLEMS
from workflows.spec.checks.suggestions import did_you_mean
from workflows.spec.compiled_spec import CompiledSpec, compile_spec
from workflows.spec.document import document, spec_from
from workflows.spec.validate import examine

Document = dict[str, Any]
FOLDER = "/alice@bvbrc/home/out"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def step(number: int, needs: list[int], **params: Any) -> Document:
    return {
        "step_name": f"s{number}",
        "app": "Date",
        "params": {"output_path": FOLDER, "output_file": f"f{number}", **params},
        "outputs": {},
        "depends_on": [f"s{need}" for need in needs],
    }


def workflow(steps: list[Document], **context: Any) -> Document:
    return {
        "workflow_name": "w",
        "version": "1.0",
        "base_context": {
            "base_url": "https://www.bv-brc.org",
            "workspace_output_folder": FOLDER,
            **context,
        },
        "steps": steps,
        "workflow_outputs": [],
    }


def flat(size: int) -> Document:
    return workflow([step(number, []) for number in range(size)])


def chain(size: int) -> Document:
    return workflow([step(number, [number - 1] if number else []) for number in range(size)])


def gathered(size: int) -> Document:
    """The last step waits for all others."""
    return workflow(
        [step(number, list(range(number)) if number == size - 1 else []) for number in range(size)]
    )


def one_text_for_all(size: int) -> Document:
    steps = [step(number, [], text="${text}") for number in range(size)]
    return workflow(steps, text="x" * 6_000)


def handed_on(size: int) -> Document:
    """Each step hands a long text on to the next."""
    texts = ["x" * 6_000] + [f"${{steps.s{number}.params.text}}" for number in range(size - 1)]
    return workflow([step(number, [], text=text) for number, text in enumerate(texts)])


def wrapped(size: int) -> Document:
    """Wrapper in wrapper, with a field beside each that is not known."""
    found = flat(1)
    for number in range(size):
        found = {"workflow_json": found, f"unknown_{number}": 1}
    return found


SHAPES: dict[str, Callable[[int], Document]] = {
    "flat": flat,
    "chain": chain,
    "gathered": gathered,
    "one text for all": one_text_for_all,
    "handed on": handed_on,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_validation_is_linear(shape: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        found = SHAPES[shape](size)
        return lambda: examine(found, CATALOGUE)

    assert exponent(prepare, 40, 160) < LINEAR


def test_wrappers_are_taken_off_in_one_pass() -> None:
    def prepare(size: int) -> Callable[[], object]:
        found = wrapped(size)
        return lambda: examine(found, CATALOGUE)

    small, large = (instructions(prepare(MOST_PROBLEMS // 2 * factor)) for factor in (1, 2))

    assert large < 2.5 * small


def known(shape: str, size: int) -> tuple[CompiledSpec, Workflow]:
    found = compile_spec(spec_from(SHAPES[shape](size)))
    pending = (StepState.PENDING,) * size
    return found, Workflow("wf", "alice", WorkflowState.PENDING, pending, (0,) * size)


@pytest.mark.parametrize("shape", ["flat", "chain", "gathered"])
def test_explaining_is_linear(shape: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        spec, value = known(shape, size)
        return lambda: explain(spec, value, (), Surroundings(NOW, NOW))

    assert exponent(prepare, 50, 200) < LINEAR


@pytest.mark.parametrize("shape", ["flat", "chain", "gathered"])
def test_an_advance_is_linear(shape: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        spec, value = known(shape, size)
        return lambda: plan(spec, value, (), NOW)

    assert exponent(prepare, 50, 200) < LINEAR


@pytest.mark.parametrize("shape", ["flat", "chain", "gathered"])
def test_reading_a_stored_document_is_linear(shape: str) -> None:
    def prepare(size: int) -> Callable[[], object]:
        found = SHAPES[shape](size)
        return lambda: document(compile_spec(spec_from(found)).spec)

    assert exponent(prepare, 50, 200) < LINEAR


def test_explanations_do_not_repeat_every_busy_step_for_every_waiting_one() -> None:
    """With a large cap their sum would be its product with the number of steps."""
    spec, value = known("flat", 300)
    crowded = Workflow("wf", "a", value.state, value.states, value.attempts, cap=150)

    found = explain(spec, crowded, (), Surroundings(NOW, NOW))

    waiting = [reason for reason in found if reason.code == "parallelism_cap"]
    assert len(waiting) == 150
    assert all(reason.message.startswith("150 of at most 150") for reason in waiting)
    assert sum(len(reason.waiting_for) for reason in waiting) <= 20 * len(waiting)


def test_an_unknown_field_too_many_costs_next_to_nothing() -> None:
    def cost(count: int) -> int:
        found = flat(1) | {f"unknown_{number}": 1 for number in range(count)}
        return instructions(lambda: examine(found, CATALOGUE))

    assert cost(MOST_PROBLEMS + 1_000) - cost(MOST_PROBLEMS) < 300 * 1_000


def test_long_names_that_are_alike_are_not_all_compared_letter_by_letter() -> None:
    """490 names of 180 characters and as many that are not known took 164 s of CPU."""

    def cost(count: int) -> int:
        names = [f"{number}" + "ba" * 50 for number in range(count)]
        return instructions(lambda: did_you_mean("x" + "ab" * 50, names))

    assert cost(80) < 2 * cost(20)


def bomb(**fields: Any) -> Document:
    found = workflow([step(0, [])], big="x" * 900_000)
    found["steps"][0]["outputs"] = fields.get("outputs", {})
    return found | {"workflow_outputs": fields.get("workflow_outputs", [])}


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (bomb(outputs={f"o{n}": "${big}" for n in range(200)}), "steps[0].outputs"),
        (bomb(workflow_outputs=["${big}"] * 200), "workflow_outputs[17]"),
        (bomb(workflow_outputs=[[["${big}"]], {"a": "${big}"}] * 100), "workflow_outputs[17]"),
    ],
)
def test_outputs_that_would_be_answered_hundredfold_are_refused(
    document: Document, path: str
) -> None:
    (problem,) = examine(document, CATALOGUE).problems

    assert (problem.path, problem.code) == (path, "too_large")
    assert "16000000 characters" in problem.message
    assert "files in the Workspace" in problem.suggestion


def test_outputs_of_all_steps_and_the_workflow_share_one_budget() -> None:
    steps = [step(number, []) for number in range(10)]
    for each in steps:
        each["outputs"] = {"big": "${big}"}
    found = workflow(steps, big="x" * 900_000) | {"workflow_outputs": ["${big}"] * 8}

    (problem,) = examine(found, CATALOGUE).problems

    assert problem.path == "workflow_outputs[7]"


def test_parameters_of_all_steps_share_one_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(size_limits, "LARGEST_SUM", 100_000)
    steps = [step(number, [], text="${text}") for number in range(10)]

    (problem,) = examine(workflow(steps, text="x" * 15_000), CATALOGUE).problems

    assert (problem.path, problem.code) == ("steps[6].params", "too_large")


def test_problems_do_not_repeat_long_values() -> None:
    """999 steps that write to one place with a long name were answered with it 999 times."""
    steps = [step(number, []) for number in range(50)]
    for each in steps:
        each["params"] |= {"output_path": "/alice@bvbrc/home/${long}", "output_file": "same"}

    found = examine(workflow(steps, long="x" * 20_000), CATALOGUE).problems

    assert {problem.code for problem in found} == {"output_conflict"}
    assert max(map(_length, found)) < 1_000


def _length(problem: Problem) -> int:
    return len(str(problem))
