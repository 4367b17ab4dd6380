"""Plans that are made again when results are there: earlier steps stay, gaps are filled."""

from __future__ import annotations

from random import Random
from textwrap import indent
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cwl.planning import annotate, app_steps, planned, workflow
from workflows.cwl.bvbrc.submission import Plan
from workflows.model.values import Json

FIND = """
  find:
    run:
      class: CommandLineTool
      hints: {"https://github.com/wilke/GoWe#Execution": {bvbrc_app_id: MetagenomeBinning}}
      inputs: []
      outputs:
        bins: {type: "File[]", outputBinding: {glob: "*.fa"}}
        none: {type: File?, outputBinding: {glob: "*.no"}}
    in: []
    out: [bins, none]
"""
NEEDS = (
    "ScatterFeatureRequirement StepInputExpressionRequirement InlineJavascriptRequirement"
    " MultipleInputFeatureRequirement SubworkflowFeatureRequirement"
)
BINS = ["/user@bvbrc/home/1.fa", "/user@bvbrc/home/2.fa"]
FOUND = {"find": {"bins": BINS, "none": None}}


def document(steps: str, outputs: str = "{}") -> str:
    return workflow(FIND + steps, inputs="{more: 'File[]?'}", outputs=outputs, needs=NEEDS)


def unchanged(before: Plan, after: Plan) -> bool:
    names = frozenset(step.name for step in before.steps)
    kept = tuple(step for step in after.steps if step.name in names)
    return kept == before.steps and not names & {s.name for s in after.new_steps(names)}


OPEN = {
    "scatter": (
        "  a:\n" + annotate("find/bins", "scatter: contigs"),
        ["a__0", "a__1"],
    ),
    "condition": (
        "  a: {run: 'bvbrc://Date', when: $(inputs.b.length > 1), in: {b: find/bins}, out: []}",
        ["a"],
    ),
    "false condition": (
        "  a: {run: 'bvbrc://Date', when: $(inputs.b.length > 2), in: {b: find/bins}, out: []}",
        [],
    ),
    "value": (
        "  a:\n" + annotate("{source: find/bins, valueFrom: '$(self[1])'}"),
        ["a"],
    ),
    "pick": (
        "  a:\n" + annotate("{source: find/bins, pickValue: first_non_null}"),
        ["a"],
    ),
    "default": (
        "  a:\n" + annotate(f"{{source: find/none, default: {BINS[0]}}}"),
        ["a"],
    ),
}


@pytest.mark.parametrize("name", OPEN)
def test_what_depends_on_a_result_is_planned_when_it_is_there(name: str) -> None:
    steps, expected = OPEN[name]

    before = planned(document(steps))
    after = planned(document(steps), results=FOUND)

    assert before.problems == after.problems == ()
    assert [step.name for step in before.steps] == ["find"]
    assert before.waits_for == {"find"}
    assert after.waits_for == frozenset()
    assert unchanged(before, after)
    assert [step.name for step in after.new_steps(frozenset({"find"}))] == expected
    assert all(step.depends_on == ("find",) for step in after.steps if step.name != "find")


def test_the_value_of_a_result_is_sent_where_it_was_looked_at() -> None:
    after = planned(document(OPEN["value"][0]), results=FOUND)

    assert app_steps(after)["a"]["contigs"] == BINS[1]


def test_a_reference_that_is_only_passed_on_stays_a_reference() -> None:
    steps = "  a: {run: 'bvbrc://CodonTree', in: {genome_groups: find/bins}, out: [tree]}"
    outputs = "{bins: {type: 'File[]', outputSource: find/bins}}"

    before = planned(document(steps, outputs))
    after = planned(document(steps, outputs), results=FOUND)

    assert before.waits_for == frozenset()
    assert before.steps == after.steps
    assert after.outputs == {"bins": "${steps.find.outputs.bins}"}


def test_what_does_not_wait_is_planned_at_once() -> None:
    steps = f"""
  sub:
    in: {{bins: find/bins, now: {{default: d}}}}
    out: []
    run:
      class: Workflow
      inputs: {{bins: "File[]", now: string}}
      outputs: []
      steps:
        at_once: {{run: 'bvbrc://Date', in: {{output_file: now}}, out: []}}
        later:
{indent(annotate("bins", "scatter: contigs"), "      ")}
"""

    before = planned(document(steps))
    after = planned(document(steps), results=FOUND)

    assert [step.name for step in before.steps] == ["find", "sub__at_once"]
    assert unchanged(before, after)
    assert {step.name for step in after.steps} >= {"sub__later__0", "sub__later__1"}


def test_gaps_are_filled_one_after_the_other() -> None:
    steps = (
        "  a:\n"
        + annotate("find/bins", "scatter: contigs", out="[genome]")
        + """
  b:
    run: bvbrc://Date
    scatter: g
    in: {g: a/genome, output_file: {valueFrom: $(inputs.g.nameroot)}}
    out: []
"""
    )
    results: dict[str, dict[str, Any]] = dict(FOUND)

    first = planned(document(steps), results={})
    second = planned(document(steps), results=results)
    results["a__1"] = {"genome": "/user@bvbrc/home/.x/two.genome"}
    third = planned(document(steps), results=results)

    assert (first.waits_for, second.waits_for, third.waits_for) == (
        {"find"},
        {"a__0", "a__1"},
        {"a__0"},
    )
    assert unchanged(first, second)
    assert unchanged(second, third)
    (step,) = third.new_steps(frozenset(step.name for step in second.steps))
    assert (step.name, step.params["output_file"]) == ("b__1", "two")
    assert set(step.depends_on) == {"find", "a__1"}


def test_a_wrong_result_is_a_problem_at_the_step_that_uses_it() -> None:
    steps = OPEN["value"][0]
    results: dict[str, dict[str, Json]] = {"find": {"bins": [], "none": None}}

    found = planned(document(steps), results=results)

    assert [problem.code for problem in found.problems] == ["cwl.missing_step_input"]


DIAMOND = f"""
  each:
{annotate("find/bins", "scatter: contigs", out="[genome]")}
  named:
    run: bvbrc://Date
    scatter: g
    in: {{g: each/genome, output_file: {{valueFrom: $(inputs.g.nameroot)}}}}
    out: [now]
  some:
    run: bvbrc://Date
    when: $(inputs.bins.length > 1)
    in: {{bins: find/bins}}
    out: [now]
  other:
    run: bvbrc://Date
    in: {{output_file: {{default: always}}}}
    out: [now]
  last:
    run: bvbrc://CodonTree
    in:
      genome_groups:
        source: [some/now, other/now]
        pickValue: first_non_null
        valueFrom: "$([self])"
    out: []
"""


@settings(max_examples=25, deadline=None)
@given(count=st.integers(0, 3), draw=st.randoms(use_true_random=False))
def test_whatever_the_order_of_results_the_steps_are_the_same(count: int, draw: Random) -> None:
    """Results come one by one in any order; no plan changes a step of the one before it."""
    source = document(DIAMOND)
    results: dict[str, dict[str, Json]] = {}
    plan = planned(source)
    while open_steps := sorted({step.name for step in plan.steps} - set(results)):
        done = draw.choice(open_steps)
        results[done] = {
            "bins": [f"/user@bvbrc/home/{n}.fa" for n in range(count)],
            "genome": f"/user@bvbrc/home/{done}.genome",
            "now": f"/user@bvbrc/home/{done}.now",
            "none": None,
        }
        after = planned(source, results=results)
        assert after.problems == ()
        assert unchanged(plan, after)
        plan = after

    names = {step.name for step in plan.steps}
    assert plan.waits_for == frozenset()
    assert len(names) == 3 + 2 * count + (count > 1)
    assert all(set(step.depends_on) <= names for step in plan.steps)
