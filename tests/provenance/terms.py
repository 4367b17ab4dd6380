"""The terms that our crates use, as the two contexts of Workflow Run RO-Crate define them.

The validator would fetch the contexts from w3id.org; tests answer it from here. A term that stands
in neither context would be lost without a word, so that the tests hold crates against this list.
"""

from __future__ import annotations

from typing import Final

CRATE: Final = "https://w3id.org/ro/crate/1.1/context"
RUN: Final = "https://w3id.org/ro/terms/workflow-run/context"

_SCHEMA: Final = """
CreativeWork Dataset Person Organization PropertyValue SoftwareApplication SoftwareSourceCode
ComputerLanguage HowTo HowToStep CreateAction ControlAction OrganizeAction
about actionStatus additionalType agent alternateName author creator dateCreated datePublished
defaultValue description encodingFormat endTime error exampleOfWork hasPart identifier instrument
license mainEntity mentions name object position programmingLanguage propertyID publisher result
sdPublisher softwareVersion startTime step unitCode url value valueRequired version workExample
"""
_CRATE_TERMS: Final = {word: f"http://schema.org/{word}" for word in _SCHEMA.split()} | {
    "File": "http://schema.org/MediaObject",
    "conformsTo": "http://purl.org/dc/terms/conformsTo",
    "ComputationalWorkflow": "https://bioschemas.org/ComputationalWorkflow",
    "FormalParameter": "https://bioschemas.org/FormalParameter",
    "input": "https://bioschemas.org/ComputationalWorkflow#input",
    "output": "https://bioschemas.org/ComputationalWorkflow#output",
}
_RUN_TERMS: Final = {
    word: f"https://w3id.org/ro/terms/workflow-run#{word}"
    for word in (
        *("ParameterConnection", "connection", "sourceParameter", "targetParameter"),
        "resourceUsage",
    )
}
CONTEXTS: Final = {CRATE: {"@context": _CRATE_TERMS}, RUN: {"@context": _RUN_TERMS}}
TERMS: Final = frozenset([*_CRATE_TERMS, *_RUN_TERMS, "@id", "@type"])
