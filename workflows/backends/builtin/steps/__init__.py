"""One file for each step that the engine runs itself; a file's ``STEP`` is found by itself."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from workflows.backends.builtin.declaration import BuiltinStep


def _find_steps() -> dict[str, BuiltinStep]:
    names = [module.name for module in iter_modules(__path__)]
    steps: list[BuiltinStep] = [import_module(f"{__name__}.{name}").STEP for name in names]
    return {step.name: step for step in steps}


STEPS: Final[Mapping[str, BuiltinStep]] = _find_steps()
"""All of them, by name."""
