"""Tables of samples: every form in which people send them, and names that make good folders."""

from __future__ import annotations

import pytest

from workflows.spec.batches.table import (
    MOST_ROWS,
    Table,
    check_table,
    name_samples,
    table_from_json,
)
from workflows.spec.batches.table_file import table_from_file
from workflows.spec.checks.diagnostics import Diagnostics


def read(raw: bytes | str, delimiter: str | None = None) -> tuple[Table, Diagnostics]:
    noted = Diagnostics()
    encoded = raw.encode() if isinstance(raw, str) else raw
    table = table_from_file(encoded, delimiter, noted)
    check_table(table, noted)
    return name_samples(table, noted), noted


def codes(noted: Diagnostics) -> list[str]:
    return [problem.code for problem in noted.problems]


@pytest.mark.parametrize(
    "raw",
    [
        b"sample,reads\nS1,a b\nS2,c\n",
        b"sample\treads\nS1\ta b\nS2\tc\n",
        b"sample;reads\r\nS1;a b\r\nS2;c\r\n",
        b"sample,reads\rS1,a b\rS2,c",
        b"\xef\xbb\xbfsample,reads\nS1,a b\nS2,c\n",
        "sample,reads\nS1,a b\nS2,c\n".encode("utf-16"),
        b'"sample","reads"\n"S1","a b"\n"S2","c"\n',
        b"sample, reads \nS1,\xc2\xa0a b\xc2\xa0\nS2, c \n",
        b"sample,reads\nS1,a b,\nS2,c,,\n",
    ],
)
def test_the_same_table_in_many_forms(raw: bytes) -> None:
    table, noted = read(raw)

    assert not noted.problems
    assert table.columns == ("sample", "reads")
    assert [dict(row.cells) for row in table.rows] == [
        {"sample": "S1", "reads": "a b"},
        {"sample": "S2", "reads": "c"},
    ]


def test_rows_are_numbered_as_in_the_file_with_comments_and_blank_lines() -> None:
    table, _ = read('# made by hand\nsample,note\nS1,"two\nlines"\n\n,,\nS2,x\n')

    assert [(row.number, row.sample) for row in table.rows] == [(3, "S1"), (6, "S2")]
    assert table.rows[0].cells["note"] == "two\nlines"


def test_cells_stay_texts_and_empty_ones_are_absent() -> None:
    table, _ = read("sample,code,size\nS1,007,1e3\nS2,,  \n")

    assert table.rows[0].cells == {"sample": "S1", "code": "007", "size": "1e3"}
    assert table.rows[1].cells == {"sample": "S2"}


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"PK\x03\x04...", "bad_table"),
        (b"sample,a,a\nS1,1,2\n", "bad_table"),
        (b"sample,,b\nS1,1,2\n", "bad_table"),
        (b"sample,a\nS1,1,2\n", "bad_table"),
        (b'sample,a\nS1,"1\n', "bad_table"),
        (b"sample,a\n", "empty_table"),
        (b"", "empty_table"),
        (b"sample,a\nS1,\xff\n", "bad_encoding"),
        (b"sample\n" + b"\n".join(b"S%d" % at for at in range(MOST_ROWS + 1)), "too_many_rows"),
        (b",".join(b"c%d" % at for at in range(201)) + b"\n1\n", "too_many_columns"),
        (b"sample,a\nS1,${steps.x}\n", "reference_in_cell"),
        (b"sample\nS1\ns1\n", "duplicate_sample"),
        (b"sample\nS 1\nS:1\n", "duplicate_sample"),
        (b"sample\n..\n", "bad_name"),
        (b"sample\n" + b"x" * 101 + b"\n", "bad_name"),
    ],
)
def test_what_is_no_good_table_is_refused(raw: bytes, code: str) -> None:
    _, noted = read(raw)

    assert codes(noted) == [code]


@pytest.mark.parametrize("cell", ["1.23E+10", "2-Sep", "#REF!", "'007"])
def test_the_work_of_spreadsheets_is_warned_about(cell: str) -> None:
    _, noted = read(f"sample,a\nS1,{cell}\n")

    assert [(each.code, each.path) for each in noted.warnings] == [
        ("spreadsheet_value", "samples[0].a")
    ]


@pytest.mark.parametrize("column", ["sample", "sample_id", "id", "name", "Sample_ID"])
def test_a_column_names_the_rows(column: str) -> None:
    table, noted = read(f"other,{column}\nx,Sämple 1\n")

    assert table.rows[0].sample == "S_mple_1"
    assert table.rows[0].cells["sample"] == "S_mple_1"
    assert [fix.code for fix in noted.fixes] == ["renamed_sample"]


def test_without_a_name_the_number_of_the_row_is_its_name() -> None:
    assert [row.sample for row in read("a\nx\ny\n")[0].rows] == ["2", "3"]


def test_json_rows_keep_their_types() -> None:
    noted = Diagnostics()
    table = table_from_json([{"a": 1, "b": ["x"], "c": None, "d": " t "}, 5], noted)

    assert table.rows[0].cells == {"a": 1, "b": ["x"], "d": "t"}
    assert codes(noted) == ["wrong_type"]
