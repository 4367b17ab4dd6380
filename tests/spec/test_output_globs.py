"""Results found by pattern when a job has ended."""

from __future__ import annotations

import pytest

from workflows.model.values import Json
from workflows.spec.output_globs import flaw, folders, globs, is_glob, leads_on, matching, missing

FOLDER = "/user@bvbrc/home/.out"
PATHS = [f"{FOLDER}/{name}" for name in ("bin.2.fa", "bin.1.fa", "a/bin.3.fa", ".hidden.fa", "x")]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("bin.*.fa", ["bin.1.fa", "bin.2.fa"]),
        ("*.fa", ["bin.1.fa", "bin.2.fa"]),
        ("*/*.fa", ["a/bin.3.fa"]),
        ("bin.[2-9].fa", ["bin.2.fa"]),
        (".*.fa", [".hidden.fa"]),
        ("nothing", []),
    ],
)
def test_a_pattern_matches_as_in_a_shell(pattern: str, expected: list[str]) -> None:
    output = {"glob": f"{FOLDER}/{pattern}", "many": True}

    assert is_glob(output)
    assert matching(output, PATHS) == [f"{FOLDER}/{name}" for name in expected]


def test_one_result_is_the_first_or_none() -> None:
    assert matching({"glob": f"{FOLDER}/bin.*"}, PATHS) == f"{FOLDER}/bin.1.fa"
    assert matching({"glob": f"{FOLDER}/no.*"}, PATHS) is None


def test_patterns_keep_their_order_and_nothing_comes_twice() -> None:
    output = {"glob": [f"{FOLDER}/x", f"{FOLDER}/bin.1.*", f"{FOLDER}/*"], "many": True}

    assert matching(output, PATHS) == [f"{FOLDER}/{n}" for n in ("x", "bin.1.fa", "bin.2.fa")]


def test_the_folders_to_list() -> None:
    assert folders({"glob": [f"{FOLDER}/*.fa", f"{FOLDER}/b/*/c", f"{FOLDER}/x"]}) == (
        FOLDER,
        f"{FOLDER}/b",
    )


def test_only_folders_that_a_pattern_goes_through_are_listed_further() -> None:
    output = {"glob": f"{FOLDER}/b*/c.fa"}

    assert leads_on(output, f"{FOLDER}/bins")
    assert not leads_on(output, f"{FOLDER}/other")
    assert not leads_on(output, f"{FOLDER}/bins/c.fa")


def test_what_a_job_should_have_left_is_missing_unless_it_is_optional() -> None:
    outputs = {"one": {"glob": "a"}, "many": {"glob": "a", "many": True}}
    outputs["may"] = {"glob": "a", "optional": True}

    assert missing(outputs, {"one": None, "many": [], "may": None}) == ["one"]
    assert globs({**outputs, "path": "/a"}) == outputs


@pytest.mark.parametrize(
    "output",
    [
        {"glob": 5},
        {"glob": []},
        {"glob": [""]},
        {"glob": "a", "maany": True},
        {"glob": "a", "many": 1},
    ],
)
def test_a_malformed_pattern_has_a_flaw(output: dict[str, Json]) -> None:
    assert flaw(output)
    assert not flaw({"glob": ["a", "b"], "many": True, "optional": False})
