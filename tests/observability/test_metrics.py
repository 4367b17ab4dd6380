"""What several processes count is one truth, whichever of them still live."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from observability.metric_files import Files
from observability.metrics import Meters
from tests.shared import ROOT

COUNT_THREE = """
import sys
from pathlib import Path
from observability.metering import share
meters = share(Path(sys.argv[1])).meters
meters.workflows_submitted.inc(3)
meters.step_seconds.labels("Date").observe(2)
"""
COUNT_IN_A_CHILD = (
    COUNT_THREE
    + """
import os
child = os.fork()
meters.workflows_submitted.inc()
if child:
    os.waitpid(child, 0)
"""
)
COUNT_AND_WAIT = COUNT_THREE + "print('counted', flush=True); sys.stdin.read()"
ONLY_SHOW = """
import sys
from pathlib import Path
from prometheus_client import CollectorRegistry, generate_latest
from observability.metering import share
registry = CollectorRegistry()
registry.register(share(Path(sys.argv[1])))
print(generate_latest(registry).decode())
"""


def run(program: str, folder: Path) -> str:
    """What a process of that program prints; it has ended."""
    command = [sys.executable, "-c", program, str(folder)]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def samples(folder: Path) -> dict[str, float]:
    return {
        sample.name: sample.value
        for metric in Files(folder).collect()
        for sample in metric.samples
        if sample.name.endswith(("_total", "_count", "_sum"))
    }


def test_what_processes_count_is_added_up(tmp_path: Path) -> None:
    run(COUNT_THREE, tmp_path)
    run(COUNT_THREE, tmp_path)

    found = samples(tmp_path)

    assert found["workflows_submitted_total"] == 6
    assert found["step_execution_duration_seconds_count"] == 2
    assert found["step_execution_duration_seconds_sum"] == 4


def test_a_forked_child_counts_for_itself(tmp_path: Path) -> None:
    run(COUNT_IN_A_CHILD, tmp_path)

    assert samples(tmp_path)["workflows_submitted_total"] == 5


def test_what_dead_processes_counted_stays_in_a_bounded_number_of_files(tmp_path: Path) -> None:
    for _ in range(5):
        run(COUNT_THREE, tmp_path)
    Files(tmp_path).fold()

    assert samples(tmp_path)["workflows_submitted_total"] == 15
    assert samples(tmp_path)["step_execution_duration_seconds_count"] == 5
    assert len(list(tmp_path.glob("*.db"))) == 2


def test_the_files_of_a_living_process_are_left_to_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", COUNT_AND_WAIT, str(tmp_path)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as living:
        assert living.stdout is not None
        assert living.stdout.readline() == b"counted\n"
        before = set(tmp_path.glob("*.db"))
        Files(tmp_path).fold()

        assert before
        assert set(tmp_path.glob("*.db")) == before


def test_a_fold_that_was_cut_short_counts_nothing_twice(tmp_path: Path) -> None:
    """The process that folds dies after its commit, before it has removed anything."""
    run(COUNT_THREE, tmp_path)
    kept = tmp_path / "kept"
    kept.mkdir()
    for path in tmp_path.glob("*.db"):
        shutil.copy(path, kept)
    Files(tmp_path).fold()
    for path in kept.iterdir():
        shutil.move(path, tmp_path)

    at_once = samples(tmp_path)["workflows_submitted_total"]
    run(COUNT_THREE, tmp_path)

    assert at_once == 3
    assert samples(tmp_path)["workflows_submitted_total"] == 6


def test_every_metric_is_exposed_before_it_has_a_value(tmp_path: Path) -> None:
    shown = run(ONLY_SHOW, tmp_path)

    for name in CONTRACT:
        assert f"# TYPE {name} " in shown, name


CONTRACT = [
    "workflows_submitted_total",
    "workflows_completed_total",
    "workflow_execution_duration_seconds",
    "steps_submitted_total",
    "steps_completed_total",
    "step_execution_duration_seconds",
    "executor_poll_cycles_total",
    "executor_poll_duration_seconds",
    "executor_errors_total",
    "scheduler_query_duration_seconds",
    "scheduler_query_errors_total",
    "scheduler_submit_errors_total",
    "scheduler_calls_total",
    "scheduler_active_job_minutes_total",
    "scheduler_calls_per_active_job_minute",
]


def test_a_folder_that_cannot_be_written_is_an_error_at_the_start(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")

    with pytest.raises(OSError, match="file"):
        Files(blocked).open()


def test_no_label_names_a_workflow_or_a_user() -> None:
    made = Meters()

    labels = {label for name in made.__slots__ for label in getattr(made, name)._labelnames}

    assert labels == {"app", "status", "method", "error_type", "route", "kind", "outcome"}
