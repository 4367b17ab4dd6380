"""Which fields the CWL standard knows, by kind of object and version (v1.0, v1.1, v1.2).

Facts of the three specifications; ``tests/cwl/check/test_fields.py`` compares them with cwl-utils.
A word alone is known to all versions, ``word:1.1`` since that one, ``word:-1.0`` only up to it.
"""

from __future__ import annotations

VERSIONS = ("v1.0", "v1.1", "v1.2")

_PROCESS = "id class cwlVersion label doc inputs outputs requirements hints intent:1.2"
_PARAMETER = "id label doc type secondaryFiles streamable format"
_INPUT = f"{_PARAMETER} default loadContents:1.1 loadListing:1.1"

_OBJECTS = {
    "Workflow": f"{_PROCESS} steps",
    "CommandLineTool": f"{_PROCESS} baseCommand arguments stdin stdout stderr successCodes"
    " temporaryFailCodes permanentFailCodes",
    "ExpressionTool": f"{_PROCESS} expression",
    "Operation": _PROCESS,
    "Workflow input": f"{_INPUT} inputBinding",
    "CommandLineTool input": f"{_INPUT} inputBinding",
    "ExpressionTool input": f"{_INPUT} inputBinding",
    "Operation input": _INPUT,
    "Workflow output": f"{_PARAMETER} outputSource linkMerge pickValue:1.2 outputBinding:-1.0",
    "CommandLineTool output": f"{_PARAMETER} outputBinding",
    "ExpressionTool output": f"{_PARAMETER} outputBinding:-1.0",
    "Operation output": _PARAMETER,
    "step": "id in out run requirements hints label doc scatter scatterMethod when:1.2",
    "step input": "id source linkMerge default valueFrom label:1.1 loadContents:1.1"
    " loadListing:1.1 pickValue:1.2",
    "step output": "id",
    "array": "type items label doc name id inputBinding outputBinding:-1.0",
    "record": "type fields name id label doc inputBinding:1.1",
    "enum": "type symbols name id label doc inputBinding outputBinding:-1.0",
    "record field": "name type doc label inputBinding outputBinding format:1.1 loadContents:1.1"
    " loadListing:1.1 secondaryFiles:1.1 streamable:1.1",
    "secondary file": "pattern required",
    "input binding": "loadContents position prefix separate itemSeparator valueFrom shellQuote",
    "output binding": "loadContents glob outputEval loadListing:1.1",
}

_REQUIREMENTS = {
    "InlineJavascriptRequirement": "class expressionLib",
    "SchemaDefRequirement": "class types",
    "DockerRequirement": "class dockerPull dockerLoad dockerFile dockerImport dockerImageId"
    " dockerOutputDirectory",
    "SoftwareRequirement": "class packages",
    "InitialWorkDirRequirement": "class listing",
    "EnvVarRequirement": "class envDef",
    "ShellCommandRequirement": "class",
    "ResourceRequirement": "class coresMin coresMax ramMin ramMax tmpdirMin tmpdirMax outdirMin"
    " outdirMax",
    "SubworkflowFeatureRequirement": "class",
    "ScatterFeatureRequirement": "class",
    "MultipleInputFeatureRequirement": "class",
    "StepInputExpressionRequirement": "class",
    "LoadListingRequirement": "class loadListing",
    "WorkReuse": "class enableReuse",
    "NetworkAccess": "class networkAccess",
    "InplaceUpdateRequirement": "class inplaceUpdate",
    "ToolTimeLimit": "class timelimit",
}
_SINCE_1_1 = (
    "LoadListingRequirement",
    "WorkReuse",
    "NetworkAccess",
    "InplaceUpdateRequirement",
    "ToolTimeLimit",
)

CLASSES = ("Workflow", "CommandLineTool", "ExpressionTool", "Operation")


def _table(version: str) -> dict[str, frozenset[str]]:
    return {
        kind: frozenset(
            name
            for word in words.split()
            for name, _, bound in [word.partition(":")]
            if _applies(bound, version)
        )
        for kind, words in (_OBJECTS | _REQUIREMENTS).items()
    }


def _applies(bound: str, version: str) -> bool:
    if not bound:
        return True
    number = version.removeprefix("v")
    return number <= bound[1:] if bound.startswith("-") else number >= bound


_TABLES = {version: _table(version) for version in VERSIONS}


def fields(kind: str, version: str) -> frozenset[str]:
    """The fields of that kind of object; ``kind`` is a key of the tables above."""
    return _TABLES[version][kind]


def classes(version: str) -> tuple[str, ...]:
    """The process classes of that version."""
    return CLASSES if version == "v1.2" else CLASSES[:3]


def requirements(version: str) -> frozenset[str]:
    """The requirement classes of that version."""
    late = _SINCE_1_1 if version == "v1.0" else ()
    return frozenset(_REQUIREMENTS) - frozenset(late)


def is_extension(name: str) -> bool:
    """Whether a field is none of CWL's own: ``$namespaces``, or with a namespace's prefix."""
    return name.startswith("$") or ":" in name
