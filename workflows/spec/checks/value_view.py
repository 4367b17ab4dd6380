"""A step's values as far as they are known before it runs."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.model.errors import Unresolved
from workflows.model.json_path import Path
from workflows.model.values import Json
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.resolver import UNKNOWN_UNTIL_RUN, Resolver


@dataclass(frozen=True, slots=True)
class ValueView:
    """Reads one step's values with their references resolved, and notes diagnostics."""

    diagnostics: Diagnostics
    resolver: Resolver
    step: int
    literal: bool = True
    """False if the value came from a reference: then it cannot be corrected here."""

    def value(self, raw: Json, at: Path) -> Json:
        """The value that a text resolves to; ``LATER`` where only the run knows it. Other values
        are returned as they are."""
        if not isinstance(raw, str) or "${" not in raw:
            return raw
        try:
            return self.resolver.value(raw, self.step, at)
        except Unresolved as reason:
            self.diagnostics.add_unresolved(reason)
            return UNKNOWN_UNTIL_RUN

    def through(self) -> ValueView:
        """The same for a value read through a reference."""
        return ValueView(self.diagnostics, self.resolver, self.step, literal=False)

    def fix(self, at: Path, code: str, old: Json, new: Json, *, needed: bool = True) -> Json:
        """Returns the corrected value and notes a fix; if the value cannot be corrected, notes a
        problem when the step needs one."""
        if self.literal:
            self.diagnostics.fix(at, code, f"{format_value(old)} became {format_value(new)}")
            return new
        if needed:
            message = f"the reference resolves to {format_value(old)}"
            self.diagnostics.problem(at, "wrong_type", message, f"it must be {format_value(new)}")
        return old


def format_value(value: Json) -> str:
    """A value as messages show it: as Python writes it, and short."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"  # noqa: PLR2004 - a line
