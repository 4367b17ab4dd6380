"""Which steps may take the result of an earlier job, and why a step does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from workflows.model.values import APPSERVICE, Json, Spec, StepSpec
from workflows.reuse.results import place_of


class Miss(StrEnum):
    """Why a job of a step runs although its results may be reused."""

    NO_IDENTITY = "no_identity"
    NO_EARLIER_JOB = "no_earlier_job"
    DIFFERS = "differs"
    TOO_OLD = "too_old"
    RESULTS_CHANGED = "results_changed"
    NAMED_BY_PATH = "named_by_path"
    OUTPUT_MISSING = "output_missing"
    SERVICE_UNAVAILABLE = "service_unavailable"


@dataclass(frozen=True, slots=True)
class Missed:
    """The outcome of a look-up that found nothing to reuse."""

    code: Miss
    message: str
    """A sentence for people."""
    part: str = ""
    """Of ``differs``: the first part of the key that differs, with its values."""
    before: str = ""
    now: str = ""
    compared_with: str = ""
    """The key of the job that is most similar."""


NOT_ASKED: Final = "The workflow was not submitted with reuse."


def why_never(
    spec: Spec, step: StepSpec, backend: str, volatile: bool | None, params: Mapping[str, Json]
) -> str:
    """Why no result is looked for; empty where it is. ``volatile``: whether the app's results
    differ from run to run, or concern others; None for an app that the engine's table lacks.
    """
    if spec.reuse is None or not spec.reuse.wanted:
        return NOT_ASKED
    if not step.reuse:
        return "The step says reuse: false."
    if backend != APPSERVICE:
        return f"The engine runs {step.app} itself."
    if volatile is None:
        return f"The engine's table of apps does not know {step.app}."
    if volatile:
        return f"Results of {step.app} are never reused."
    return "" if place_of(params) else "The step says no place for its results."
