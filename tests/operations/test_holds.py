"""Holds in a running product: the log of the simulator says that nothing slips past."""

from __future__ import annotations

import time

from devstack.processes import wait_until
from tests.product import ALICE, GROUP, Product, document

pytestmark = GROUP

WORKFLOWS = 60
HOLDER = "upkeep@bvbrc"
START = "AppService.start_app2"


def reasons(product: Product, workflow: str) -> set[str]:
    """Why its steps wait, in codes."""
    found = product.ask("GET", f"/workflows/{workflow}/explain", HOLDER)
    return {step["code"] for step in found["steps"]}


def finish_all(product: Product) -> None:
    """The jobs that do not end by themselves; later ones do."""
    product.simulator.clear_rules()
    product.simulator.app("*", queue_seconds=0, run_seconds=0, lag_seconds=0)
    jobs = product.simulator.jobs(owner=HOLDER, output_file="b")
    if endless := [job["id"] for job in jobs if job["finished"] is None]:
        product.simulator.act("finish", *endless)


def test_no_start_leaves_after_the_answer_of_a_hold_and_all_end_when_it_is_lifted(
    product: Product,
) -> None:
    product.simulator.app("*", queue_seconds=0, run_seconds=0, lag_seconds=0)
    # However long the hold takes to come, every workflow has a step that has not been started.
    product.simulator.app("*", output_file="b", queue_seconds=0, run_seconds=None, lag_seconds=0)
    steps = document({"a": "", "b": "", "c": "a b"})
    workflows = [product.submit(steps, HOLDER) for _ in range(WORKFLOWS)]
    starts = lambda: product.simulator.calls(START, user=HOLDER)  # noqa: E731 - asked five times
    wait_until(lambda: len(starts()) >= 10, "many run", every_seconds=0.01)

    hold = product.ask("POST", "/holds", HOLDER, json={"scope": "user", "reason": "maintenance"})
    answered, held = time.time(), len(starts())
    try:
        finish_all(product)
        others = product.submit(document({"a": "", "b": "a"}), ALICE)
        assert product.ends(others) == "succeeded"  # the senders go on
        wait_until(lambda: "paused" in reasons(product, workflows[-1]), "the hold is explained")
        late = [call for call in starts() if call["began"] > answered]
    finally:
        product.ask("DELETE", f"/holds/{hold['hold_id']}", HOLDER)

    # What a process had in its hands may still leave where that process stands still.
    assert len(late) <= hold["under_way"], late
    assert held < 3 * WORKFLOWS
    query = "/workflows?status=succeeded&page_size=500"
    wait_until(
        lambda: len(product.ask("GET", query, HOLDER)["workflows"]) == WORKFLOWS,
        "all end",
    )
    assert len(product.simulator.jobs(owner=HOLDER)) == 3 * WORKFLOWS
