"""Checks that references resolve: to existing steps, outputs, parameters and keys of base_context.

Outputs that an app is known to write, but the step does not declare, are filled in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from workflows.model.errors import Invalid
from workflows.model.json_path import Path
from workflows.model.values import Json, Spec, StepSpec
from workflows.spec.catalogue import App
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.checks.suggestions import did_you_mean, list_names
from workflows.spec.graph import dag, order
from workflows.spec.reference_syntax import Kind, Malformed, Reference, references

ESCAPE = "write $${ where the characters ${ are meant"


@dataclass(slots=True)
class Links:
    """Examines the references of one spec; ``apps`` is parallel to its steps."""

    spec: Spec
    apps: tuple[App | None, ...]
    diagnostics: Diagnostics
    steps: dict[str, int] = field(init=False)
    filled: dict[int, dict[str, Json]] = field(default_factory=dict)
    """Outputs to be added, by the step's index."""

    def __post_init__(self) -> None:
        self.steps = {step.name: place for place, step in enumerate(self.spec.steps) if step.name}

    def check(self) -> Spec:
        """Checks all references; returns the spec with the known outputs filled in."""
        self._inner(self.spec.base_context, ("base_context",), None, {Kind.CONTEXT})
        for place, step in enumerate(self.spec.steps):
            at: Path = ("steps", place)
            self._inner(step.params, (*at, "params"), place)
            self._inner(step.outputs, (*at, "outputs"), place)
            self._waits(step, at)
        elsewhere = {Kind.CONTEXT, Kind.OUTPUT, Kind.STEP_PARAMS}
        self._inner(list(self.spec.workflow_outputs), ("workflow_outputs",), None, elsewhere)
        self._cycle()
        return self._with_outputs()

    def _inner(
        self, value: Json, at: Path, step: int | None, kinds: Iterable[Kind] = tuple(Kind)
    ) -> None:
        for path, part in references(value, at):
            if isinstance(part, Malformed):
                message = f"{part.text} is no reference: {part.reason}"
                hint = f"did you mean {part.meant}?" if part.meant else ESCAPE
                self.diagnostics.problem(path, "malformed_reference", message, hint)
            elif part.kind not in kinds:
                message = f"{part.text} means nothing here"
                self.diagnostics.problem(path, "unknown_reference", message)
            else:
                self._target(part, path, step)

    def _target(self, part: Reference, at: Path, step: int | None) -> None:
        if part.kind is Kind.CONTEXT:
            self._context(part, at, step)
        elif part.kind is Kind.PARAMS and step is not None:
            self._parameter(part, at, step)
        elif part.step not in self.steps:
            self._unknown_step(part.step or "", at, f"{part.text}: ")
        elif part.kind is Kind.STEP_PARAMS:
            self._parameter(part, at, self.steps[part.step])
        else:
            self._output(part, at, self.steps[part.step])

    def _context(self, part: Reference, at: Path, step: int | None) -> None:
        name = part.path[0]
        if name not in self.spec.base_context:
            message = f"{part.text}: base_context has no {name!r}"
            self.diagnostics.problem(
                at,
                "unknown_reference",
                message,
                lambda: self._context_hint(name, step),
                because=[("base_context",), ("base_context", name)],
            )

    def _context_hint(self, name: str, step: int | None) -> str:
        known = self.spec.base_context
        if name == "base_context":
            return "write the name alone: ${workspace_output_folder}"
        if step is not None and name in self.spec.steps[step].params:
            return f"did you mean ${{params.{name}}}?"
        if name in self.steps:
            return f"did you mean ${{steps.{name}.outputs.…}}?"
        return did_you_mean(name, known) or f"base_context has {list_names(known)}"

    def _parameter(self, part: Reference, at: Path, target: int) -> None:
        name, step = part.path[0], self.spec.steps[target]
        if name in step.params:
            return
        params: Path = ("steps", target, "params")
        unreadable = [params] if self.diagnostics.is_faulty(params) else []
        self.diagnostics.problem(
            at,
            "unknown_reference",
            f"{part.text}: step {step.name!r} gives no parameter {name!r}",
            lambda: did_you_mean(name, step.params),
            because=[*unreadable, (*params, name)],
        )

    def _unknown_step(self, name: str, at: Path, text: str = "") -> None:
        message = f"{text}there is no step {name!r}"
        self.diagnostics.problem(
            at, "unknown_step", message, lambda: did_you_mean(name, self.steps) or self._all_steps()
        )

    def _all_steps(self) -> str:
        return f"the steps are {list_names(self.steps)}" if self.steps else ""

    def _output(self, part: Reference, at: Path, target: int) -> None:
        name, step, app = part.path[0], self.spec.steps[target], self.apps[target]
        if name in step.outputs or app is None or name in app.later:
            return
        if name in app.outputs:
            self._fill(target, name, app.outputs[name])
            return
        known = [*dict.fromkeys([*step.outputs, *app.outputs, *app.later])]
        message = f"{part.text}: step {step.name!r} ({app.id}) has no output {name!r}"
        self.diagnostics.problem(at, "unknown_output", message, lambda: _output_hint(name, known))

    def _fill(self, target: int, name: str, template: str) -> None:
        added = self.filled.setdefault(target, {})
        if name not in added:
            added[name] = template
            path = ("steps", target, "outputs", name)
            self.diagnostics.fix(
                path, "filled_output", f"declared as the app writes it: {template}"
            )

    def _waits(self, step: StepSpec, at: Path) -> None:
        for place, name in enumerate(step.depends_on):
            if name not in self.steps:
                self._unknown_step(name, (*at, "depends_on", place))

    def _cycle(self) -> None:
        """Reports a cycle, but only if every name is known."""
        if any(problem.code == "unknown_step" for problem in self.diagnostics.problems):
            return
        try:
            order(dag(self.spec))
        except Invalid as invalid:
            for problem in invalid.problems:
                self.diagnostics.problem(
                    ("steps",), problem.code, problem.message, problem.suggestion
                )

    def _with_outputs(self) -> Spec:
        steps = list(self.spec.steps)
        for place, added in self.filled.items():
            steps[place] = replace(steps[place], outputs={**steps[place].outputs, **added})
        return replace(self.spec, steps=tuple(steps))


def _output_hint(name: str, known: list[str]) -> str:
    near = did_you_mean(name, known)
    have = f"known are {list_names(known)}" if known else "declare it in the step's outputs"
    return f"{near} {have}".strip()
