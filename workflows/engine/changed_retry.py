"""Retries a workflow with other parameters, or from a step that had succeeded.

The changed document is checked as a submission is and stored as a new version of the spec, in the
transaction that restarts the workflow: a crash leaves both or neither. What runs again runs as a
new attempt under a key of its own, so that no job is started twice and none is mistaken for an
earlier one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workflows.engine.commands import Owner, Restart, check_retry, restart
from workflows.engine.context import EngineContext
from workflows.model.errors import Conflict, Invalid, Problem
from workflows.model.json_path import format_path
from workflows.model.states import StepState
from workflows.model.values import Json
from workflows.rules.retry import steps_again
from workflows.spec.checks.suggestions import did_you_mean
from workflows.spec.compiled_spec import CompiledSpec, compile_spec
from workflows.spec.document import spec_from
from workflows.spec.validate import Examination
from workflows.store.users import credentials
from workflows.store.workflows import inserts, specs, stored
from workflows.store.workflows.stored import StoredWorkflow

Check = Callable[[Json], Examination]
"""Checks a document as a submission is checked."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a user wants otherwise."""

    params: Mapping[str, Mapping[str, Json]]
    """Step to the parameters that replace its own; None removes one."""
    start_from: Sequence[str]
    """Steps that run again with all that depends on them, though they may have succeeded."""


@dataclass(frozen=True, slots=True)
class Retried:
    """A workflow that runs again."""

    workflow: StoredWorkflow
    bytes: int
    """What the new version of its spec takes; 0 if there is none."""


def retry(
    context: EngineContext, owner: Owner, workflow: str, changes: Changes, check: Check
) -> Retried:
    """Retry a failed or cancelled workflow with changes.

    Raises ``NotFound``, ``Conflict``, ``FaultyPlan``, and ``Invalid`` with every problem of the
    changes.
    """
    found = stored.get(workflow)
    check_retry(found)
    how = _restart(found, changes, check)
    credentials.keep(context.vault, owner.name, owner.token, owner.expires_at)
    if not restart(context, found, owner.name, how=how):
        return retry(context, owner, workflow, changes, check)  # it has changed: decide again
    return Retried(stored.get(workflow), len(how.version.raw) if how.version else 0)


def _restart(found: StoredWorkflow, changes: Changes, check: Check) -> Restart:
    compiled = specs.get(found.spec_id)
    places = {name: place for place, name in enumerate(compiled.dag.names)}
    if problems := [*_unknown_steps(changes, places)]:
        raise Invalid(problems)
    start_from = frozenset(places[name] for name in changes.start_from)
    _refuse_cwl(found, start_from)
    again = steps_again(found.progress.states, compiled.dag.dependents, start_from)
    if problems := [*_kept_steps(changes, places, again)]:
        raise Invalid(problems)
    version = None
    if changes.params:
        document = _change(specs.document(found.spec_id), compiled, changes, check)
        number = int(found.spec_id.rpartition("/")[2]) + 1
        version = inserts.encode_spec(document, f"{found.id}/{number}")
    return Restart(start_from, version, _note(changes))


def _change(
    document: dict[str, Any], compiled: CompiledSpec, changes: Changes, check: Check
) -> dict[str, Any]:
    """The document with the new parameters. Problems that it had before are not judged again: its
    steps may have run, and what is known of their apps may have changed since. Raises ``Invalid``.
    """
    names = compiled.dag.names
    changed = [place for place, name in enumerate(names) if name in changes.params]
    steps = list(document["steps"])
    for place in changed:
        steps[place] = _with_params(steps[place], changes.params[names[place]])
    whole = {**document, "steps": steps}
    seen = check(whole)
    known = {(each.path, each.code) for each in check(document).problems} if seen.problems else ()
    if problems := [*_new_problems(seen.problems, known, changed, names)]:
        raise Invalid(problems)
    if seen.spec is not None and seen.workflow_json is not None:
        for place in changed:
            steps[place] = seen.workflow_json["steps"][place]
    compile_spec(spec_from(whole))
    return whole


def _with_params(step: Mapping[str, Any], params: Mapping[str, Json]) -> dict[str, Any]:
    removed = {name for name, value in params.items() if value is None}
    merged = {**step["params"], **params}
    return {**step, "params": {name: merged[name] for name in merged if name not in removed}}


def _new_problems(
    problems: Collection[Problem],
    known: Collection[tuple[str, str]],
    changed: Collection[int],
    names: Sequence[str],
) -> Iterator[Problem]:
    """Those of the changed steps, with paths of the request; of the rest those that are new."""
    for problem in problems:
        heads = {f"steps[{place}]": place for place in changed}
        head = problem.path[: problem.path.find("]") + 1]
        if head in heads:
            rest = problem.path.removeprefix(head).removeprefix(".params")
            path = format_path(("params", names[heads[head]])) + rest
            yield Problem(path, problem.code, problem.message, problem.suggestion)
        elif (problem.path, problem.code) not in known:
            yield problem


def _unknown_steps(changes: Changes, places: Collection[str]) -> Iterator[Problem]:
    asked = [("params", name) for name in changes.params]
    asked += [("from", name) for name in changes.start_from]
    for field, name in asked:
        if name not in places:
            path = format_path((field, name)) if field == "params" else field
            yield Problem(
                path, "unknown_step", f"there is no step {name!r}", did_you_mean(name, places)
            )


def _kept_steps(
    changes: Changes, places: Mapping[str, int], again: Collection[int]
) -> Iterator[Problem]:
    for name in changes.params:
        if places[name] not in again:
            message = f"step {name!r} has succeeded and keeps its results"
            hint = f"name it in from, too: {name!r} and all that depends on it run again"
            yield Problem(format_path(("params", name)), "step_is_kept", message, hint)


def _refuse_cwl(found: StoredWorkflow, start_from: Collection[int]) -> None:
    """From results of a CWL workflow's steps further steps may have been planned, which would not
    fit other results."""
    states = found.progress.states
    succeeded = any(states[step] is StepState.SUCCEEDED for step in start_from)
    if succeeded and specs.origin(found.id).source:
        raise Conflict(
            "A workflow made from CWL cannot start again from a step that has succeeded:"
            " submit it again with other inputs"
        )


def _note(changes: Changes) -> str:
    """For the workflow's history; names of steps alone, since parameters may be long."""
    note = f", from {_quote(changes.start_from)}" if changes.start_from else ""
    return note + (f", with other parameters of {_quote(changes.params)}" if changes.params else "")


def _quote(names: Collection[str]) -> str:
    return ", ".join(repr(name) for name in names)
