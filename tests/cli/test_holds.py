"""The commands that pause, resume, hold and order work, against the running product."""

from __future__ import annotations

import json

from tests.cli.conftest import Terminal
from tests.product import GROUP, Product, document

pytestmark = GROUP


def test_work_is_held_and_let_go(terminal: Terminal) -> None:
    held = terminal("hold", "set", "wrong data", "--drain", "--until", "2099-01-01T00:00Z")
    assert held.exit_code == 0, held.output
    hold = held.stdout.partition(":")[0]
    (listed,) = json.loads(terminal("hold", "list", "--json").stdout)["holds"]

    assert (listed["hold_id"], listed["mode"]) == (hold, "drain")
    assert listed["until"] == "2099-01-01T00:00:00.000Z"
    assert "wrong data" in terminal("hold", "list").stdout
    assert terminal("hold", "set", "x", "--scope", "global").exit_code == 4
    assert terminal("hold", "lift", hold).stdout == f"Lifted {hold}\n"
    assert "No hold" in terminal("hold", "list").stdout
    assert terminal("hold", "lift", hold).exit_code == 5


def test_a_workflow_is_paused_resumed_and_put_first(terminal: Terminal, product: Product) -> None:
    product.simulator.app("*", queue_seconds=0, run_seconds=2)
    workflow = product.submit(document({"a": "", "b": "a"}))

    assert terminal("priority", workflow, "7").stdout == "Priority changed: 7\n"
    assert terminal("priority", workflow, "11").exit_code == 2
    assert terminal("pause", workflow).stdout == f"Workflow paused: {workflow}\n"
    assert terminal("resume", workflow).stdout == f"Workflow resumed: {workflow}\n"
    assert product.ends(workflow) == "succeeded"
    assert terminal("pause", workflow).exit_code == 6
