"""Planned steps against the apps' specifications: the problem is reported at its place in the
CWL."""

from __future__ import annotations

import pytest

from tests.cwl.planning import DOCUMENTS, EXAMPLES, bundle, planned, workflow
from workflows.backends import declared_apps
from workflows.bvbrc.app_table import load
from workflows.cwl.bvbrc.app_checks import check_plan
from workflows.spec.catalogue import catalogue

KNOWN = catalogue(load(), load(), declared_apps.apps())


@pytest.mark.parametrize("name", ["assemble_annotate", "scatter_annotate"])
def test_the_examples_can_run(name: str) -> None:
    inputs = (EXAMPLES / f"{name}.inputs.yaml").read_text("utf-8")

    found = check_plan(planned(bundle(EXAMPLES), inputs, main=f"{name}.cwl"), KNOWN)

    assert (found.problems, found.warnings) == ((), ())


def test_the_rich_document_can_run() -> None:
    files = bundle(DOCUMENTS)
    inputs = files.pop("rich.yml")

    found = check_plan(planned(files, inputs, main="rich.cwl"), KNOWN)

    assert (found.problems, found.warnings) == ((), ())


def test_what_the_app_refuses_is_told_at_the_steps_input() -> None:
    steps = """
  a:
    run: bvbrc://GenomeAnnotation
    in:
      contigs: {default: /user@bvbrc/home/x.fa}
      scientific_name: {default: x}
      code: {default: 99}
    out: []
"""

    (problem,) = check_plan(planned(workflow(steps)), KNOWN).problems

    assert (problem.file, problem.line) == ("workflow.cwl", 12)
    assert problem.message.startswith("step 'a': 99 is not a known choice")


def test_what_the_app_misses_is_told_at_the_step() -> None:
    steps = "  a:\n    {run: 'bvbrc://GenomeAssembly2', in: {recipe: {default: auto}}, out: []}"

    (problem,) = check_plan(planned(workflow(steps)), KNOWN).problems

    assert (problem.file, problem.line) == ("workflow.cwl", 7)


def test_a_helpers_result_may_be_referred_to() -> None:
    steps = """
  id:
    run: gowe://bvbrc-get-genome-id
    in: {genome_ws_path: {default: /user@bvbrc/home/x.genome}}
    out: [genome_id]
  tree: {run: 'bvbrc://CodonTree', in: {genome_ids: id/genome_id}, out: []}
"""

    assert check_plan(planned(workflow(steps)), KNOWN).problems == ()


def test_a_workflow_without_any_step_is_refused() -> None:
    steps = "  a: {run: 'bvbrc://Date', when: $(inputs.go), in: {go: {default: false}}, out: []}"

    (problem,) = check_plan(planned(workflow(steps)), KNOWN).problems

    assert problem.code == "cwl.no_steps"
