"""The p90 of a forecast holds in nine of ten workflows (more: ``benchmarks/parts/forecast.py``)."""

from __future__ import annotations

from random import Random

from tests.rules.forecast.simulated import trial


def test_the_bands_hold_as_often_as_they_say() -> None:
    random = Random(20260119)  # noqa: S311 - nothing secret

    trials = [trial(random, most_steps=5) for _ in range(60)]

    held = sum(each.end <= each.forecast.end.p90 for each in trials) / len(trials)
    earlier = sum(each.end <= each.forecast.end.p50 for each in trials) / len(trials)
    assert 0.80 <= held <= 0.98
    assert 0.35 <= earlier <= 0.65
