"""Who writes where."""

from __future__ import annotations

from typing import Any

import pytest

from tests.spec.examples import CATALOGUE, codes, look, workflow
from workflows.spec.resolver import resolved_params
from workflows.spec.validate import folders, rename_taken, validate

HERE = "/alice@bvbrc/home/run"


def dates(*places: tuple[str, str]) -> dict[str, Any]:
    return workflow(
        *(
            {
                "step_name": f"s{number}",
                "app": "Date",
                "params": {"output_path": folder, "output_file": name},
            }
            for number, (folder, name) in enumerate(places)
        )
    )


@pytest.mark.parametrize(
    "name", ["a/b", "käse", "a:b", "a\nb", ".", "..", "   ", "x" * 201, "\N{SNOWMAN}"]
)
def test_a_name_under_which_no_result_can_be_kept_is_a_problem(name: str) -> None:
    (problem,) = look(dates((HERE, name))).problems

    assert (problem.path, problem.code) == ("steps[0].params.output_file", "bad_output_file")
    assert codes(dates((HERE, problem.suggestion.split("'")[1]))) == {}


def test_the_resolved_name_counts() -> None:
    document = dates((HERE, "${params.output_path}"), (HERE, "${label}"))
    document["base_context"]["label"] = "köln"

    assert codes(document) == {
        "steps[0].params.output_file": "bad_output_file",
        "steps[1].params.output_file": "bad_output_file",
    }


@pytest.mark.parametrize("folder", ["home/out", "out", "/", "/alice", "/a/../b", "//", "/a@b/\x01"])
def test_a_folder_that_is_none_is_a_problem(folder: str) -> None:
    assert codes(dates((folder, "d"))) == {"steps[0].params.output_path": "bad_output_path"}


def test_a_folder_may_hold_blanks_and_foreign_letters() -> None:
    found = look(dates(("/alice@bvbrc/home/Genome Groups/näher", "d")))

    assert [warning.code for warning in found.warnings] == ["odd_path"]
    assert found.problems == ()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((HERE, "d"), (HERE, "d")),
        ((HERE, "d"), (f"{HERE}//", "d")),
        (("${workspace_output_folder}", "d"), (HERE, "d")),
        ((HERE, "d"), (HERE, "d_attempt2")),
    ],
)
def test_two_steps_that_write_to_one_place_are_a_problem(
    first: tuple[str, str], second: tuple[str, str]
) -> None:
    (problem,) = look(dates(first, second)).problems

    assert (problem.path, problem.code) == ("steps[1].params.output_file", "output_conflict")
    assert "'s0'" in problem.message


def test_the_same_name_in_another_folder_is_another_place() -> None:
    assert codes(dates((HERE, "d"), (f"{HERE}/2", "d"))) == {}


def test_taken_names_are_numbered_and_readers_follow() -> None:
    document = dates((HERE, "d"), (HERE, "e"), (HERE, "d_3"))
    document["steps"][1]["params"]["output_file"] = "${steps.s0.params.output_file}_e"
    spec = validate(document, CATALOGUE).spec
    assert folders(spec) == {HERE}

    found, fixes = rename_taken(spec, {f"{HERE}/d", f"{HERE}/.d_2", f"{HERE}/other"})

    attempts = (1, 1, 1)
    assert [resolved_params(found, step, attempts)["output_file"] for step in range(3)] == [
        "d_4",
        "d_4_e",
        "d_3",
    ]
    assert [(fix.path, fix.code) for fix in fixes] == [
        ("steps[0].params.output_file", "renamed_output")
    ]


def test_a_name_made_of_references_is_numbered_as_well() -> None:
    document = dates((HERE, "${label}"))
    document["base_context"]["label"] = "d"
    spec = validate(document, CATALOGUE).spec

    found, _ = rename_taken(spec, {f"{HERE}/d"})

    assert found.steps[0].params["output_file"] == "${label}_2"
    assert rename_taken(found, set()) == (found, ())


def looked_for(output: Any) -> dict[str, Any]:
    found = dates((HERE, "one"), (HERE, "two"))
    found["steps"][0]["outputs"] = {"all": output}
    found["steps"][1]["params"]["output_path"] = "${steps.s0.outputs.all}"
    return found


def test_what_is_looked_for_at_run_time_may_be_referred_to() -> None:
    output = {"glob": "${params.output_path}/.${params.output_file}/*.fa", "many": True}

    assert codes(looked_for(output)) == {}


@pytest.mark.parametrize(
    ("output", "code"),
    [
        ({"glob": 7}, "wrong_type"),
        ({"glob": "a", "mnay": True}, "wrong_type"),
        ({"glob": "${params.nothing}/*"}, "unknown_reference"),
    ],
)
def test_where_it_is_looked_for_must_be_known(output: Any, code: str) -> None:
    assert set(codes(looked_for(output)).values()) == {code}
