"""The templates that come with the engine are complete, and the genuine apps take them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.spec.templates.test_templates import OURS, genuine
from workflows.bvbrc import template_table
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.templates.check import check_template
from workflows.spec.templates.draft import NAME
from workflows.spec.templates.fill import Wishes, fill
from workflows.spec.templates.fit import fit_inputs
from workflows.spec.templates.inputs import inputs_from
from workflows.spec.validate import examine

FILES = [
    (name, version, content)
    for name, versions in template_table.load().items()
    for version, content in versions.items()
]

each_template = pytest.mark.parametrize(
    ("name", "content"), [pytest.param(name, content, id=name) for name, _, content in FILES]
)


def test_there_are_twelve_and_their_names_are_good() -> None:
    assert len(template_table.load()) == 12
    assert all(NAME.fullmatch(name) for name in template_table.load())


@each_template
def test_the_file_says_all_that_the_apps_say(name: str, content: dict[str, Any]) -> None:
    checked = check_template(name, content["workflow"], content["inputs"], OURS)

    assert checked.workflow == content["workflow"]
    assert checked.inputs.as_schema() == content["inputs"]
    assert not checked.warnings
    assert content["title"]
    assert content["description"]
    assert content["labels"]["topic"]
    assert all(each.get("title") for each in content["inputs"]["properties"].values())


@each_template
def test_the_genuine_apps_take_the_workflow_of_its_example(
    name: str, content: dict[str, Any]
) -> None:
    apps = genuine()
    assert not check_template(name, content["workflow"], content["inputs"], apps).warnings
    inputs, noted = inputs_from(content["inputs"]), Diagnostics()
    example = inputs.example()
    assert example is not None

    values = fit_inputs(inputs, example, noted)
    filled = fill(content["workflow"], values, Wishes(folder="/alice@bvbrc/home/run"))
    seen = examine(filled, apps.catalogue)

    assert (noted.problems, noted.fixes, noted.warnings) == ([], [], [])
    assert (seen.problems, seen.warnings) == ((), ())
