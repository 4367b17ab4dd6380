"""Tables in a terminal of 80 columns: ids are whole, and nothing is a column of single letters."""

from __future__ import annotations

import io

import pytest
from rich.console import Console, RenderableType

from cli import batch, many, overview
from cli.messages import webhook
from cli.show import views

WORKFLOW = "wf_5f1d2c3b4a59687786a5b4c3d2e1f001"
BATCH = "ba_5f1d2c3b4a59687786a5b4c3d2e1f002"
WEBHOOK = "wh_5f1d2c3b4a59687786a5b4c3d2e1f003"
DELIVERY = "msg_5f1d2c3b4a59687786a5b4c3d2e1f004"
AT = "2026-01-19T10:00:00.000Z"
NAME = "Listeria outbreak 7: reads to tree, second try"


def table(*rows: tuple[str, ...], columns: tuple[str, ...]) -> RenderableType:
    made = views.make_table(*columns)
    for cells in rows:
        made.add_row(*cells)
    return made


LIST = views.page(
    {"workflows": [{"workflow_id": WORKFLOW, "workflow_name": NAME, "status": "succeeded",
                    "step_count": 2, "created_at": AT, "completed_at": AT}]}
)  # fmt: skip
TABLES: dict[str, tuple[RenderableType, list[str]]] = {
    "list": (LIST, [WORKFLOW, NAME, "succeeded", "created "]),
    "webhooks": (
        table((WEBHOOK, "https://example.org/a/long/path", "workflow.ended", "enabled", AT),
              columns=("webhook", "url", "events", "state", "last success")),
        [WEBHOOK, "https://example.org/a/long/path"],
    ),
    "deliveries": (
        table((DELIVERY, "workflow.ended", WORKFLOW, "delivered", "1", "204", AT),
              columns=("delivery", "event", "workflow", "state", "attempts", "last", "stored")),
        [DELIVERY, WORKFLOW],
    ),
    "batches": (
        table((BATCH, NAME, "running", "5000", AT),
              columns=("batch", "name", "state", "samples", "created")),
        [BATCH, NAME],
    ),
    "rows": (
        table(("12", "sample-0012", "failed", WORKFLOW, "Ran out of memory (48 GB asked)"),
              columns=("row", "sample", "state", "workflow", "error")),
        [WORKFLOW, "sample-0012"],
    ),
    "many": (
        table((WORKFLOW, "unchanged", "It has ended."), columns=("workflow", "outcome", "why")),
        [WORKFLOW],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("width", [80, 60, 40])
def test_an_id_is_whole_however_narrow_the_terminal_is(name: str, width: int) -> None:
    shown, whole = TABLES[name]

    lines = render(shown, width).splitlines()

    for text in whole if width == 80 else whole[:1]:
        assert any(text in line for line in lines), (text, lines)
    assert max(map(len, lines)) <= max(width, len(DELIVERY))


def test_a_wide_terminal_shows_a_table() -> None:
    lines = render(LIST, 200).splitlines()

    assert lines[0].split() == ["workflow", "name", "state", "steps", "created", "ended"]
    assert len(lines) == 2


def test_every_table_of_the_commands_is_one_that_fits() -> None:
    """All are made by ``make_table``: these modules import no other."""
    for module in (batch, many, overview, webhook):
        assert "rich.table" not in vars(module)
        assert not hasattr(module, "Table")


def render(shown: RenderableType, width: int) -> str:
    console = Console(width=width, color_system=None, file=io.StringIO(), record=True, markup=False)
    console.print(shown)
    return console.export_text()
