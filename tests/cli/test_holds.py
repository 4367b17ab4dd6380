"""The commands that pause, resume, hold and order work, against the running product."""

from __future__ import annotations

import json

from click.testing import Result

from tests.cli.conftest import Terminal
from tests.product import GROUP, Product, document

pytestmark = GROUP
HOLDER = "hugo@bvbrc"
"""Other tests pause workflows under their own names."""


def test_work_is_held_and_let_go(terminal: Terminal) -> None:
    def hold(*words: str) -> Result:
        return terminal("hold", *words, user=HOLDER)

    held = hold("set", "wrong data", "--drain", "--until", "2099-01-01T00:00Z")
    assert held.exit_code == 0, held.output
    hold_id = held.stdout.partition(":")[0]
    (listed,) = json.loads(hold("list", "--json").stdout)["holds"]

    assert (listed["hold_id"], listed["mode"]) == (hold_id, "drain")
    assert listed["until"] == "2099-01-01T00:00:00.000Z"
    assert "wrong data" in hold("list").stdout
    assert hold("set", "x", "--scope", "global").exit_code == 4
    assert hold("lift", hold_id).stdout == f"Lifted {hold_id}\n"
    assert "No hold" in hold("list").stdout
    assert hold("lift", hold_id).exit_code == 5


def test_a_workflow_is_paused_resumed_and_put_first(terminal: Terminal, product: Product) -> None:
    product.simulator.app("*", output_file="a", run_seconds=None)
    workflow = product.submit(document({"a": "", "b": "a"}))

    assert terminal("priority", workflow, "7").stdout == "Priority changed: 7\n"
    assert terminal("priority", workflow, "11").exit_code == 2
    assert terminal("pause", workflow).stdout == f"Workflow paused: {workflow}\n"
    shown = " ".join(terminal("status", workflow).stdout.split())
    assert f"It is paused: no further step starts. Why: bvbrc-workflows explain {workflow}" in shown
    assert "It is paused." in terminal("explain", workflow).stdout
    assert terminal("resume", workflow).stdout == f"Workflow resumed: {workflow}\n"
    product.finish(workflow, "a")
    assert product.ends(workflow) == "succeeded"
    assert terminal("pause", workflow).exit_code == 6
