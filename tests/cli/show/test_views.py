"""Answers of the API as people read them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time

import pytest
from rich.console import Console, RenderableType

from cli.show import forecasts, views
from cli.show.screen import strip_controls
from tests.shared import ROOT


def drawn(shown: RenderableType) -> str:
    console = Console(width=100, color_system=None, file=io.StringIO(), record=True, markup=False)
    console.print(shown)
    return console.export_text()


def test_an_id_is_never_broken() -> None:
    workflow = "wf_5f1d2c3b4a59687786a5b4c3d2e1f001"
    row = {
        "workflow_id": workflow,
        "workflow_name": "a name that is long enough to need more room than there is",
        "status": "succeeded",
        "step_count": 2,
        "created_at": "2026-01-19T10:00:00.000Z",
        "completed_at": "2026-01-19T11:00:00.000Z",
    }
    console = Console(width=80, color_system=None, file=io.StringIO(), record=True, markup=False)

    console.print(views.page({"workflows": [row]}))

    assert workflow in console.export_text()


def test_an_empty_list_says_so() -> None:
    assert drawn(views.page({"workflows": []})) == "No workflow matches.\n"


def test_a_workflow_that_is_paused_says_so_and_what_to_do() -> None:
    found = {"workflow_id": "wf_1", "workflow_name": "w", "status": "running", "paused": True}
    listed = {**found, "step_count": 1, "created_at": None, "completed_at": None}

    assert "paused: no further step starts" in drawn(views.status({**found, "steps": []}))
    assert "bvbrc-workflows resume wf_1" in drawn(views.status({**found, "steps": []}))
    assert "running (paused)" in drawn(views.page({"workflows": [listed]}))


def test_a_time_names_its_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        assert views.moment("2026-01-19T10:00:00.000Z") == "2026-01-19 15:30:00+05:30"
        assert forecasts.moment("2026-01-19T10:00:00Z") == "2026-01-19 15:30+05:30"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_failure_that_no_step_is_at_fault_for_is_shown() -> None:
    found = {
        "workflow_name": "w",
        "workflow_id": "wf_1",
        "status": "failed",
        "error_message": "Further steps cannot be planned: main.cwl:7",
        "steps": [{"step_name": "a", "status": "succeeded", "app": "Date", "step_id": "21"}],
    }

    assert "Further steps cannot be planned: main.cwl:7" in drawn(views.status(found))


FORECAST = {
    "message": "It takes about 3 hours",
    "end": {"p50": "2026-01-19T13:00:00Z", "p90": "2026-01-19T14:30:00Z"},
    "critical_path": ["assemble", "annotate"],
    "steps": [
        {
            "step_name": f"step{number}",
            "app": "GenomeAssembly2",
            "start": {"p50": "2026-01-19T10:05:00Z", "p90": "2026-01-19T10:20:00Z"},
            "end": {"p50": "2026-01-19T12:15:00Z", "p90": "2026-01-19T13:45:00Z"},
        }
        for number in range(52)
    ],
}


def test_a_forecast_shows_its_end_its_path_and_the_first_steps() -> None:
    shown = drawn(forecasts.of_workflow(FORECAST))

    end, late = (forecasts.moment(FORECAST["end"][each]) for each in ("p50", "p90"))  # type: ignore[index]
    assert shown.startswith("It takes about 3 hours\n")
    assert f"Likely end: {end}; nine in ten before {late}" in shown
    assert "Critical path: assemble → annotate" in shown
    first = next(line for line in shown.splitlines() if line.startswith("step0 "))
    times = ("2026-01-19T10:05:00Z", "2026-01-19T12:15:00Z", "2026-01-19T13:45:00Z")
    places = [first.find(forecasts.moment(each)) for each in times]
    assert -1 < places[0] < places[1] < places[2]
    assert "step49" in shown
    assert "step50" not in shown
    assert "and 2 more" in shown


def test_a_forecast_of_a_batch_shows_its_end_alone() -> None:
    shown = drawn(forecasts.of_batch(FORECAST))

    assert "Likely end" in shown
    assert "step0" not in shown
    assert drawn(forecasts.of_batch(FORECAST | {"end": None})) == "It takes about 3 hours\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_an_output_without_utf_8_is_no_traceback(encoding: str) -> None:
    code = (
        "from cli.show.screen import Screen, json_line, replace_unknown_characters as replace;"
        "from cli.show.tree import state; from bvbrc_workflows_client.session import Session;"
        "replace(); Screen(Session('http://x'), None).show({}, lambda _: state('succeeded'));"
        "print(json_line({'mark': '✔'}))"
    )
    env = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}

    found = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, check=False, text=True, cwd=ROOT
    )

    assert found.stderr == ""
    assert "succeeded" in found.stdout
    assert json.loads(found.stdout.splitlines()[-1]) == {"mark": "✔"}


def test_each_problem_shows_its_path_its_message_and_the_way_out() -> None:
    problems = [
        {
            "path": "steps[1].app",
            "code": "unknown_app",
            "message": "there is no app 'Dat'",
            "suggestion": "did you mean 'Date'?",
        },
        {"path": "", "code": "x", "message": "it has no steps", "suggestion": ""},
    ]

    lines = [line.strip() for line in drawn(views.refusal("all in one", problems)).splitlines()]

    assert lines == [
        "error: it cannot run, it has 2 problems",
        "steps[1].app",
        "there is no app 'Dat'",
        "→ did you mean 'Date'?",
        "the whole",
        "it has no steps",
    ]


def test_a_refusal_without_problems_is_its_one_sentence() -> None:
    assert drawn(views.refusal("There is no workflow 'x'.", [])).strip() == (
        "error: There is no workflow 'x'."
    )


def test_texts_of_others_cannot_steer_the_terminal() -> None:
    assert strip_controls({"a": ["\x1b[2J\x07b", 1, None]}) == {"a": ["�[2J�b", 1, None]}


def test_texts_of_others_are_no_markup() -> None:
    found = {
        "workflow_name": "[bold]w",
        "workflow_id": "wf_1",
        "status": "running",
        "steps": [{"step_name": "[red]s", "status": "ready", "app": "[/]", "step_id": ""}],
    }

    text = drawn(views.status(found))

    assert "[bold]w" in text
    assert "[red]s" in text
    assert "[/]" in text
