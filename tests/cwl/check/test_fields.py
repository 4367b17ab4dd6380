"""Our tables of fields against cwl-utils', which are generated from the standard's schemas."""

from __future__ import annotations

from importlib import import_module

import pytest

from workflows.cwl.read.fields import VERSIONS, classes, fields, requirements

CLASSES = {
    "Workflow": "Workflow",
    "CommandLineTool": "CommandLineTool",
    "ExpressionTool": "ExpressionTool",
    "CommandLineTool input": "CommandInputParameter",
    "CommandLineTool output": "CommandOutputParameter",
    "ExpressionTool output": "ExpressionToolOutputParameter",
    "Workflow output": "WorkflowOutputParameter",
    "step": "WorkflowStep",
    "step input": "WorkflowStepInput",
    "step output": "WorkflowStepOutput",
    "input binding": "CommandLineBinding",
    "output binding": "CommandOutputBinding",
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", CLASSES)
def test_our_fields_are_those_of_the_standard(version: str, kind: str) -> None:
    theirs = import_module(f"cwl_utils.parser.cwl_{version.replace('.', '_')}")

    assert fields(kind, version) == getattr(theirs, CLASSES[kind]).attrs


@pytest.mark.parametrize("version", VERSIONS)
def test_our_requirements_are_those_of_the_standard(version: str) -> None:
    theirs = import_module(f"cwl_utils.parser.cwl_{version.replace('.', '_')}")

    for name in requirements(version):
        assert fields(name, version) == getattr(theirs, name).attrs
    assert set(classes(version)) <= {name for name in vars(theirs) if name[0].isupper()}
