"""Texts that AppService would refuse without a reason are found before, with place and reason."""

from __future__ import annotations

from typing import Any

import pytest

from tests.spec.examples import look, workflow

HERE = "/alice@bvbrc/home/run"


def date(context: dict[str, Any] | None = None, **params: Any) -> dict[str, Any]:
    step = {"step_name": "s", "app": "Date", "params": {"output_path": HERE, "output_file": "o"}}
    step["params"] |= params  # type: ignore[operator]
    found = workflow(step)
    found["base_context"] |= context or {}
    return found


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (date(note="Escherichia 株"), "steps[0].params.note"),
        (date(deep=[{"x": "ok"}, {"y": "Ω"}]), "steps[0].params.deep[1].y"),
        (date(note="${label}", context={"label": "株"}), "steps[0].params.note"),
        (date(context={"base_url": "https://例.example"}), "base_context.base_url"),
        (date(output_path="/alice@bvbrc/home/結果"), "steps[0].params.output_path"),
    ],
)
def test_characters_that_no_column_knows_are_a_problem(document: dict[str, Any], path: str) -> None:
    (problem,) = look(document).problems

    assert (problem.path, problem.code) == (path, "bad_text")
    assert "AppService cannot keep" in problem.message
    assert problem.suggestion


def test_what_the_columns_know_is_sound() -> None:
    assert look(date(note="Köln – café, 5 € “x” ÿ")).problems == ()


@pytest.mark.parametrize(("length", "sound"), [(255, True), (256, False)])
def test_a_base_url_longer_than_its_column_is_a_problem(length: int, sound: bool) -> None:
    url = "https://www.bv-brc.org/".ljust(length, "x")

    problems = look(date(context={"base_url": url})).problems

    assert [problem.path for problem in problems] == ([] if sound else ["base_context.base_url"])


def test_a_step_that_the_engine_runs_itself_may_hold_any_text() -> None:
    params = {"group_name": "株", "group_type": "genome_group", "job_result_paths": [f"{HERE}/o"]}
    step = {"step_name": "g", "app": "CreateGroup", "params": params}

    assert [
        problem for problem in look(workflow(step)).problems if problem.code == "bad_text"
    ] == []
