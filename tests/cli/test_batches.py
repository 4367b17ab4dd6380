"""The commands for batches against the running product."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path

import pytest

from tests.cli.conftest import Terminal
from tests.engine.batches import GATHER, TEMPLATE
from tests.product import GROUP

pytestmark = GROUP


@pytest.fixture
def files(terminal: Terminal) -> tuple[str, str]:
    return terminal.file(TEMPLATE), terminal.file("sample,note\nS1,x\nS2,\n", "samples.csv")


def test_a_batch_is_submitted_watched_and_its_results_saved(
    terminal: Terminal, files: tuple[str, str], tmp_path: Path
) -> None:
    gather = ("--gather", terminal.file(GATHER, "gather.json"))
    watched = terminal("batch", "submit", *files, "--name", "night", "--reuse", "--watch", *gather)
    (batch,) = [line for line in watched.stdout.splitlines() if line.startswith("b_")]
    shown = terminal("batch", "status", batch)
    saved = terminal("batch", "results", batch, "-o", str(tmp_path / "results.csv"))
    as_json = terminal("batch", "results", batch, "--json")
    rows = terminal("batch", "rows", batch, "--status", "succeeded", "--json")
    crate = terminal("batch", "crate", batch, "-o", str(tmp_path / "out.zip"))

    assert watched.exit_code == 0, watched.output
    assert "2 succeeded of 2" in shown.stdout
    assert "over all samples: ✔ succeeded wf_" in " ".join(shown.stdout.split())
    assert "does not use the column" in watched.stderr
    assert (saved.exit_code, crate.exit_code) == (0, 0)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert {"ro-crate-metadata.json", "workflow.json", "samples.csv"} <= {*archive.namelist()}
    with (tmp_path / "results.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [(row["sample"], row["note"], row["status"]) for row in table] == [
        ("S1", "x", "succeeded"),
        ("S2", "", "succeeded"),
    ]
    assert [row["sample"] for row in json.loads(as_json.stdout)["rows"]] == ["S1", "S2"]
    workflows = json.loads(rows.stdout)["workflows"]
    assert len(workflows) == 2
    told = terminal("reuse", workflows[0]["workflow_id"], "a").stdout
    assert "Results of Date are never reused" in " ".join(told.split())
    assert batch in terminal("batch", "list").stdout
    assert terminal("batch", "retry", batch).exit_code == 6
    assert terminal("batch", "pause", batch).exit_code == 6


def test_samples_are_added_to_a_batch_and_a_token_is_handed_to_it(
    terminal: Terminal, files: tuple[str, str]
) -> None:
    batch = terminal("batch", "submit", *files).stdout.strip()
    more = terminal.file("sample\nS2\nS3\n", "more.csv")

    refused = terminal("batch", "add", batch, more)
    added = terminal("batch", "add", batch, more, "--skip-invalid", "--key", "more")
    again = terminal("batch", "add", batch, more, "--skip-invalid", "--key", "more", "--watch")
    token = terminal("batch", "token", batch)

    assert refused.exit_code == 3, refused.output
    assert "a sample named 'S2' already" in " ".join(refused.output.split())
    assert "Samples added: 1" in added.stdout
    assert "left out" in added.stderr
    assert "3 succeeded of 3" in again.stdout
    assert token.exit_code == 0, token.output


def test_a_dry_run_names_the_rows_that_are_wrong(
    terminal: Terminal, files: tuple[str, str]
) -> None:
    bad = terminal.file("sample\nS1\ns1\n", "bad.csv")

    good = terminal("batch", "submit", *files, "--dry-run")
    refused = terminal("batch", "submit", files[0], bad, "--dry-run")
    sent = terminal("batch", "submit", files[0], bad)

    assert (good.exit_code, refused.exit_code, sent.exit_code) == (0, 1, 3)
    assert "2 samples can run" in good.stdout
    assert "rows 2 and 3 are both named" in refused.stdout
    assert "rows 2 and 3 are both named" in sent.stderr


def test_a_batch_in_cwl_takes_its_inputs_from_columns(terminal: Terminal) -> None:
    document = Path(__file__).parents[2] / "examples/cwl/assemble_annotate.cwl"
    table = terminal.file("sample,accession\nA,SRR1\nB,nonsense\n", "samples.csv")
    inputs = terminal.file("scientific_name: Escherichia coli\n", "inputs.yaml")
    options = ("--map", "runs=accession", "--inputs", inputs, "--folder", "/alice@bvbrc/home/cwl")

    refused = terminal("batch", "submit", str(document), table, *options)
    good = terminal("batch", "submit", str(document), table, *options, "--skip-invalid")

    assert refused.exit_code == 3
    assert "samples[1].accession" in refused.stderr
    assert good.exit_code == 0, good.output
    assert "1 samples" in good.stderr
