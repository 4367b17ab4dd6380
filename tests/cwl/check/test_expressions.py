"""Where expressions are in a string, and what parameter references come to."""

from __future__ import annotations

from typing import Any

import pytest

from workflows.cwl.model.values import Value, Wrong
from workflows.cwl.plan.expressions import Around, Code, Language, evaluate, parts
from workflows.cwl.read.yaml_tree import scalar

INPUTS = {"a": {"b": [1, {"c d": "x"}], "e-f": 2}, "n": None, "s": "text", "t": True}


def value(text: str, **roots: Any) -> Value:
    def no_script(code: str, _around: Around) -> Value:
        raise AssertionError(f"{code} is no parameter reference")

    around = Around({"inputs": INPUTS, "self": roots.get("self")}, None)
    return evaluate(text, around, Language(lambda found: found, no_script))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$(inputs.a.b)", [1, {"c d": "x"}]),
        ("$(inputs.a.b[1]['c d'])", "x"),
        ('$(inputs.a["e-f"])', 2),
        ("$(inputs.a.b.length)", 2),
        ("$(inputs['s'])", "text"),
        (" $(inputs.t) ", True),
        ("$(null)", None),
        ("<$(inputs.s)>", "<text>"),
        ("$(inputs.s)$(inputs.n)$(inputs.t)", "textnulltrue"),
        ("$(inputs.a.b) ", [1, {"c d": "x"}]),
        ("x$(inputs.a.b)", 'x[1, {"c d": "x"}]'),
        (r"\$(inputs.s)", "$(inputs.s)"),
        (r"\\$(inputs.s)", "\\text"),
        (r"a\b$(inputs.s)", r"a\btext"),
        ("$5 $(inputs.s)", "$5 text"),
    ],
)
def test_parameter_references(text: str, expected: Value) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    "text", ["$(inputs.x)", "$(inputs.a.b[2])", "$(inputs.s.t)", "$(runtime.cores)", "$(inputs.s"]
)
def test_references_to_nothing_are_wrong(text: str) -> None:
    with pytest.raises(Wrong):
        value(text)


def test_the_value_of_self_may_be_anything() -> None:
    assert value("$(self)", self=[1]) == [1]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("$(')')", "(')')"),
        ("${return {a: '}'};}", "{return {a: '}'};}"),
        ('$("\\")")', '("\\")")'),
        ("${ // it's\n return 1; }", "{ // it's\n return 1; }"),
        ("${ /* { */ return 1; }", "{ /* { */ return 1; }"),
    ],
)
def test_brackets_in_strings_and_comments_do_not_count(text: str, code: str) -> None:
    assert parts(text, "v1.2") == [Code(code)]


def test_old_versions_drop_every_backslash() -> None:
    assert parts(r"\a\$(x)", "v1.0") == ["a$(x)"]
    assert parts(r"\a\$(x)", "v1.2") == [r"\a$(x)"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("yes", "yes"), ("on", "on"), ("true", True), ("~", None), ("", None), ("012", 12),
        ("0o12", 10), ("0x1F", 31), ("1_000", "1_000"), ("12:30", "12:30"), ("1e3", 1000.0),
        (".5", 0.5), ("-7", -7), ("2001-01-01", "2001-01-01"), (".nan", ".nan"), ("1e999", "1e999"),
    ],
)  # fmt: skip
def test_plain_scalars_mean_what_yaml_1_2_says(text: str, expected: object) -> None:
    found = scalar(text)

    assert (found, type(found)) == (expected, type(expected))
