"""The pages of one workflow: its graph, its timeline, its steps, why they wait, its log."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from itertools import groupby
from typing import Any, Final, Literal

from flask import Blueprint, Response, render_template, request

from app.api import history, results, ro_crate
from app.api import steps as texts
from app.connections import connections
from app.live.stream import ALIVE_EVENT
from app.ui import view_models
from app.ui.access.session import signed_in
from app.ui.drawing import scopes, step_rows, timeline
from app.ui.drawing.graph import Box, drawing
from app.ui.drawing.step_rows import ROWS, Row
from workflows.engine.forecast.views import message
from workflows.engine.reports.explain import explanation
from workflows.engine.reports.outputs import list_results, outputs
from workflows.engine.reports.views import count_reused
from workflows.model.errors import NotFound
from workflows.model.states import FINAL_STEP, StepState, WorkflowState
from workflows.model.values import Job
from workflows.rules import event_log
from workflows.store.jobs import failures
from workflows.store.jobs import rows as job_rows
from workflows.store.workflows import events

FOLDERS: Final = 20
"""Folders of jobs on the page of the results."""
LINES: Final = 1_000
"""Lines of the log."""
_URGENT: Final = (
    StepState.FAILED,
    StepState.RUNNING,
    StepState.QUEUED,
    StepState.READY,
    StepState.PENDING,
    StepState.CANCELLED,
    StepState.UPSTREAM_FAILED,
    StepState.SUCCEEDED,
    StepState.SKIPPED,
)
"""A group of steps shows the first of these that one of them is in."""


def register(blueprint: Blueprint) -> None:
    views: dict[str, Callable[..., Any]] = {
        "": graph,
        "timeline": show_timeline,
        "steps": show_steps,
        "step": show_step,
        "output": show_output,
        "results": show_results,
        "file": show_file,
        "outputs/file": save_file,
        "waiting": waiting,
        "log": log,
        "ro-crate": save_ro_crate,
        "live": live,
    }
    for rule, view in views.items():
        blueprint.add_url_rule(f"/workflows/<workflow_id>/{rule}", view.__name__, view)


@signed_in
def graph(workflow_id: str) -> str:
    found = view_models.head(workflow_id)
    inside = request.args.get("in", "")
    drawn = drawing(found.workflow.spec_id, inside)
    reused = _reused_steps(found)
    return render_template(
        "graph.html",
        head=found,
        drawing=drawn,
        inside=inside,
        trail=scopes.trail(inside),
        drawn_steps=sum(len(box.steps) for box in drawn.boxes),
        boxes=[(box, *_state(box, found), reused.issuperset(box.steps)) for box in drawn.boxes],
        reused=len(reused),
        reasons=_group_by_code(_reasons(workflow_id)["steps"]),
        failures=_failures(found),
        outputs=_results(found),
    )


@signed_in
def show_timeline(workflow_id: str) -> str:
    found = view_models.head(workflow_id)
    history = job_rows.history(workflow_id)
    spans, counts = view_models.spans(history), count_reused(history)
    begin = min([found.begun, *(span.queued_at for span in spans)])
    now = max([found.ended or found.now, *(span.ended_at for span in spans if span.ended_at)])
    made = found.forecast
    end = max(now, made.late_end) if made and made.late_end else now
    ends = {span.step: span.ended_at or found.now for span in spans}
    critical = timeline.critical_path(found.compiled.dag.needs, ends)
    rows = step_rows.timeline_rows(
        found, spans, critical, lambda own: timeline.bars(own, begin, now, end)
    )
    rows = step_rows.add_expected(rows, found, made, begin, end)
    return render_template(
        "timeline.html",
        head=found,
        rows=step_rows.take_most(rows),
        left_out=max(len(rows) - ROWS, 0),
        idle=len(found.states) - len(rows),
        ticks=timeline.ticks(begin, end),
        message=message(made) if made else "",
        whole=now - begin,
        waited=sum((row.waited or timedelta(0) for row in rows if row.critical), timedelta(0)),
        ran=sum((row.ran or timedelta(0) for row in rows if row.critical), timedelta(0)),
        critical=[found.compiled.spec.steps[step].name for step in critical],
        reused=int(counts["steps"]),
        saved=timedelta(seconds=counts["job_seconds_saved"]),
    )


@signed_in
def show_steps(workflow_id: str) -> str:
    found = view_models.head(workflow_id)
    history = job_rows.history(workflow_id)
    timed = {
        row.step: row
        for row in step_rows.timeline_rows(found, view_models.spans(history), (), lambda _: ())
    }
    present = view_models.present_jobs(found, history)
    wanted, page = request.args.get("state", ""), max(request.args.get("page", 0, type=int), 0)
    text = request.args.get("q", "").strip()
    names = found.compiled.dag.names
    steps = [
        step
        for step in _group(found)
        if wanted in ("", found.states[step]) and text.casefold() in names[step].casefold()
    ]
    return render_template(
        "steps.html",
        head=found,
        rows=[
            _row(found, step, present.get(step), timed.get(step))
            for step in steps[page * ROWS : (page + 1) * ROWS]
        ],
        wanted=wanted,
        text=text,
        page=page,
        group=request.args.get("group"),
        inside=request.args.get("in"),
        more=len(steps) > (page + 1) * ROWS,
    )


@signed_in
def show_step(workflow_id: str) -> str:
    found = view_models.head(workflow_id)
    step = _step(found)
    spec, dag = found.compiled.spec.steps[step], found.compiled.dag
    links, base_url = connections().links, found.compiled.spec.base_context.get("base_url")
    attempts = view_models.attempts_of(workflow_id, step)
    named = [each for each in _reasons(workflow_id)["steps"] if each["step_name"] == spec.name]
    return render_template(
        "step.html",
        head=found,
        spec=spec,
        state=found.states[step],
        params=_format_value(spec.params),
        outputs={
            name: _link_values(each, base_url)
            for name, each in view_models.outputs(found, step).items()
        },
        attempts=[(job, _format_value(job.params)) for job in reversed(attempts)],
        places={
            job.key: (links.to_job(base_url, job.job_id), links.to_job_folder(base_url, job.params))
            for job in attempts
            if job.job_id
        },
        kept=failures.kept_of(workflow_id, step),
        reason=named[0] if named else None,
        needs=[(dag.names[each], found.states[each]) for each in dag.needs[step]],
        dependents=[(dag.names[each], found.states[each]) for each in dag.dependents[step]],
    )


@signed_in
def show_output(workflow_id: str) -> str:
    """What a step's job wrote, fetched from BV-BRC now."""
    found = view_models.head(workflow_id)
    spec = found.compiled.spec.steps[_step(found)]
    name: Literal["stdout", "stderr"] = "stderr" if request.args.get("of") == "stderr" else "stdout"
    attempt = max(request.args.get("attempt", 0, type=int), 0) or None
    answer = texts.read_job_output(workflow_id, spec.name, name, attempt)
    return render_template(
        "output.html",
        head=found,
        spec=spec,
        name=name,
        attempt=attempt,
        text=answer.get_data(as_text=True),
    )


@signed_in
def show_results(workflow_id: str) -> str:
    """The results as a tree, with sizes as far as the Workspace tells them."""
    found = view_models.head(workflow_id)
    read = results.read_outputs(found.workflow)
    named = [
        (f"{each['step_name']}: {each['output']}" if "step_name" in each else "", each)
        for each in read["workflow_outputs"][:ROWS]
    ]
    return render_template(
        "results.html",
        head=found,
        named=named,
        readable=frozenset(list_results(found.workflow)),
        folders=[] if named else _folders(found),
        address=partial(connections().links.to_path, _base_url(found)),
    )


@signed_in
def show_file(workflow_id: str) -> str:
    """A small text among the results."""
    found = view_models.head(workflow_id)
    path = request.args.get("path", "")
    text, item = results.read_text(found.workflow, path)
    return render_template("file.html", head=found, path=path, text=text, item=item)


@signed_in
def save_file(workflow_id: str) -> Response:
    return results.download(connections().gate.load(workflow_id), request.args.get("path", ""))


@signed_in
def waiting(workflow_id: str) -> str:
    found = _reasons(workflow_id)
    return render_template(
        "waiting.html",
        head=view_models.head(workflow_id),
        message=found["message"],
        reasons=found["steps"][:ROWS],
        left_out=max(len(found["steps"]) - ROWS, 0),
    )


@signed_in
def log(workflow_id: str) -> str:
    found = view_models.head(workflow_id)
    sequence = found.workflow.progress.sequence
    recorded = events.of_workflow(workflow_id, max(sequence - LINES, 0))
    return render_template(
        "log.html",
        head=found,
        lines=[event_log.line(event) for event in recorded],
        left_out=max(sequence - LINES, 0),
    )


@signed_in
def save_ro_crate(workflow_id: str) -> Response:
    """What happened, as a Workflow Run RO-Crate to be saved."""
    return ro_crate.zip_response(ro_crate.read_facts(workflow_id))


@signed_in
def live(workflow_id: str) -> Response:
    """Its events as they come: each tells the page to look again."""
    workflow = connections().gate.load(workflow_id)
    return history.live(workflow, request.args.get("after", 0, type=int), ALIVE_EVENT)


def _group(found: view_models.Head) -> Sequence[int]:
    """The steps of the node that was clicked on; all where none was."""
    boxes = drawing(found.workflow.spec_id, request.args.get("in", "")).boxes
    group = request.args.get("group", -1, type=int)
    return boxes[group].steps if 0 <= group < len(boxes) else range(len(found.states))


def _reasons(workflow_id: str) -> dict[str, Any]:
    found = connections()
    return explanation(found.gate.load(workflow_id), found.context)


def _group_by_code(reasons: Sequence[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Reasons by their code, those of most steps first."""
    ordered = sorted(reasons, key=lambda each: str(each["code"]))
    groups = [
        (code, list(group)) for code, group in groupby(ordered, key=lambda each: each["code"])
    ]
    return sorted(groups, key=lambda group: len(group[1]))


def _state(box: Box, found: view_models.Head) -> tuple[str, str]:
    """The state that a box shows, and its second line: the app, or how far several steps are."""
    states = [found.states[step] for step in box.steps]
    shown = next(state for state in _URGENT if state in states)
    if len(states) == 1:
        return str(shown), box.app
    over, failed = sum(state in FINAL_STEP for state in states), states.count(StepState.FAILED)
    return str(shown), f"{over} of {len(states)} ended" + (f", {failed} failed" if failed else "")


def _reused_steps(found: view_models.Head) -> frozenset[int]:
    """The steps whose results are those of an earlier job."""
    attempts = found.workflow.progress.attempts
    sources = job_rows.sources_of(found.id)
    return frozenset(step for step, attempt in sources if attempts[step] == attempt)


def _failures(found: view_models.Head) -> list[tuple[str, str]]:
    """The first steps that failed, and why."""
    failed = {step for step, state in enumerate(found.states) if state is StepState.FAILED}
    if not failed:
        return []
    present = view_models.present_jobs(found, job_rows.history(found.id))
    names = found.compiled.dag.names
    reasons = {step: present[step].reason if step in present else "" for step in failed}
    return [(names[step], reasons[step] or "The job failed.") for step in sorted(failed)[:5]]


def _row(found: view_models.Head, step: int, job: Job | None, timed: Row | None) -> Row:
    return Row(
        step,
        found.compiled.dag.names[step],
        found.compiled.spec.steps[step].app,
        found.states[step],
        job_id=job.job_id if job else "",
        attempt=found.workflow.progress.attempts[step],
        reason=job.reason if job else "",
        waited=timed.waited if timed else None,
        ran=timed.ran if timed else None,
    )


def _results(found: view_models.Head) -> list[tuple[str, list[tuple[str, str]]]]:
    """The results of the whole: what each is called, and its texts with their addresses."""
    if found.state != WorkflowState.SUCCEEDED:
        return []
    named = outputs(found.workflow, connections().links)["workflow_outputs"]
    base_url = found.compiled.spec.base_context.get("base_url")
    return [
        (name, _link_values(value, base_url))
        for each in named[:ROWS]
        for name, value in _fields(
            f"{each['step_name']}: {each['output']}" if "step_name" in each else "", each["value"]
        )
    ]


def _fields(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The fields of an object, as the outputs of CWL are, with their paths; else the value."""
    if not isinstance(value, dict):
        yield name, value
        return
    for key, inner in value.items():
        yield from _fields(f"{name}.{key}" if name else key, inner)


def _folders(found: view_models.Head) -> list[tuple[str, str]]:
    """Of the last steps, the first that succeeded: where the files of their jobs are."""
    dag, progress = found.compiled.dag, found.workflow.progress
    last = [step for step, after in enumerate(dag.dependents) if not after]
    done = [step for step in last if found.states[step] is StepState.SUCCEEDED][:FOLDERS]
    jobs = [job_rows.get(found.id, step, progress.attempts[step]) for step in done]
    links, base_url = connections().links, _base_url(found)
    places = [
        (dag.names[job.step], links.to_job_folder(base_url, job.params)) for job in jobs if job
    ]
    return [(name, url) for name, url in places if url]


def _link_values(value: Any, base_url: Any) -> list[tuple[str, str]]:
    """A value's texts, one for each element of a list, and the addresses of those that have one."""
    links = connections().links
    values = value if isinstance(value, list) else [value]
    return [(_format_value(each), links.to_path(base_url, each)) for each in values]


def _base_url(found: view_models.Head) -> Any:
    return found.compiled.spec.base_context.get("base_url")


def _step(found: view_models.Head) -> int:
    name = request.args.get("name", "")
    if name not in found.compiled.dag.names:
        raise NotFound(f"Workflow '{found.id}' has no step '{name}'.")
    return found.compiled.dag.names.index(name)


def _format_value(value: Any) -> str:
    """A JSON value for people; a text as it is."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
