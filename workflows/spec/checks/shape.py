"""Checks that a JSON value is a workflow document: fields, types, names. It does not know apps.

Fields that the engine writes, and those that clients add around a workflow, are dropped unread, so
that a document read back can be submitted again. Every other unknown field is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from workflows.model.json_path import Path
from workflows.model.values import USUAL_RETRY, Json, OnFailure, Retry, Spec, StepSpec
from workflows.spec.catalogue import plain
from workflows.spec.checks import texts
from workflows.spec.checks.apps import app_rules
from workflows.spec.checks.charset import BASE_URL_CHARACTERS, check_texts
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.checks.reuse import read_reuse, read_step_reuse
from workflows.spec.checks.suggestions import did_you_mean, list_names
from workflows.spec.checks.texts import LONGEST_NAME

FIELDS: Final = (
    "workflow_name", "version", "base_context", "steps", "workflow_outputs", "labels",
    "max_parallel_steps", "on_failure", "priority", "reuse",
)  # fmt: skip
HIGHEST_PRIORITY: Final = 10
"""And the lowest, negative."""
STEP_FIELDS: Final = ("step_name", "app", "params", "outputs", "depends_on", "retry", "reuse")
RETRY_FIELDS: Final = ("max_attempts", "backoff_seconds")

_AROUND = """
    workflow_json workflow_description message ready_for_submission validation prompt_payload
    source hint error errorType stage traceback partial_workflow auth_token valid
"""
_OURS = """
    _id id workflow_id owner status state states attempts revision lease next_check created_at
    updated_at submitted_at started_at completed_at finished_at cancelled_at error_message
    execution_metadata log_file_path step_count problems warnings auto_fixes cancel_requested
    paused parked parked_since cap sequence progress links waits_for batch_id sample template reused
"""
DROPPED: Final = frozenset(_AROUND.split() + _OURS.split())
"""What clients put around a workflow (MCP: workflow_engine_client.py), and what engines write."""
_OURS_OF_A_STEP = """
    step_id task_id job_id status state attempt attempts submitted_at started_at completed_at
    finished_at elapsed_time error_message exit_code cluster_status reason retry_at
    resolved_params resolved_outputs results outcome reused_from
"""
STEP_DROPPED: Final = frozenset(_OURS_OF_A_STEP.split())
_OTHER_WORDS: Final[Mapping[str, str]] = {
    "workflow_name": "name title",
    "steps": "tasks jobs nodes",
    "labels": "tags annotations",
    "max_parallel_steps": "parallelism concurrency maxworkers",
    "workflow_outputs": "outputs results",
    "step_name": "name id stepid label title",
    "app": "appname appid application tool service run program",
    "params": "parameters inputs input arguments args options with",
    "depends_on": "dependencies needs after requires upstream parents",
    "reuse": "cache caching callcaching resume useexisting",
    "max_attempts": "attempts maxretries retries times",
    "backoff_seconds": "backoff delay delayseconds wait",
}
"""What other engines, and models, call a field; without case and separators."""
_GIVE: Final = {
    "workflow_name": "give it a name",
    "version": 'give "1.0"',
    "base_context": "give an object with base_url and workspace_output_folder",
    "base_url": 'give "https://www.bv-brc.org"',
    "workspace_output_folder": 'give a folder of yours, such as "/user@bvbrc/home/folder"',
    "steps": "give a list of objects with step_name, app and params",
    "step_name": "name it: other steps refer to it by its name",
    "app": "name an app of BV-BRC, such as GenomeAnnotation",
    "params": "give the app's parameters by name; {} where there are none",
}
MOST_ATTEMPTS: Final = 10
LONGEST_BACKOFF_SECONDS: Final = 86_400
MOST_LABELS: Final = 64

Document = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a workflow."""

    steps: int = 10_000
    params_bytes: int = 60_000
    """Bytes of one step's parameters as JSON: AppService keeps them in a column of 64 KiB."""
    parallel_steps: int | None = None
    """The configured cap; None for no bound."""


def unwrap_document(value: Json, diagnostics: Diagnostics) -> Document | None:
    """The workflow without its wrappers and the dropped fields; None if there is none."""
    at: Path = ()
    around: Document = {}
    while _is_wrapper(value):
        around |= value
        value, at = value["workflow_json"], (*at, "workflow_json")
    if not isinstance(value, dict):
        diagnostics.problem(at, "not_an_object", "a workflow is a JSON object")
        return None
    found = {key: kept for key, kept in (around | value).items() if key not in DROPPED}
    if isinstance(found.get("steps"), list):
        found["steps"] = [_step_kept(step) for step in found["steps"]]
    before = len(diagnostics.problems)
    texts.check(found, (), diagnostics)
    return found if len(diagnostics.problems) == before else None


def _is_wrapper(value: Json) -> bool:
    known = isinstance(value, dict) and "steps" not in value
    return known and value.get("workflow_json") is not None


def read(found: Document, limits: Limits, diagnostics: Diagnostics) -> Spec:
    """The spec of a document; a placeholder replaces each unusable part."""
    _unknown_fields(found, FIELDS, (), diagnostics)
    return Spec(
        name=_name(found, "workflow_name", (), diagnostics),
        version=_version(found, diagnostics),
        base_context=_base_context(found, diagnostics),
        steps=_steps(found, limits, diagnostics),
        workflow_outputs=tuple(_list(found, "workflow_outputs", (), diagnostics)),
        labels=_labels(found, diagnostics),
        max_parallel_steps=_parallel(found, limits, diagnostics),
        on_failure=_on_failure(found, diagnostics),
        reuse=read_reuse(found, diagnostics),
        priority=_priority(found, diagnostics),
    )


def _step_kept(step: Json) -> Json:
    if not isinstance(step, dict):
        return step
    return {key: kept for key, kept in step.items() if key not in STEP_DROPPED}


def _unknown_fields(
    found: Mapping[str, Json], known: Sequence[str], path: Path, diagnostics: Diagnostics
) -> None:
    for key in found:
        if key not in known:
            hint = partial(_meant_field, key, known)
            diagnostics.problem((*path, key), "unknown_field", "there is no such field", hint)


def _meant_field(key: str, known: Sequence[str]) -> str:
    if key in app_rules.PLACES and "params" in known:
        return "it is one of the app's parameters: put it into params"
    word = plain(key[:LONGEST_NAME])
    other = [field for field in known if word in _OTHER_WORDS.get(field, "").split()]
    near = f"did you mean {other[0]!r}?" if other else did_you_mean(key, known)
    return near or f"known are {list_names(known)}"


def _missing(found: Mapping[str, Json], key: str, path: Path, diagnostics: Diagnostics) -> None:
    """Notes a missing field, unless it is given under another name."""
    words = _OTHER_WORDS.get(key, "").split()
    slips = [(*path, name) for name in found if plain(name[:LONGEST_NAME]) in words]
    hint = _GIVE.get(key, "")
    diagnostics.problem((*path, key), "missing_field", "it is required", hint, because=slips)


def _wrong(key: str, path: Path, diagnostics: Diagnostics, expected: str) -> None:
    diagnostics.problem((*path, key), "wrong_type", f"it must be {expected}")


def _name(found: Mapping[str, Json], key: str, path: Path, diagnostics: Diagnostics) -> str:
    value = found.get(key)
    if value is None:
        _missing(found, key, path, diagnostics)
    elif not isinstance(value, str):
        _wrong(key, path, diagnostics, "a text")
    elif reason := texts.bad_name(value):
        diagnostics.problem((*path, key), "bad_name", reason)
    else:
        return value
    return ""


def _version(found: Document, diagnostics: Diagnostics) -> str:
    value = found.get("version")
    if isinstance(value, int | float) and not isinstance(value, bool):
        diagnostics.fix(
            ("version",), "made_text", f"the number {value} became the text {str(value)!r}"
        )
        found = {"version": str(value)}
    return _name(found, "version", (), diagnostics)


def _object(
    found: Mapping[str, Json], key: str, path: Path, diagnostics: Diagnostics, *, required: bool
) -> Document:
    value = found.get(key)
    if isinstance(value, dict):
        return value
    if value is not None:
        _wrong(key, path, diagnostics, "an object")
    elif required:
        _missing(found, key, path, diagnostics)
    return {}


def _list(found: Mapping[str, Json], key: str, path: Path, diagnostics: Diagnostics) -> list[Json]:
    """A list; missing, null and empty are the same, and a single value becomes a list of one."""
    value = found.get(key)
    if isinstance(value, list):
        return value
    if value is None:
        return []
    if isinstance(value, str):
        diagnostics.fix((*path, key), "made_list", "the single value became a list of one")
        return [value]
    _wrong(key, path, diagnostics, "a list")
    return []


def _base_context(found: Document, diagnostics: Diagnostics) -> Document:
    context = _object(found, "base_context", (), diagnostics, required=True)
    if "base_context" not in found or not isinstance(found["base_context"], dict):
        return context
    at = ("base_context",)
    for key in ("base_url", "workspace_output_folder"):
        if context.get(key) is None:
            _missing(context, key, at, diagnostics)
        elif not isinstance(context[key], str) or not context[key].strip():
            _wrong(key, at, diagnostics, "a text that is not empty")
    url = context.get("base_url")
    if isinstance(url, str) and url.strip() and not url.startswith(("http://", "https://")):
        hint = "usually https://www.bv-brc.org"
        diagnostics.problem((*at, "base_url"), "bad_url", "it must be an http or https URL", hint)
    elif isinstance(url, str) and len(url) > BASE_URL_CHARACTERS:
        message = f"it has {len(url)} characters; AppService keeps {BASE_URL_CHARACTERS}"
        diagnostics.problem((*at, "base_url"), "bad_url", message, "usually https://www.bv-brc.org")
    elif isinstance(url, str):
        check_texts(url, (*at, "base_url"), diagnostics)
    return context


def _steps(found: Document, limits: Limits, diagnostics: Diagnostics) -> tuple[StepSpec, ...]:
    value = found.get("steps")
    if value is None:
        _missing(found, "steps", (), diagnostics)
    elif not isinstance(value, list):
        _wrong("steps", (), diagnostics, "a list")
    elif not value:
        diagnostics.problem(("steps",), "no_steps", "a workflow has at least one step")
    elif len(value) > limits.steps:
        message = f"{len(value)} steps are more than the {limits.steps} allowed"
        diagnostics.problem(("steps",), "too_many_steps", message)
    else:
        steps = tuple(
            _step(step, ("steps", place), diagnostics) for place, step in enumerate(value)
        )
        _same_names(steps, diagnostics)
        return steps
    return ()


def _step(found: Json, path: Path, diagnostics: Diagnostics) -> StepSpec:
    if not isinstance(found, dict):
        diagnostics.problem(path, "wrong_type", "a step is a JSON object")
        return StepSpec("", "", {})
    _unknown_fields(found, STEP_FIELDS, path, diagnostics)
    return StepSpec(
        name=_name(found, "step_name", path, diagnostics),
        app=_name(found, "app", path, diagnostics),
        params=_object(found, "params", path, diagnostics, required=True),
        outputs=_object(found, "outputs", path, diagnostics, required=False),
        depends_on=_depends_on(found, path, diagnostics),
        retry=_retry(found, path, diagnostics),
        reuse=read_step_reuse(found, path, diagnostics),
    )


def _same_names(steps: tuple[StepSpec, ...], diagnostics: Diagnostics) -> None:
    first: dict[str, int] = {}
    for place, step in enumerate(steps):
        other = first.setdefault(step.name, place)
        if step.name and other != place:
            path = ("steps", place, "step_name")
            message = f"steps[{other}] has the name {step.name!r} already"
            diagnostics.problem(path, "duplicate_step", message, "give each step a name of its own")


def _depends_on(found: Document, path: Path, diagnostics: Diagnostics) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for place, name in enumerate(_list(found, "depends_on", path, diagnostics)):
        if isinstance(name, str):
            names[name] = None
        else:
            diagnostics.problem(
                (*path, "depends_on", place), "wrong_type", "it must be the name of a step"
            )
    return tuple(names)


def _retry(found: Document, path: Path, diagnostics: Diagnostics) -> Retry:
    raw = _object(found, "retry", path, diagnostics, required=False)
    if not raw:
        return USUAL_RETRY
    at = (*path, "retry")
    _unknown_fields(raw, RETRY_FIELDS, at, diagnostics)
    attempts = raw.get("max_attempts", USUAL_RETRY.max_attempts)
    seconds = raw.get("backoff_seconds", USUAL_RETRY.backoff.total_seconds())
    if not _integer(attempts) or not 1 <= attempts <= MOST_ATTEMPTS:
        _wrong("max_attempts", at, diagnostics, f"an integer from 1 to {MOST_ATTEMPTS}")
        attempts = 1
    number = _integer(seconds) or isinstance(seconds, float)
    if not number or not 0 <= seconds <= LONGEST_BACKOFF_SECONDS:
        _wrong("backoff_seconds", at, diagnostics, f"a number from 0 to {LONGEST_BACKOFF_SECONDS}")
        seconds = 0
    return Retry(attempts, timedelta(seconds=seconds))


def _labels(found: Document, diagnostics: Diagnostics) -> dict[str, str]:
    labels = _object(found, "labels", (), diagnostics, required=False)
    if len(labels) > MOST_LABELS:
        diagnostics.problem(("labels",), "too_many_labels", f"at most {MOST_LABELS} are allowed")
        return {}
    kept: dict[str, str] = {}
    for key, value in labels.items():
        at = ("labels", key)
        text = _label(value)
        if text is None:
            diagnostics.problem(at, "wrong_type", "a label's value must be a text")
        elif ":" in key or texts.bad_name(text or "-"):
            diagnostics.problem(at, "bad_name", "a label is a short text, its key has no colon")
        else:
            kept[key] = text
            if text is not value:
                diagnostics.fix(at, "made_text", f"{value!r} became the text {text!r}")
    return kept


def _label(value: Json) -> str | None:
    if isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool | int | float) else None


def _parallel(found: Document, limits: Limits, diagnostics: Diagnostics) -> int | None:
    value = found.get("max_parallel_steps")
    if value is None:
        return None
    if not _integer(value) or value < 1:
        _wrong("max_parallel_steps", (), diagnostics, "an integer of at least 1")
        return None
    if limits.parallel_steps is not None and value > limits.parallel_steps:
        message = f"{value} is more than the {limits.parallel_steps} that are allowed here"
        hint = f"use at most {limits.parallel_steps}"
        diagnostics.problem(("max_parallel_steps",), "too_many_parallel_steps", message, hint)
    return int(value)


def _on_failure(found: Document, diagnostics: Diagnostics) -> OnFailure:
    value = found.get("on_failure")
    if value is None:
        return OnFailure.CONTINUE
    if value in list(OnFailure):
        return OnFailure(value)
    hint = f"known are {list_names([str(known) for known in OnFailure])}"
    diagnostics.problem(("on_failure",), "invalid_choice", "it is not known", hint)
    return OnFailure.CONTINUE


def _priority(found: Document, diagnostics: Diagnostics) -> int:
    value = found.get("priority")
    if value is None:
        return 0
    if not is_priority(value):
        most = HIGHEST_PRIORITY
        _wrong("priority", (), diagnostics, f"an integer from -{most} to {most}")
        return 0
    return int(value)


def is_priority(value: Json) -> bool:
    return _integer(value) and abs(value) <= HIGHEST_PRIORITY


def _integer(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
