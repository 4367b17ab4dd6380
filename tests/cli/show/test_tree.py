"""The tree of a workflow as a terminal shows it."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from cli.show.progress import Progress, Step
from cli.show.tree import duration, render_tree

NOW = datetime(2026, 1, 19, 10, 1, tzinfo=UTC)


def drawn(*steps: Step, lines: int = 40) -> list[str]:
    console = Console(width=100, color_system=None, file=io.StringIO(), record=True)
    progress = Progress(
        "wf_1", "w", "running", NOW - timedelta(minutes=1), {step.name: step for step in steps}
    )
    console.print(render_tree(progress, NOW, lines))
    return console.export_text().splitlines()


def test_a_step_hangs_below_the_deepest_of_those_it_waits_for() -> None:
    lines = drawn(
        Step("a", "Date", (), "succeeded"), Step("b", "Date", ("a",)), Step("c", "Date", ("a", "b"))
    )

    indents = [next(line.index(f" {name} ") for line in lines if f" {name} " in line)
               for name in "abc"]  # fmt: skip
    assert indents == sorted(set(indents))


def test_a_running_step_shows_its_time_and_its_job() -> None:
    line = drawn(
        Step("a", "Date", (), "running", job_id="17", started_at=NOW - timedelta(seconds=62))
    )[1]

    assert "▶ a" in line
    assert "1:02" in line
    assert "job 17" in line


def test_steps_that_do_nothing_give_way_to_those_that_do() -> None:
    idle = [Step(f"idle{number}", "Date", ()) for number in range(50)]

    lines = drawn(*idle, Step("busy", "Date", (), "failed", reason="no reads"), lines=12)

    assert len(lines) <= 12
    assert any("busy" in line and "no reads" in line for line in lines)
    assert any("… and 43 more steps: 43 pending" in line for line in lines)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(5, "0:05"), (125, "2:05"), (3_725, "1:02:05"), (90_000, "25:00:00")]
)
def test_durations_read_as_on_a_clock(seconds: int, expected: str) -> None:
    assert duration(timedelta(seconds=seconds)) == expected
