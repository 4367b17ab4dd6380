"""The workflow document: a ``Spec`` as JSON, and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from workflows.model.values import USUAL_RETRY, Json, OnFailure, Retry, Reuse, Spec, StepSpec


def document(spec: Spec) -> dict[str, Json]:
    """The normalised document: fields in the order people write them, no optional ones unsaid."""
    found: dict[str, Json] = {
        "workflow_name": spec.name,
        "version": spec.version,
        "base_context": dict(spec.base_context),
        "steps": [_step(step) for step in spec.steps],
        "workflow_outputs": list(spec.workflow_outputs),
    }
    if spec.labels:
        found["labels"] = dict(spec.labels)
    if spec.max_parallel_steps is not None:
        found["max_parallel_steps"] = spec.max_parallel_steps
    if spec.on_failure is not OnFailure.CONTINUE:
        found["on_failure"] = spec.on_failure.value
    if spec.reuse is not None:
        found["reuse"] = _reuse(spec.reuse)
    if spec.priority:
        found["priority"] = spec.priority
    return found


def spec_from(found: Mapping[str, Any]) -> Spec:
    """The spec of a document that ``document`` made; any other must be validated instead."""
    return Spec(
        name=found["workflow_name"],
        version=found["version"],
        base_context=found["base_context"],
        steps=tuple(_step_from(step) for step in found["steps"]),
        workflow_outputs=tuple(found.get("workflow_outputs", ())),
        labels=found.get("labels", {}),
        max_parallel_steps=found.get("max_parallel_steps"),
        on_failure=OnFailure(found.get("on_failure", OnFailure.CONTINUE)),
        reuse=reuse_from(found.get("reuse")),
        priority=found.get("priority", 0),
    )


def _reuse(reuse: Reuse) -> Json:
    details: dict[str, Json] = {"join": True} if reuse.join else {}
    if reuse.max_age is not None:
        days = reuse.max_age / timedelta(days=1)
        details = {"max_age_days": int(days) if days.is_integer() else days, **details}
    return details or ("mine" if reuse.wanted else "never")


def reuse_from(found: Json) -> Reuse | None:
    """The value of a document that ``document`` made."""
    if isinstance(found, Mapping):
        days = found.get("max_age_days")
        age = timedelta(days=days) if days is not None else None
        return Reuse(max_age=age, join=found.get("join", False))
    return None if found is None else Reuse(wanted=found != "never")


def _step(step: StepSpec) -> dict[str, Json]:
    found: dict[str, Json] = {
        "step_name": step.name,
        "app": step.app,
        "params": dict(step.params),
        "outputs": dict(step.outputs),
        "depends_on": list(step.depends_on),
    }
    if step.retry != USUAL_RETRY:
        seconds = step.retry.backoff.total_seconds()
        found["retry"] = {
            "max_attempts": step.retry.max_attempts,
            "backoff_seconds": int(seconds) if seconds.is_integer() else seconds,
        }
    if not step.reuse:
        found["reuse"] = False
    return found


def _step_from(found: Mapping[str, Any]) -> StepSpec:
    retry = found.get("retry")
    return StepSpec(
        name=found["step_name"],
        app=found["app"],
        params=found["params"],
        outputs=found.get("outputs", {}),
        depends_on=tuple(found.get("depends_on", ())),
        retry=Retry(retry["max_attempts"], timedelta(seconds=retry["backoff_seconds"]))
        if retry
        else USUAL_RETRY,
        reuse=found.get("reuse", True),
    )
