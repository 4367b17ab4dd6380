"""A workflow as a tree of its steps, with a bar and elapsed times, for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from bvbrc_workflows_client.states import FINAL
from cli.show.progress import Progress, Step, levels

STYLES: Final = {
    "planned": "dim",
    "pending": "dim",
    "ready": "cyan",
    "queued": "yellow",
    "running": "bold blue",
    "succeeded": "green",
    "failed": "bold red",
    "upstream_failed": "red",
    "cancelled": "magenta",
    "skipped": "dim",
}
MARKS: Final = {
    "planned": "·",
    "pending": "·",
    "ready": "○",
    "queued": "◔",
    "running": "▶",
    "succeeded": "✔",
    "failed": "✘",
    "upstream_failed": "⊘",
    "cancelled": "■",
    "skipped": "↷",
}
"""Colour alone never carries the state."""
_URGENT: Final = ("failed", "running", "queued", "upstream_failed", "cancelled")
_BAR: Final = 24


def render_tree(progress: Progress, now: datetime, lines: int) -> RenderableType:
    """The tree in at most ``lines`` lines; idle steps are left out first."""
    steps = list(progress.steps.values())
    kept = _most_urgent(steps, max(lines - 4, 1))
    tree = Tree(_head(progress, now), guide_style="dim")
    _hang(tree, kept, now)
    left = len(steps) - len(kept)
    rest = (
        [Text(f"… and {left} more steps: {_hidden_counts(steps, kept)}", style="dim")]
        if left
        else []
    )
    return Group(tree, *rest, Text(""), _bar(progress))


def duration(span: timedelta | None) -> str:
    """``1:02:03`` or ``2:03``; empty for None."""
    if span is None:
        return ""
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def state(word: str) -> Text:
    return Text(f"{MARKS.get(word, '?')} {word}", style=STYLES.get(word, ""))


def _most_urgent(steps: Sequence[Step], most: int) -> list[Step]:
    """The most urgent steps, in the order of the document."""
    if len(steps) <= most:
        return list(steps)
    rank = {word: place for place, word in enumerate(_URGENT)}
    urgent = sorted(steps, key=lambda step: rank.get(step.state, len(rank)))
    names = {step.name for step in urgent[:most]}
    return [step for step in steps if step.name in names]


def _hidden_counts(steps: Iterable[Step], kept: Iterable[Step]) -> str:
    names = {step.name for step in kept}
    counts: dict[str, int] = {}
    for step in steps:
        if step.name not in names:
            counts[step.state] = counts.get(step.state, 0) + 1
    return ", ".join(f"{count} {word}" for word, count in counts.items())


def _hang(tree: Tree, steps: Sequence[Step], now: datetime) -> None:
    """Places each step below the deepest of its dependencies."""
    depth = levels(steps)
    by_name = {step.name: step for step in steps}
    branches: dict[str, Tree] = {}
    for name in [*depth, *(name for name in by_name if name not in depth)]:
        needs = [need for need in by_name[name].needs if need in branches]
        parent = branches[max(needs, key=lambda need: depth[need])] if needs else tree
        branches[name] = parent.add(_line(by_name[name], now))


def _head(progress: Progress, now: datetime) -> Text:
    return Text.assemble(
        (progress.name, "bold"), "  ", state(progress.state), "  ",
        (duration(progress.elapsed_time(now)), "dim"), "  ", (progress.id, "dim"),
    )  # fmt: skip


def _line(step: Step, now: datetime) -> RenderableType:
    row = Table.grid(padding=(0, 2))
    facts = [step.app, f"job {step.job_id}" if step.job_id else ""]
    if step.attempt > 1:
        facts.append(f"attempt {step.attempt}")
    moving: RenderableType = duration(step.elapsed_time(now))
    if step.state == "running":
        pulse = ProgressBar(total=None, pulse=True, width=8, animation_time=now.timestamp())
        moving = _beside(pulse, Text(duration(step.elapsed_time(now))))
    row.add_row(
        Text(f"{MARKS.get(step.state, '?')} {step.name}", style=STYLES.get(step.state, "")),
        Text(step.state, style=STYLES.get(step.state, "")),
        moving,
        Text("  ".join(filter(None, facts)), style="dim"),
        Text(step.reason, style="red" if step.state == "failed" else "dim", overflow="ellipsis"),
    )
    return row


def _bar(progress: Progress) -> RenderableType:
    style = "red" if progress.state == "failed" else "green"
    bar = ProgressBar(
        total=max(len(progress.steps), 1),
        completed=progress.over,
        width=_BAR,
        complete_style=style,
        finished_style=style,
    )
    words = f"{progress.over} of {len(progress.steps)} steps have ended"
    return _beside(bar, Text(words if progress.state not in FINAL else f"{words}."))


def _beside(left: RenderableType, right: RenderableType) -> Table:
    row = Table.grid(padding=(0, 1))
    row.add_row(left, right)
    return row
