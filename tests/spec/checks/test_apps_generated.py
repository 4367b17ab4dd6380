"""For every app: the smallest sound step passes, and each single mistake is found."""

from __future__ import annotations

from typing import Any

import pytest

from tests.spec.examples import (
    APPS,
    CATALOGUE,
    codes,
    look,
    minimal_params,
    sound_value,
    step,
    workflow,
)
from workflows.model.json_path import format_path
from workflows.spec.catalogue import App, Kind
from workflows.spec.checks.apps import app_rules

WRONG: dict[Kind, Any] = {
    Kind.TEXT: {"an": "object"},
    Kind.PATH: 5,
    Kind.INTEGER: "many",
    Kind.NUMBER: "many",
    Kind.TRUTH: "perhaps",
    Kind.CHOICE: {"an": "object"},
    Kind.LIST: {"an": "object"},
    Kind.GROUP: "a text",
}


every_app = pytest.mark.parametrize("app", [CATALOGUE.apps[name] for name in APPS], ids=APPS)


def changed(app: App, name: str, value: Any) -> dict[str, Any]:
    return workflow(step(app.id, {**minimal_params(app), name: value}))


def without(app: App, name: str) -> dict[str, Any]:
    params = minimal_params(app)
    params.pop(name, None)
    return workflow(step(app.id, params))


@every_app
def test_the_smallest_sound_step_passes(app: App) -> None:
    found = look(workflow(step(app.id)))

    assert [str(problem) for problem in found.problems] == []
    assert found.auto_fixes == ()


@every_app
def test_every_parameter_may_be_given_a_sound_value(app: App) -> None:
    params = {name: sound_value(parameter) for name, parameter in app.parameters.items()}

    assert codes(workflow(step(app.id, params))) == {}


@every_app
def test_each_missing_required_parameter_is_a_problem(app: App) -> None:
    found = {name: codes(without(app, name)) for name in app.parameters}

    for name, parameter in app.parameters.items():
        if parameter.required:
            assert found[name][format_path(("steps", 0, "params", name))] == "missing_parameter"
        else:
            assert set(found[name].values()) <= {"missing_parameter", "missing_input"}


@every_app
def test_each_wrong_choice_is_a_problem(app: App) -> None:
    for name, parameter in app.parameters.items():
        if parameter.kind is Kind.CHOICE:
            problem = look(changed(app, name, "nonsense")).problems[0]

            assert (problem.path, problem.code) == (f"steps[0].params.{name}", "invalid_choice")
            assert parameter.choices[0] in problem.suggestion


@every_app
def test_each_wrong_type_is_a_problem(app: App) -> None:
    for name, parameter in app.parameters.items():
        if parameter.kind is Kind.ANY or name in app_rules.UNCHECKED:
            continue
        value = WRONG[parameter.kind]
        listed = parameter.multiple and parameter.kind is not Kind.LIST

        found = codes(changed(app, name, [value] if listed else value))

        code = "bad_accession" if name == "srr_libs" else "wrong_type"
        wrong = [
            path for path in found if path.startswith(format_path(("steps", 0, "params", name)))
        ]
        assert [found[path] for path in wrong] == [code], (name, found)


@every_app
def test_each_misspelt_name_is_found_and_the_right_one_named(app: App) -> None:
    for name, parameter in app.parameters.items():
        if name.startswith("_"):
            continue  # private ones are nobody's to spell
        misspelt = f"{name[:-1]}x{name[-1]}"
        params = minimal_params(app)
        params[misspelt] = params.pop(name, sound_value(parameter))

        found = look(workflow(step(app.id, params)))

        warning = next(each for each in found.warnings if each.code == "unknown_parameter")
        assert warning.suggestion.startswith("did you mean "), name
        if parameter.required:
            problem = next(each for each in found.problems if each.code == "missing_parameter")
            assert problem.path.endswith(name)
            assert misspelt in problem.suggestion


@every_app
def test_an_unknown_parameter_is_warned_about(app: App) -> None:
    found = look(workflow(step(app.id, {**minimal_params(app), "no_such_param": "x"})))

    assert found.problems == ()
    assert [(each.path, each.code) for each in found.warnings] == [
        ("steps[0].params.no_such_param", "unknown_parameter")
    ]


@every_app
def test_an_app_by_nearly_its_name_is_put_right(app: App) -> None:
    document = workflow(step(app.id))
    for wrong in (app.id.lower(), app.id.upper(), f"{app.id[:3]}_{app.id[3:]}"):
        document["steps"][0]["app"] = wrong

        found = look(document)

        # The name of the earlier assembly means today's, unless it is written exactly.
        right = "GenomeAssembly2" if app.id == "GenomeAssembly" else app.id
        assert found.problems == ()
        assert found.workflow_json is not None
        assert found.workflow_json["steps"][0]["app"] == (app.id if wrong == app.id else right)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("genome_annotation", "GenomeAnnotation"),
        ("GenomeAnotation", "GenomeAnnotation"),
        ("genome assembly", "GenomeAssembly2"),
        ("blast", "Homology"),
        ("SARSWastewaterAnalysis", "SARS2Wastewater"),
        ("TaxonomicClasification", "TaxonomicClassification"),
        ("CreateGroups", "CreateGroup"),
        ("bvbrc-get-genome-id", "GetGenomeId"),
        ("gowe://bvbrc-wait-for-pgfams", "WaitForPgfams"),
        ("bvbrc://GenomeAnnotation", "GenomeAnnotation"),
        ("bvbrc_create_genome_group", "CreateGenomeGroup"),
        ("minhash", "SimilarGenomeFinder"),
    ],
)
def test_an_app_by_another_name_is_put_right(written: str, meant: str) -> None:
    document = workflow(step(meant))
    document["steps"][0]["app"] = written

    (fix,) = look(document).auto_fixes

    assert (fix.path, fix.code) == ("steps[0].app", "app_corrected")
    assert meant in fix.message


@pytest.mark.parametrize("name", ["GenomeAssembly3", "NoSuchApp", "Genome", "x" * 200])
def test_an_app_that_could_be_several_or_none_is_a_problem(name: str) -> None:
    document = workflow({"step_name": "s", "app": name, "params": {}})

    (problem,) = look(document).problems

    assert (problem.path, problem.code) == ("steps[0].app", "unknown_app")
    assert problem.suggestion


@every_app
def test_members_of_groups_are_checked_too(app: App) -> None:
    for name, group in app.parameters.items():
        sound = {key: sound_value(member) for key, member in group.members.items()}
        at = f"steps[0].params.{name}{'[0]' if group.multiple else ''}"
        for key, member in group.members.items():
            if key in app_rules.UNCHECKED:
                continue
            wrong = {**sound, key: WRONG.get(member.kind)}
            missing = {other: value for other, value in sound.items() if other != key}

            problems = codes(changed(app, name, [wrong] if group.multiple else wrong))
            path = next(path for path in problems if path.startswith(at))

            assert path.endswith((key, f"['{key}']"))
            assert problems[path] in ("wrong_type", "invalid_choice")
            without_it = codes(changed(app, name, [missing] if group.multiple else missing))
            assert (without_it != {}) == member.required
