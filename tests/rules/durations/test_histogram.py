"""Histograms keep what quantiles need, however many durations they hold."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.rules.durations.histogram import Histogram, add_up, begin_of, bin_of

durations = st.floats(0, 1e7)


def histogram(seconds: list[float]) -> Histogram:
    return Histogram(Counter(map(bin_of, seconds)))


@given(durations)
def test_a_duration_lies_in_its_bin(seconds: float) -> None:
    bin_ = bin_of(seconds)

    assert begin_of(bin_) <= seconds * (1 + 1e-9)
    assert seconds < begin_of(bin_ + 1) * (1 + 1e-9)


@given(st.lists(durations, min_size=1, max_size=40), st.floats(0.01, 1))
def test_a_quantile_is_as_exact_as_a_bin_is_wide(seconds: list[float], part: float) -> None:
    found = histogram(seconds).quantile(part)

    rank = next(
        each
        for each in sorted(seconds)
        if sum(s <= each for s in seconds) >= part * len(seconds) - 1e-9
    )
    assert begin_of(bin_of(rank)) <= found <= begin_of(bin_of(rank) + 1) * (1 + 1e-9)


@given(st.lists(durations, min_size=1, max_size=40), st.floats(0.01, 0.99))
def test_the_part_within_a_quantile_is_the_part(seconds: list[float], part: float) -> None:
    found = histogram(seconds)

    assert found.part_within(found.quantile(part)) == pytest.approx(part, abs=1e-6)


@given(st.lists(st.lists(durations, max_size=10), max_size=5))
def test_histograms_add_up(parts: list[list[float]]) -> None:
    together = add_up(map(histogram, parts))

    assert together == histogram([seconds for part in parts for seconds in part])
    assert together.total == sum(map(len, parts))


def test_one_outlier_changes_nothing() -> None:
    usual = [600 + 10.0 * number for number in range(40)]

    found = histogram([*usual, 1_000_000.0]).robust

    assert found == histogram(usual)


def test_no_duration_of_a_wide_spread_is_an_outlier() -> None:
    usual = [10.0 * 1.2**number for number in range(40)]

    assert histogram(usual).robust == histogram(usual)


def test_an_empty_histogram_has_quantiles_of_zero() -> None:
    assert Histogram().quantile(0.9) == Histogram().part_within(5) == 0.0
