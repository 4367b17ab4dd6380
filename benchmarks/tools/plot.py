"""Draws what the results hold: ``python -m benchmarks.tools.plot`` → ``benchmarks/results/*.svg``.

A bar for each figure, on a logarithmic scale, with the value it should reach as a line.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from benchmarks.tools.measure import RESULTS

WIDTH, LEFT, RIGHT, ROW = 760, 250, 90, 26
BARS = {"0 ms": 600.0, "100 ms a call": 300.0, "0.7 s a start_app2": 40.0}
"""Steps a second that the cases of ``throughput`` should reach."""


@dataclass(frozen=True)
class Bar:
    """One figure; ``wanted`` is what it should reach, if anything was asked of it."""

    name: str
    value: float
    wanted: float | None = None


def main() -> None:
    for name, title, bars in drawings():
        if bars:
            file = RESULTS / f"{name}.svg"
            file.write_text(drawn(title, bars))
            print(f"→ {file}")


def drawings() -> Iterator[tuple[str, str, list[Bar]]]:
    throughput, rivals = loaded("throughput"), loaded("rivals")
    cases = throughput.get("cases", {})
    bars = [
        Bar(name, each["median"]["steps_per_second"], BARS.get(name))
        for name, each in cases.items()
    ]
    bars += [
        Bar(name.removesuffix("_per_second").replace("_", " "), value)
        for name, value in throughput.get("yardsticks", {}).items()
        if name.endswith("_per_second")
    ]
    yield "throughput", "Steps a second, and what the parts do by themselves", bars
    engines = rivals.get("engines", {})
    yield (
        "rivals",
        "Steps a second of the same DAG",
        [Bar(name, each["median"]["steps_per_second"]) for name, each in engines.items()],
    )


def loaded(name: str) -> dict[str, Any]:
    file = RESULTS / f"{name}.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return found


def drawn(title: str, bars: Sequence[Bar]) -> str:
    """An SVG with white ground, readable without colours."""
    most = max(max(bar.value, bar.wanted or 0) for bar in bars)
    least = min(min(bar.value, bar.wanted or bar.value) for bar in bars) / 2
    height = 60 + ROW * len(bars)

    def x(value: float) -> float:
        span = math.log(most / least) or 1.0
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(max(value, least) / least) / span

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'font-family="sans-serif" font-size="13" role="img" aria-label="{escape(title)}">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="12" y="26" font-size="16">{escape(title)} (logarithmic)</text>',
    ]
    for row, bar in enumerate(bars):
        y = 44 + row * ROW
        lines += [
            f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(bar.name)}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{x(bar.value) - LEFT:.1f}" height="17" '
            'fill="#3b6ea5"/>',
            f'<text x="{x(bar.value) + 6:.1f}" y="{y + 13}">{bar.value:,.4g}</text>',
        ]
        if bar.wanted:
            at = x(bar.wanted)
            lines.append(
                f'<path d="M{at:.1f} {y - 3}V{y + 20}" stroke="#c02020" stroke-width="2">'
                f"<title>wanted: {bar.wanted:g}</title></path>"
            )
    return "\n".join([*lines, "</svg>"]) + "\n"


if __name__ == "__main__":
    main()
