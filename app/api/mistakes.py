"""The ten mistakes that workflows written by models have most often, as data.

A test validates each of them, so that what the reference says about it stays true.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from workflows.model.values import Json
from workflows.spec.checks.shape import STEP_FIELDS

_FIELDS: Final = ", ".join(f"`{name}`" for name in STEP_FIELDS)


@dataclass(frozen=True, slots=True)
class Mistake:
    """``wrong`` is laid over the second step of the example, or over its ``params``."""

    title: str
    wrong: Mapping[str, Any]
    code: str
    """Of the problem, or of the correction that is made."""
    instead: str
    in_params: bool = True
    app: str = "GenomeAssembly2"

    def steps(self) -> list[dict[str, Json]]:
        """The steps of a workflow that makes this mistake and no other."""
        first: dict[str, Any] = _step("first", "GenomeAssembly2", {"srr_ids": ["SRR1234567"]})
        second: dict[str, Any] = _step("second", self.app, _INPUTS[self.app])
        target = second["params"] if self.in_params else second
        target.update(self.wrong)
        second["params"] = {
            name: value for name, value in second["params"].items() if value is not ABSENT
        }
        return [first, second]


ABSENT: Final = object()
"""Stands for a parameter that is not given."""
_INPUTS: Final[Mapping[str, Mapping[str, Json]]] = {
    "GenomeAssembly2": {"srr_ids": ["SRR1234567"]},
    "GenomeAnnotation": {
        "contigs": "${steps.first.outputs.contigs}",
        "scientific_name": "Escherichia coli",
        "code": 11,
        "domain": "Bacteria",
    },
}

MISTAKES: Final = (
    Mistake(
        "An app that does not exist",
        {"app": "GenomeAssembly3"},
        "unknown_app",
        "Take ids from the list below, or from `GET /api/v1/apps`; do not guess them.",
        in_params=False,
    ),
    Mistake(
        "The app's parameters beside `params`",
        {"recipe": "auto"},
        "unknown_field",
        f"A step has {_FIELDS}; all else belongs into `params`.",
        in_params=False,
    ),
    Mistake(
        "No place for the results",
        {"output_file": ABSENT},
        "missing_parameter",
        "Give `output_path`, a folder, and `output_file`, a name, in every step.",
    ),
    Mistake(
        "A path as `output_file`",
        {"output_file": "results/asm"},
        "bad_output_file",
        "`output_file` is a name without `/`; the folder belongs into `output_path`.",
    ),
    Mistake(
        "Two steps that write to one place",
        {"output_file": "first"},
        "output_conflict",
        "Give each step its own `output_file`.",
    ),
    Mistake(
        "A reference without `steps.` and `outputs.`",
        {"contigs": "${first.contigs}"},
        "unknown_reference",
        "Write `${steps.first.outputs.contigs}`.",
        app="GenomeAnnotation",
    ),
    Mistake(
        "An output that the app does not write",
        {"contigs": "${steps.first.outputs.assembly}"},
        "unknown_output",
        "Use a name of the app's `outputs`, or declare it in the step's `outputs` with its path.",
        app="GenomeAnnotation",
    ),
    Mistake(
        "A choice that the app does not have",
        {"recipe": "velvet"},
        "invalid_choice",
        "Use one of the `choices` of `GET /api/v1/apps/{app}`, spelt exactly so.",
    ),
    Mistake(
        "Nothing to work on",
        {"srr_ids": ABSENT},
        "missing_input",
        'Give one of the inputs: `srr_ids: ["SRR…"]`, `single_end_libs: [{"read": "/path"}]`,'
        ' `paired_end_libs: [{"read1": "/path", "read2": "/path"}]`.',
    ),
    Mistake(
        "The accession of a study or a sample as reads",
        {"srr_ids": ["SRP123456"]},
        "odd_accession",
        "Only runs can be fetched: `SRR…`, `ERR…`, `DRR…`.",
    ),
)


def _step(name: str, app: str, params: Mapping[str, Json]) -> dict[str, Json]:
    place = {"output_path": "${workspace_output_folder}/out", "output_file": name}
    return {"step_name": name, "app": app, "params": {**place, **params}}
