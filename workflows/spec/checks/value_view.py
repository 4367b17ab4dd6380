"""What a step's values are, as far as that can be seen before it runs."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.model.errors import Unresolved
from workflows.model.json_path import Path
from workflows.model.values import Json
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.resolver import UNKNOWN_UNTIL_RUN, Resolver


@dataclass(frozen=True, slots=True)
class ValueView:
    """Looks at one step's values through their references, and notes what it finds."""

    diagnostics: Diagnostics
    resolver: Resolver
    step: int
    literal: bool = True
    """False where the value came from a reference: it cannot be put right where it is read."""

    def value(self, raw: Json, at: Path) -> Json:
        """What a text resolves to; ``LATER`` where it cannot be told, other values as they are."""
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
        """The better value, noted as a fix; where none can be made, a problem if it is needed."""
        if self.literal:
            self.diagnostics.fix(at, code, f"{format_value(old)} became {format_value(new)}")
            return new
        if needed:
            message = f"the reference resolves to {format_value(old)}"
            self.diagnostics.problem(at, "wrong_type", message, f"it must be {format_value(new)}")
        return old


def format_value(value: Json) -> str:
    """A value in a message: as Python writes it, and short."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"  # noqa: PLR2004 - a line
