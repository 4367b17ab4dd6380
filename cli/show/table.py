"""Tables that stay readable in a narrow terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

_IDS: Final = ("workflow", "batch", "job", "webhook", "delivery", "hold")
"""Columns of ids: a broken one cannot be copied."""
_READABLE: Final = 14
"""Columns narrower than this, of texts that are longer, are hard to read."""


class FittingTable(Table):
    """A table; where the terminal is too narrow for it, each row on lines of its own."""

    def __init__(self, *columns: str) -> None:
        super().__init__(box=None, pad_edge=False, header_style="dim")
        for column in columns:
            self.add_column(column, overflow="fold", no_wrap=column in _IDS)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        needed = sum(self._needs(console, options, column) for column in self.columns)
        if needed + self.padding[1] * (len(self.columns) - 1) <= options.max_width:
            yield from super().__rich_console__(console, options)
            return
        for cells in zip(*(column.cells for column in self.columns), strict=True):
            yield from self._lines(cells)

    def _needs(self, console: Console, options: ConsoleOptions, column: Column) -> int:
        wide = options.update(max_width=10_000)
        cells = (Measurement.get(console, wide, cell).maximum for cell in column.cells)
        widest = max([len(str(column.header)), *cells])
        return widest if column.no_wrap else min(widest, _READABLE)

    def _lines(self, cells: Iterable[RenderableType]) -> Iterable[RenderableType]:
        """The first cell, and below it the others, each with its column's name."""
        named = zip(self.columns, cells, strict=True)
        texts = [(str(column.header), _as_text(cell)) for column, cell in named]
        yield Text(texts[0][1].plain, style="bold", overflow="fold")
        parts = [Text.assemble((f"{name} ", "dim"), text) for name, text in texts[1:] if text]
        yield Padding(Text(", ").join(parts), (0, 0, 0, 2))


def _as_text(cell: RenderableType) -> Text:
    return cell if isinstance(cell, Text) else Text(str(cell))
