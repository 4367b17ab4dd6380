"""The steps that the engine runs itself, as apps."""

from __future__ import annotations

from typing import Final

from workflows.backends.builtin.steps import STEPS
from workflows.spec.catalogue import App, AppSpec

APPS: Final[tuple[App, ...]] = tuple(step.app for step in STEPS.values())
SPECS: Final[tuple[AppSpec, ...]] = tuple(step.spec for step in STEPS.values())
CWL_SPECS: Final[tuple[AppSpec, ...]] = tuple(step.spec for step in STEPS.values() if step.in_cwl)
