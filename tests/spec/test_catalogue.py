"""Specifications as the service gives them, quirks and all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.shared import shared_path
from workflows.backends import declared_apps
from workflows.bvbrc import app_table
from workflows.spec.catalogue import Kind, Parameter, catalogue, parameter


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"id": "a", "type": "string", "required": 1}, Parameter("a", Kind.TEXT, required=True)),
        ({"id": "a", "type": "string", "required": True}, Parameter("a", Kind.TEXT, required=True)),
        ({"id": "a", "type": "int", "required": 0}, Parameter("a", Kind.INTEGER)),
        (
            {"id": "a", "type": "int", "required": 1, "default": "20"},
            Parameter("a", Kind.INTEGER, default="20"),
        ),
        (
            {"id": "a", "type": "bool", "required": 1, "default": False},
            Parameter("a", Kind.TRUTH, default=False),
        ),
        (
            {"id": "a", "type": "int", "required": 0, "enum": [0, 11]},
            Parameter("a", Kind.INTEGER, choices=("0", "11")),
        ),
        (
            {"id": "a", "type": "wstype", "required": 0, "allow_multiple": 1},
            Parameter("a", Kind.PATH, multiple=True),
        ),
        ({"id": "a", "type": ["x", "y"]}, Parameter("a", Kind.ANY)),
        ({"id": "a"}, Parameter("a", Kind.ANY)),
        ({"id": "a", "type": "of tomorrow"}, Parameter("a", Kind.ANY)),
    ],
)
def test_a_parameter_is_read_however_it_is_written(
    raw: dict[str, Any], expected: Parameter
) -> None:
    assert parameter(raw) == expected


def test_of_two_parameters_the_last_counts_but_a_demand_stays() -> None:
    double = [
        {"id": "x", "type": "string", "required": 1},
        {"comment": "no parameter"},
        {"id": "x", "type": "int", "required": 0},
    ]

    known = catalogue([{"id": "A", "parameters": double}])

    assert known.apps["A"].parameters == {"x": Parameter("x", Kind.INTEGER, required=True)}


@pytest.mark.parametrize(
    "spec", [5, None, {}, {"id": 7}, {"id": "A"}, {"id": "A", "parameters": None}]
)
def test_what_is_no_specification_does_no_harm(spec: Any) -> None:
    known = catalogue([spec], [{"id": "B", "aliases": ["b"]}])

    assert set(known.apps) <= {"A"}


def test_names_and_outputs_of_our_own_are_added_to_the_services_apps() -> None:
    fact = {"id": "A", "aliases": ["first_app"], "outputs": {"x": "${params.y}"}}
    other = {"id": "B", "aliases": ["second_app"]}

    known = catalogue(
        [{"id": "A", "parameters": []}], [fact, other], declared_apps.apps(), "a note"
    )

    assert known.apps["A"].outputs == {"x": "${params.y}"}
    assert known.names["firstapp"] == "A"
    assert "secondapp" not in known.names
    assert known.names["creategroup"] == "CreateGroup"
    assert known.note == "a note"


def test_the_genuine_specifications_mean_what_our_table_means() -> None:
    genuine = json.loads(shared_path("bvbrc/app_specs/_all.strict.json").read_text())
    table = app_table.load()

    assert len(genuine) == 39
    assert catalogue(genuine, table).apps == catalogue(table, table).apps
