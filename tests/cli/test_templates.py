"""The commands for templates against the running product."""

from __future__ import annotations

import json

from tests.cli.conftest import Terminal
from tests.product import ALICE, GROUP

pytestmark = GROUP

FOLDER = f"/{ALICE}/home/templates"
TEMPLATE = {
    "name": "cli-dates",
    "title": "The date",
    "workflow": {
        "steps": [
            {
                "step_name": "first",
                "app": "Date",
                "params": {
                    "output_path": "${workspace_output_folder}",
                    "output_file": "${inputs.file}",
                },
            }
        ]
    },
    "inputs": {"properties": {"file": {"title": "File", "type": "string", "maxLength": 20}}},
}


def test_a_template_is_imported_shown_used_exported_and_deprecated(terminal: Terminal) -> None:
    file = terminal.file(TEMPLATE, "template.json")
    imported = terminal("templates", "import", file)
    shown = terminal("templates", "show", "cli-dates")
    refused = terminal("templates", "submit", "cli-dates", "-i", "fil=x", "-f", FOLDER)
    ended = terminal("templates", "submit", "cli-dates", "-i", "file=x", "-f", FOLDER, "--watch")
    dry = terminal("templates", "submit", "cli-dates@1", "-i", "file=x", "-f", FOLDER, "--dry-run")
    exported = terminal("templates", "export", "cli-dates@1")
    again = terminal("templates", "import", "-", given=exported.stdout)
    copy = terminal("templates", "import", file, "--name", "cli-dates-2", "--share", "bob@bvbrc")
    deprecated = terminal("templates", "deprecate", "cli-dates@1", "--reason", "use another")

    assert again.exit_code == 0, again.output
    assert imported.stdout.split() == again.stdout.split() == ["cli-dates@1"]
    assert copy.stdout.split() == ["cli-dates-2@1"]
    assert "file *" in shown.stdout
    assert refused.exit_code == 3
    assert "did you mean 'file'?" in refused.stderr
    assert ended.exit_code == 0, ended.output
    assert dry.exit_code == 0
    assert json.loads(exported.stdout)["inputs"]["required"] == ["file"]
    assert "use another" in deprecated.stdout
    listed = terminal("templates", "list", "cli-dates", "--json")
    assert [each["name"] for each in json.loads(listed.stdout)["templates"]] == [
        "cli-dates",
        "cli-dates-2",
    ]
    assert "assembly-annotation" in terminal("templates", "list").stdout


def test_the_rows_of_a_file_give_inputs(terminal: Terminal) -> None:
    terminal("templates", "import", terminal.file({**TEMPLATE, "name": "cli-rows"}, "t.json"))
    table = terminal.file("sample,target\nS1,one\nS2,two\n", "samples.csv")
    usual = ("templates", "submit", "cli-rows", table, "-f", FOLDER)

    refused = terminal(*usual, "--dry-run")
    ended = terminal(*usual, "--map", "file=target", "--name", "night", "--watch")

    assert refused.exit_code == 1
    assert "inputs.file" in refused.stdout
    assert ended.exit_code == 0, ended.output
    assert "2 succeeded of 2" in ended.stdout
