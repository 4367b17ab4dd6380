"""How a job ended, from what is known of it."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.rules.endings import LONGEST, Evidence, advice, endings, exit_code, judge, tell

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
LINES = st.text(max_size=300)


def told(**known: object) -> str:
    return judge(Evidence("21", "GenomeAssembly2", **known)).sentence  # type: ignore[arg-type]


def ending(**known: object) -> str:
    return judge(Evidence("21", "GenomeAssembly2", **known)).name  # type: ignore[arg-type]


def test_the_table_of_the_documents_is_the_table_of_the_engine() -> None:
    found = re.findall(r"^\| ([^|`]+) \| ([^|]+) \| ([^|]+) \|$", PAGE.read_text(), re.MULTILINE)
    documented = [row for row in found if row[0] in {each["name"] for each in endings()}]

    plain = {"{{": "{", "}}": "}"}
    assert documented == [
        tuple(
            re.sub(r"{{|}}", lambda match: plain[match[0]], row[name])
            for name in ("name", "says", "do")
        )
        for row in endings()
    ]


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        ({"cluster_status": "OUT_OF_MEMORY", "memory": "48G", "exit_code": 137},
         "Ran out of memory (48 GB asked, exit code 137): give it less data"),
        ({"cluster_status": "TIMEOUT", "runtime": timedelta(seconds=36820)},
         "Ran out of time (10 h 14 min asked): "),
        ({"exit_code": 2, "stderr": "all well\nTraceback\nValueError: no k-mers\n"},
         "GenomeAssembly2 ended with an error (exit code 2): “ValueError: no k-mers”; look"),
        ({"exit_code": 1, "note": "Error running megahit: 256 at /App.pm line 3.\n"},
         "`megahit` ended with an error (exit code 1): “Error running megahit: 256”; "),
        ({"exit_code": 3}, "GenomeAssembly2 ended with an error (exit code 3): look"),
        ({"unread": {"stderr": "HTTP 502"}}, "BV-BRC job 21 failed, and why could not be read ("),
    ],
)  # fmt: skip
def test_the_sentence_says_what_happened_and_what_to_do(known: object, sentence: str) -> None:
    assert told(**known).startswith(sentence)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("terminate called after throwing an instance of 'std::bad_alloc'", "out of memory"),
        ("slurmstepd: error: *** JOB 9 ON n1 CANCELLED AT 2026-01-01 DUE TO TIME LIMIT ***",
         "time limit"),
        ("slurmstepd: error: *** JOB 9 ON n1 CANCELLED AT 2026-01-01 ***",
         "killed at BV-BRC"),
        ("slurmstepd: error: Detected 1 oom-kill event(s) in step 9.batch", "out of memory"),
        ("Token validation failed: Token expired", "expired token"),
        ("cp: write error: No space left on device", "disk full"),
        ("p3-sra failed: -1", "reads not fetched"),
        ("_ERROR_Object not found!_ERROR_", "input missing"),
        ("File /a/home/x.fq has zero size", "input unusable"),
        ("Segmentation fault (core dumped)", "crashed"),
        ("something of its own", "app's own error"),
    ],
)  # fmt: skip
def test_known_texts_are_known(line: str, name: str) -> None:
    assert ending(stderr=f"start\n{line}\n", exit_code=1) == name


def test_what_a_tool_survived_long_before_its_end_does_not_count() -> None:
    lines = "Cannot allocate memory, trying with less\n" + "and on\n" * 100 + "Error: no result\n"

    assert ending(stderr=lines, exit_code=1) == "app's own error"


def test_an_ending_of_some_apps_is_none_of_others() -> None:
    known = {"stderr": "Not enough genomes", "exit_code": 1}

    assert judge(Evidence("1", "CodonTree", **known)).name == "too little data"  # type: ignore[arg-type]
    assert ending(**known) == "app's own error"


@pytest.mark.parametrize(
    ("text", "code"), [("0", 0), ("137\n", 137), ("256", 1), ("5376", 21), ("", None), ("x", None)]
)
def test_wait_statuses_are_exit_codes(text: str, code: int | None) -> None:
    assert exit_code(text) == code


@given(st.lists(LINES, max_size=5), LINES, st.integers(0, 300), st.booleans())
def test_every_failure_has_one_line_with_advice(
    lines: list[str], note: str, code: int, started: bool
) -> None:
    found = judge(
        Evidence("21", "Date", exit_code=code, stderr="\n".join(lines), note=note, started=started)
    )

    assert found.sentence.isprintable()
    assert len(found.sentence) <= LONGEST
    assert found.sentence.endswith(advice(found.name, job="21"))


def test_advice_is_never_cut() -> None:
    assert tell("refused", detail="x" * 5_000).endswith(advice("refused"))
