"""Messages that lead on, and commands for what the pages can."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.main import main
from tests.cli.conftest import Terminal
from tests.product import GROUP, Product, document

YAML = "workflow_name: x\nsteps:\n  - step_name: a\n"
CWL = "cwlVersion: v1.2\nclass: Workflow\ninputs: {}\n"


def offline(home: Path, *arguments: str, token: str = "") -> Result:
    env = {"BVBRC_WORKFLOWS_URL": "http://127.0.0.1:9", "HOME": str(home), "BVBRC_TOKEN": token,
           "P3_AUTH_TOKEN": "", "KB_AUTH_TOKEN": ""}  # fmt: skip
    return CliRunner().invoke(main, arguments, env=env, catch_exceptions=False)


@pytest.mark.parametrize("command", ["submit", "validate", "plan"])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        (YAML, "is YAML; workflows are JSON here"),
        (CWL, "bvbrc-workflows submit-cwl"),
        (json.dumps({"cwlVersion": "v1.2"}), "bvbrc-workflows submit-cwl"),
    ],
    ids=["yaml", "cwl", "cwl in json"],
)
def test_what_is_no_json_workflow_leads_on(
    command: str, text: str, says: str, tmp_path: Path
) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(text)

    found = offline(tmp_path, command, str(file))

    assert found.exit_code == 3
    assert says in " ".join(found.stderr.split())


def test_without_a_token_it_is_said_how_to_get_one(tmp_path: Path) -> None:
    found = offline(tmp_path, "token")

    assert found.exit_code == 4
    assert "p3-login" in found.stderr
    assert "--token-file" in found.stderr


@GROUP
def test_a_list_without_a_token_says_so_too(terminal: Terminal) -> None:
    found = terminal("list", user=None)

    assert found.exit_code == 4
    assert "p3-login" in found.stderr


@GROUP
def test_an_expired_token_is_named(terminal: Terminal, product: Product) -> None:
    old = product.simulator.token("ulla@bvbrc", seconds=-60)
    path = terminal.file(old, "old_token")

    found = terminal("--token-file", path, "list", user=None)

    assert found.exit_code == 4
    assert "expired" in found.stderr
    assert "p3-login" in found.stderr


@GROUP
def test_a_workflow_is_planned_started_edited_and_cannot_be_cancelled_when_it_has_ended(
    terminal: Terminal, product: Product
) -> None:
    planned = terminal("plan", terminal.file(document({"a": ""}, name="planned")))
    workflow = planned.stdout.strip()
    started = terminal("start", workflow)
    assert product.ends(workflow) == "succeeded"

    refused = terminal("cancel", workflow, "-y")
    again = terminal("document", workflow)
    faulty = terminal("plan", terminal.file(document({"a": "x"}, name="not right yet")))

    assert started.exit_code == 0
    assert refused.exit_code == 6
    found = json.loads(again.stdout)
    assert [step["step_name"] for step in found["steps"]] == ["a"]
    assert found["workflow_name"] == "planned"
    valid = terminal("validate", terminal.file(found))
    assert valid.exit_code == 0, valid.output
    assert "x" in faulty.stdout


@GROUP
def test_apps_use_and_for_admins_the_whole_are_shown(
    terminal: Terminal,
) -> None:
    apps, one = terminal("apps", "assembly"), terminal("apps", "GenomeAssembly2")
    usage, refused = terminal("usage"), terminal("overview")

    assert "GenomeAssembly2" in apps.stdout
    assert json.loads(one.stdout)["app"] == "GenomeAssembly2"
    assert "active workflows" in usage.stdout
    assert refused.exit_code == 4


def test_windows_documents_are_read(tmp_path: Path) -> None:
    file = tmp_path / "w.json"
    file.write_text(json.dumps({"workflow_name": "x"}), encoding="utf-16")

    assert offline(tmp_path, "validate", str(file)).exit_code == 7  # it was read, and sent
