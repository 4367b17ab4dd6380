"""The bridge from values to JavaScript: what is not known becomes a path that must not be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from workflows.cwl.model.values import Gap, Open, Ref, Value, Wrong
from workflows.cwl.plan.expressions import Around
from workflows.cwl.sandbox.sandbox import Answer, Script
from workflows.model.values import Json

Evaluate = Callable[[Script], Answer]
Known = Callable[[Ref], Json]
"""The result behind a reference; raises ``Open`` where there is none yet."""


@dataclass(slots=True)
class _Unknown:
    """The paths of one script that are not known, and which steps each waits for."""

    paths: list[list[str | int]] = field(default_factory=list)
    steps: list[frozenset[str]] = field(default_factory=list)

    def add(self, path: list[str | int], steps: frozenset[str]) -> None:
        self.paths.append(path)
        self.steps.append(steps)


def run(code: str, around: Around, evaluate: Evaluate, known: Known) -> Value:
    """What the code comes to; raises ``Open`` if it read unknown values, ``Wrong`` if it failed."""
    unknown = _Unknown()
    sent = {name: _json(around.roots.get(name), [name], unknown, known) for name in _ROOTS}
    answer = evaluate(
        Script(
            code=code,
            library=around.library or (),
            inputs=sent["inputs"],
            self=sent["self"],
            runtime=sent["runtime"],
            opens=unknown.paths,
        )
    )
    if answer.open:
        raise Open(frozenset().union(*(unknown.steps[index] for index in answer.open)))
    if answer.error:
        short = 80
        shown = code if len(code) <= short else f"{code[:short]}…"
        is_syntax = answer.error.startswith("SyntaxError")
        kind = "cwl.expression_syntax" if is_syntax else "cwl.expression"
        raise Wrong(kind, f"'${shown}' fails: {answer.error}")
    return answer.value


_ROOTS = ("inputs", "self", "runtime")


def _json(value: Value, path: list[str | int], unknown: _Unknown, known: Known) -> Json:
    if isinstance(value, Gap):
        unknown.add(path, value.steps)
        return None
    if isinstance(value, Ref):
        try:
            return known(value)
        except Open as gap:
            unknown.add(path, gap.steps)
            return None
    if isinstance(value, dict):
        return {key: _json(item, [*path, key], unknown, known) for key, item in value.items()}
    if isinstance(value, list):
        return [_json(item, [*path, index], unknown, known) for index, item in enumerate(value)]
    return value
