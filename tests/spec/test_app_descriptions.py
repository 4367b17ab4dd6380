"""What is said about apps: whole, true, and with an example that validates."""

from __future__ import annotations

import json

import pytest

from tests.spec.examples import APPS, CATALOGUE, look, step, workflow
from workflows.backends import declared_apps
from workflows.bvbrc import app_table
from workflows.spec.app_descriptions import describe_app, find_apps, list_item
from workflows.spec.catalogue import AppSpec, catalogue
from workflows.spec.checks.suggestions import apps_meant
from workflows.spec.validate import examine

SPECS: dict[str, AppSpec] = {
    spec["id"]: spec for spec in (*app_table.load(), *declared_apps.specs())
}
LISTED = [
    (list_item(SPECS[name], SPECS[name]), CATALOGUE.apps[name].aliases)
    for name in sorted(CATALOGUE.apps)
]


@pytest.mark.parametrize("name", APPS)
def test_the_example_of_an_app_validates_without_a_word(name: str) -> None:
    described = describe_app(CATALOGUE.apps[name], SPECS[name], SPECS[name])

    seen = look(described["example"])

    assert (seen.problems, seen.warnings, seen.auto_fixes) == ((), (), ())
    required = {each["name"] for each in described["parameters"] if each["required"]}
    assert required <= set(described["example"]["steps"][0]["params"])
    assert len(json.dumps(described)) < 16_000


def test_conditions_choices_and_results_are_told() -> None:
    app = describe_app(
        CATALOGUE.apps["ComprehensiveGenomeAnalysis"],
        SPECS["ComprehensiveGenomeAnalysis"],
        SPECS["ComprehensiveGenomeAnalysis"],
    )

    parameters = {each["name"]: each for each in app["parameters"]}
    assert parameters["input_type"]["choices"] == ["reads", "contigs", "genbank"]
    assert {each["name"] for each in parameters["paired_end_libs"]["members"]} >= {"read1", "read2"}
    assert {
        "when": {"input_type": "contigs"},
        "parameters": ["contigs"],
        "choices": [],
        "text": "Where input_type is 'contigs', give at least one of 'contigs'.",
    } in app["conditions"]
    assert "job_output_path" in {each["name"] for each in app["outputs"]}
    assert any("read1" in text for text in app["common_mistakes"])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("assembly viral", ["ViralAssembly"]),
        ("Genome Tree", ["CodonTree", "GeneTree"]),
        ("blast", ["GenomeComparison", "Homology"]),
        ("create_group", ["CreateGroup"]),
        ("GenomeAssembly3", ["GenomeAssembly", "GenomeAssembly2"]),
        ("xyzzy", []),
    ],
)
def test_apps_are_found_by_words_and_by_likeness(query: str, expected: list[str]) -> None:
    found = [item["app"] for item in find_apps(query, LISTED)]

    assert [name for name in expected if name not in found] == []
    assert bool(found) == bool(expected)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("GenomeAssembly3", "did you mean 'GenomeAssembly2' or 'GenomeAssembly'?"),
        ("CodonTre", "did you mean 'CodonTree'?"),
        ("xyzzy", ""),
    ],
)
def test_up_to_three_apps_are_named_the_newest_first(word: str, expected: str) -> None:
    assert apps_meant(word, CATALOGUE.apps) == expected


def test_no_more_than_three_apps_are_named() -> None:
    assert apps_meant("GenomeAnotation", CATALOGUE.apps).count("'") == 6


def test_an_unknown_app_is_told_with_several_names() -> None:
    (problem,) = look(workflow(step("Date") | {"app": "GenomeAssembly3"})).problems

    assert problem.suggestion == "did you mean 'GenomeAssembly2' or 'GenomeAssembly'?"


def test_an_app_that_only_the_service_lists_is_a_warning() -> None:
    spec = {"id": "CEIRRDataSubmission", "parameters": [{"id": "ceirr_data", "type": "string"}]}
    known = catalogue([*app_table.load(), spec], app_table.load(), declared_apps.apps())
    new = {"step_name": "s", "app": "CEIRRDataSubmission", "params": {"ceirr_data": "x"}}

    seen = examine(workflow(new), known)

    assert seen.problems == ()
    (warning,) = seen.warnings
    assert (warning.path, warning.code) == ("steps[0].app", "app_not_in_table")
