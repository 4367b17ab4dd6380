"""Documents that are sound but for one defect: refused for that, there, and for nothing else.

``mutants.yaml`` beside this file lists them.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cwl.planning import DOCUMENTS, EXAMPLES, bundle, planned

RICH, INPUTS = "rich.cwl", "inputs"
MUTANTS = yaml.safe_load(Path(__file__).with_name("mutants.yaml").read_text("utf-8"))


def line_of(text: str, marker: str) -> int:
    assert marker in text, marker
    return text[: text.index(marker)].count("\n") + 1


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant["name"])
def test_one_defect_is_one_problem_at_its_place(mutant: dict[str, str]) -> None:
    files = bundle(DOCUMENTS)
    texts = {**files, INPUTS: files.pop("rich.yml")}
    file = mutant["file"]
    assert texts[file].count(mutant["old"]) == 1, "the mutant changes one place"
    texts[file] = texts[file].replace(mutant["old"], mutant["new"])
    inputs = texts.pop(INPUTS)

    problems = planned(texts, inputs, main=RICH).problems

    where = mutant.get("where", file)
    expected = line_of({**texts, INPUTS: inputs}[where], mutant["at"])
    found = [(problem.code, problem.file, problem.line) for problem in problems]
    assert found == [(mutant["code"], where, expected)], [str(problem) for problem in problems]


def test_the_unspoilt_documents_have_no_problem() -> None:
    files = bundle(DOCUMENTS)
    inputs = files.pop("rich.yml")

    plan = planned(files, inputs, main=RICH)

    assert plan.problems == ()
    assert plan.warnings == ()
    assert [step.name for step in plan.steps] == [
        "each__0__assemble",
        "each__1__assemble",
        "annotate__0",
        "annotate__1",
    ]


@pytest.mark.parametrize("name", ["assemble_annotate", "scatter_annotate"])
def test_the_examples_have_no_problem(name: str) -> None:
    inputs = (EXAMPLES / f"{name}.inputs.yaml").read_text("utf-8")

    plan = planned(bundle(EXAMPLES), inputs, main=f"{name}.cwl")

    assert plan.problems == ()
    assert plan.warnings == ()
    assert plan.steps


@pytest.mark.parametrize("requirements", ["{}", "{InlineJavascriptRequirement: {}}"])
def test_a_tool_by_itself_that_is_no_app_is_refused(requirements: str) -> None:
    tool = "cwlVersion: v1.2\nclass: CommandLineTool\ninputs: {}\noutputs: {}\n"

    (problem,) = planned(f"{tool}requirements: {requirements}\n").problems

    assert (problem.code, problem.line) == ("cwl.not_an_app", 2)


@pytest.mark.parametrize("text", ["", "please annotate my genome", "- cwlVersion: v1.2"])
def test_a_document_that_is_no_map_is_refused_as_such(text: str) -> None:
    (problem,) = planned(text).problems

    assert (problem.code, problem.line, problem.column) == ("cwl.wrong_shape", 1, 1)
