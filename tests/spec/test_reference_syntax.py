"""How references are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.model.values import StepSpec
from workflows.spec.reference_syntax import (
    Kind,
    Malformed,
    Reference,
    implied_dependencies,
    parts,
    references,
)


@pytest.mark.parametrize(
    ("text", "kind", "step", "path"),
    [
        ("${folder}", Kind.CONTEXT, None, ("folder",)),
        ("${a.b}", Kind.CONTEXT, None, ("a", "b")),
        ("${params.x}", Kind.PARAMS, None, ("x",)),
        ("${ params.x.y }", Kind.PARAMS, None, ("x", "y")),
        ("${params.libs[0].read1}", Kind.PARAMS, None, ("libs", "0", "read1")),
        ("${params['a.b']}", Kind.PARAMS, None, ("a.b",)),
        ("${steps.s.outputs.o}", Kind.OUTPUT, "s", ("o",)),
        ("${steps.s.outputs['o']}", Kind.OUTPUT, "s", ("o",)),
        ('${steps.s.outputs["o"]}', Kind.OUTPUT, "s", ("o",)),
        ("${steps['s'].outputs.o}", Kind.OUTPUT, "s", ("o",)),
        ("${steps.a step.outputs.o}", Kind.OUTPUT, "a step", ("o",)),
        ("${steps.v1.2.outputs.o}", Kind.OUTPUT, "v1.2", ("o",)),
        ("${ steps.s.outputs.o }", Kind.OUTPUT, "s", ("o",)),
        ("${steps.s.params.p}", Kind.STEP_PARAMS, "s", ("p",)),
    ],
)
def test_a_reference_is_parsed(
    text: str, kind: Kind, step: str | None, path: tuple[str, ...]
) -> None:
    assert parts(text) == (Reference(kind, step, path, text),)


@pytest.mark.parametrize(
    "text",
    [
        "${",
        "${}",
        "${ }",
        "${params}",
        "${steps.s}",
        "${steps.s.outputs}",
        "${steps.outputs.o}",
        "${.a}",
        "${['a']}",
        "${a..b}",
        "${a[x]}",
        "${a['b}",
        "${a{b}}",
        "${" + "a" * 2000 + "}",
    ],
)
def test_what_only_looks_like_a_reference_is_malformed(text: str) -> None:
    assert any(isinstance(part, Malformed) for part in parts(text))


def test_an_escaped_reference_is_the_text_itself() -> None:
    assert "".join(map(str, parts("a $${b} $$ $c"))) == "a ${b} $$ $c"
    assert parts("$$${b}") == ("$", "${", "b}")


@given(st.text(alphabet="${}ab.[]'\"0 \n"))
def test_no_text_breaks_the_parser(text: str) -> None:
    assert all(isinstance(part, str | Reference | Malformed) for part in parts(text))


def test_references_are_found_at_their_places() -> None:
    value = {"a": ["x", "${b}"], "c": {"d": "1 ${params.e} ${f}"}}

    found = [(path, getattr(part, "text", "")) for path, part in references(value)]

    assert found == [
        (("a", 1), "${b}"),
        (("c", "d"), "${params.e}"),
        (("c", "d"), "${f}"),
    ]


def test_a_reference_to_a_step_implies_the_dependency() -> None:
    step = StepSpec(
        "s",
        "App",
        {"a": "${steps.one.outputs.x}", "b": ["${steps.two.params.y}"], "c": "${steps.s.params.a}"},
        {"d": "${steps.three.outputs.z}"},
    )

    assert implied_dependencies(step) == {"one", "two", "three"}


def test_a_step_that_reads_its_own_output_depends_on_itself() -> None:
    assert implied_dependencies(StepSpec("s", "App", {"a": "${steps.s.outputs.x}"})) == {"s"}
