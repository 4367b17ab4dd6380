"""Reads a table of samples from a file: CSV, TSV or separated by semicolons.

Row numbers are those that a spreadsheet shows: the header, comments and blank lines count.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from workflows.spec.batches.table import MOST_ROWS, Row, Table
from workflows.spec.checks.diagnostics import Diagnostics

TSV: Final = "text/tab-separated-values"
"""The only media type that is believed: browsers call any table ``text/csv``."""
_CANDIDATES: Final = "\t;,"
_EXCEL: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DAMAGE: Final = (
    (re.compile(r"\d(?:\.\d+)?E\+\d+"), "a long number that a spreadsheet has shortened"),
    (
        re.compile(r"\d{1,2}-(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)", re.IGNORECASE),
        "a date that a spreadsheet has made of a name",
    ),
    (re.compile(r"#(?:REF!|N/A|VALUE!|DIV/0!|NAME\?|NUM!|NULL!)"), "an error of a spreadsheet"),
    (re.compile(r"'.*", re.DOTALL), "a leading apostrophe, which a spreadsheet hides"),
)
_QUOTED: Final = re.compile(r'"(?:[^"]|"")*"')


def table_from_file(raw: bytes, delimiter: str | None, diagnostics: Diagnostics) -> Table:
    """The table of a file; ``delimiter``: None to guess it from the header."""
    if raw.startswith(_EXCEL):
        message = "this is a workbook of a spreadsheet program"
        _refuse(diagnostics, message, "save it as CSV (UTF-8) and send that")
        return Table((), ())
    try:
        text = _decode(raw)
    except UnicodeDecodeError as error:
        message = f"the table is neither UTF-8 nor UTF-16: bad byte at position {error.start}"
        diagnostics.problem(("samples",), "bad_encoding", message, "save it as CSV (UTF-8)")
        return Table((), ())
    try:
        return _read(text, delimiter or _guess_delimiter(text), diagnostics)
    except csv.Error as error:
        _refuse(diagnostics, f"the table cannot be read: {error}", "close every quotation mark")
        return Table((), ())


def _decode(raw: bytes) -> str:
    return raw.decode("utf-16" if raw.startswith(_UTF_16) else "utf-8-sig")


def _refuse(diagnostics: Diagnostics, message: str, hint: str) -> None:
    diagnostics.problem(("samples",), "bad_table", message, hint)


def _guess_delimiter(text: str) -> str:
    lines = (line for line in io.StringIO(text, newline=None) if _holds_cells(line))
    counts = Counter(_QUOTED.sub("", next(lines, "")))
    return max(_CANDIDATES, key=lambda candidate: (counts[candidate], candidate == ","))


def _holds_cells(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("#")


def _read(text: str, delimiter: str, diagnostics: Diagnostics) -> Table:
    records = _records(text, delimiter)
    _, header = next(records, (0, []))
    columns = [name.strip() for name in header]
    if not _check_header(columns, diagnostics):
        return Table((), ())
    rows: list[Row] = []
    for number, record in records:
        if len(rows) > MOST_ROWS:
            break
        if any(cell.strip() for cell in record[len(columns) :]):
            message = f"row {number} has {len(record)} cells, and the header has {len(columns)}"
            hint = f"put cells that hold {delimiter!r} in quotation marks"
            diagnostics.problem(("samples", len(rows)), "bad_table", message, hint)
        rows.append(_row(number, dict(zip(columns, record, strict=False)), len(rows), diagnostics))
    return Table(tuple(columns), tuple(rows))


def _records(text: str, delimiter: str) -> Iterator[tuple[int, Sequence[str]]]:
    """Each record with its number in the file, without comments and blank lines."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    for number, record in enumerate(reader, 1):
        if any(cell.strip() for cell in record) and not record[0].startswith("#"):
            yield number, record


def _check_header(columns: Sequence[str], diagnostics: Diagnostics) -> bool:
    before = len(diagnostics.problems)
    if not columns:
        diagnostics.problem(("samples",), "empty_table", "the file has no header and no rows")
    for place, name in enumerate(columns, 1):
        if not name:
            _refuse(diagnostics, f"column {place} has no name", "name every column in the header")
    for name, count in Counter(filter(None, columns)).items():
        if count > 1:
            _refuse(diagnostics, f"{count} columns are named {name!r}", "rename or remove one")
    return len(diagnostics.problems) == before


def _row(number: int, given: Mapping[str, str], index: int, diagnostics: Diagnostics) -> Row:
    cells = {column: cell.strip() for column, cell in given.items()}
    for column, cell in cells.items():
        for pattern, meaning in _DAMAGE:
            if pattern.fullmatch(cell):
                message = f"{cell!r} looks like {meaning}"
                at = ("samples", index, column)
                diagnostics.warning(at, "spreadsheet_value", message, "format the column as text")
    return Row(number, {column: cell for column, cell in cells.items() if cell})
