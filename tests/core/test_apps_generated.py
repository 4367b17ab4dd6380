"""For every app: the smallest sound step passes, and each single mistake is found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.core.examples import (
    APPS,
    CATALOGUE,
    codes,
    look,
    minimal_params,
    sound_value,
    step,
    workflow,
)
from workflows.catalogue import App, Kind, Parameter

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


def parameters() -> Iterator[tuple[App, Parameter]]:
    for name in APPS:
        app = CATALOGUE.apps[name]
        yield from ((app, parameter) for parameter in app.parameters.values())


def named(pair: Any) -> str:
    return pair.id if isinstance(pair, App | Parameter) else ""


every_app = pytest.mark.parametrize("app", APPS)
every_parameter = pytest.mark.parametrize(("app", "parameter"), list(parameters()), ids=named)


def changed(app: App, name: str, value: Any) -> dict[str, Any]:
    return workflow(step(app.id, {**minimal_params(app), name: value}))


def without(app: App, name: str) -> dict[str, Any]:
    params = minimal_params(app)
    params.pop(name, None)
    return workflow(step(app.id, params))


@every_app
def test_the_smallest_sound_step_passes(app: str) -> None:
    found = look(workflow(step(app)))

    assert [str(problem) for problem in found.problems] == []
    assert found.auto_fixes == ()


@every_app
def test_every_parameter_may_be_given_a_sound_value(app: str) -> None:
    known = CATALOGUE.apps[app].parameters
    params = {name: sound_value(parameter) for name, parameter in known.items()}

    assert codes(workflow(step(app, params))) == {}


@every_parameter
def test_a_missing_required_parameter_is_a_problem(app: App, parameter: Parameter) -> None:
    found = codes(without(app, parameter.id))

    place = f"steps[0].params.{parameter.id}"
    if parameter.required:
        assert found[place] == "missing_parameter"
    else:
        assert set(found.values()) <= {"missing_parameter", "missing_input"}


@every_parameter
def test_a_wrong_choice_is_a_problem(app: App, parameter: Parameter) -> None:
    if parameter.kind is not Kind.CHOICE:
        return
    problem = look(changed(app, parameter.id, "nonsense")).problems[0]

    assert (problem.path, problem.code) == (f"steps[0].params.{parameter.id}", "invalid_choice")
    assert parameter.choices[0] in problem.suggestion


@every_parameter
def test_a_wrong_type_is_a_problem(app: App, parameter: Parameter) -> None:
    if parameter.kind is Kind.ANY:
        return
    value = WRONG[parameter.kind]
    place = f"steps[0].params['{parameter.id}']" if "-" in parameter.id else parameter.id

    listed = parameter.multiple and parameter.kind is not Kind.LIST

    found = codes(changed(app, parameter.id, [value] if listed else value))

    code = "bad_accession" if parameter.id == "srr_libs" else "wrong_type"
    assert any(place in path and found[path] == code for path in found), found


@every_parameter
def test_a_misspelt_name_is_found_and_the_right_one_named(app: App, parameter: Parameter) -> None:
    if parameter.id.startswith("_"):
        return  # private ones are nobody's to spell
    misspelt = parameter.id[:-1] + "x" + parameter.id[-1]
    params = minimal_params(app)
    params[misspelt] = params.pop(parameter.id, sound_value(parameter))

    found = look(workflow(step(app.id, params)))

    warning = next(each for each in found.warnings if each.code == "unknown_parameter")
    assert warning.suggestion.startswith("did you mean ")
    if parameter.required:
        problem = next(each for each in found.problems if each.code == "missing_parameter")
        assert problem.path.endswith(parameter.id)
        assert misspelt in problem.suggestion


@every_app
def test_an_unknown_parameter_is_warned_about(app: str) -> None:
    found = look(workflow(step(app, {**minimal_params(CATALOGUE.apps[app]), "no_such_param": "x"})))

    assert found.problems == ()
    assert [(each.path, each.code) for each in found.warnings] == [
        ("steps[0].params.no_such_param", "unknown_parameter")
    ]


@every_app
def test_a_misspelt_app_is_put_right_where_there_is_no_doubt(app: str) -> None:
    document = workflow(step(app))
    for wrong in (app.lower(), app.upper(), f"{app[:3]}_{app[3:]}"):
        document["steps"][0]["app"] = wrong
        found = look(document)

        right = found.workflow_json["steps"][0]["app"] if found.spec and found.workflow_json else ""
        assert right == app or (app, right) == ("GenomeAssembly", "GenomeAssembly2") or wrong == app


def members() -> Iterator[tuple[App, Parameter, Parameter]]:
    for app, parameter in parameters():
        yield from ((app, parameter, member) for member in parameter.members.values())


@pytest.mark.parametrize(("app", "group", "member"), list(members()), ids=named)
def test_members_of_groups_are_checked_too(app: App, group: Parameter, member: Parameter) -> None:
    sound = {name: sound_value(each) for name, each in group.members.items()}
    place = f"steps[0].params.{group.id}{'[0]' if group.multiple else ''}"

    def with_member(value: dict[str, Any]) -> dict[str, str]:
        return codes(changed(app, group.id, [value] if group.multiple else value))

    missing = with_member({name: value for name, value in sound.items() if name != member.id})
    wrong = with_member({**sound, member.id: WRONG.get(member.kind)})

    path = next((path for path in wrong if path.startswith(place)), "")
    assert path.endswith((member.id, f"['{member.id}']"))
    assert wrong[path] in ("wrong_type", "invalid_choice")
    assert (missing == {}) != member.required
