"""The inputs of a CWL workflow as JSON Schemas."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cwl.planning import target
from workflows.cwl.bvbrc.input_schema import describe
from workflows.cwl.bvbrc.submission import Submission


def described(inputs: Any) -> dict[str, Any]:
    document = {
        "cwlVersion": "v1.2",
        "class": "Workflow",
        "inputs": inputs,
        "steps": {},
        "outputs": {},
    }
    return describe(Submission({"w.cwl": document}, "w.cwl"), target())


@pytest.mark.parametrize(
    ("declared", "schema"),
    [
        ("string", {"type": "string"}),
        ("long?", {"type": "integer"}),
        ("double", {"type": "number"}),
        ("File[]", {"type": "array", "items": {"type": "string", "format": "workspace-path"}}),
        ("Directory", {"type": "string", "format": "workspace-folder"}),
        ("Any", {}),
        ({"type": ["null", "int", "string"]}, {}),
        (
            {"type": "File", "default": {"class": "File", "location": "/u@b/home/a.fa"}},
            {"type": "string", "format": "workspace-path", "default": "/u@b/home/a.fa"},
        ),
        (
            {
                "type": {
                    "type": "record",
                    "fields": {"read1": "File", "depth": {"type": "int?", "doc": ["How", "deep"]}},
                }
            },
            {
                "type": "object",
                "properties": {
                    "read1": {"type": "string", "format": "workspace-path"},
                    "depth": {"type": "integer", "description": "How deep"},
                },
                "required": ["read1"],
            },
        ),
    ],
)
def test_each_type_has_its_schema(declared: Any, schema: dict[str, Any]) -> None:
    found = described({"x": declared})

    assert found["problems"] == []
    assert found["properties"] == {"x": schema}
    optional = "null" in str(declared) or "?" in str(declared)[:6] or "default" in schema
    assert found["required"] == ([] if optional else ["x"])


def test_what_is_wrong_with_a_document_is_answered() -> None:
    problems = described({"x": "strin"})["problems"]

    assert problems[0]["path"].startswith("inputs")
