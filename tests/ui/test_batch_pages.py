"""The pages of batches: what they show, and what their forms do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from devstack.processes import wait_until
from tests.engine.batches import GATHER, TEMPLATE
from tests.product import ALICE, BOB, UI_GROUP, Product
from tests.ui.conftest import Visitor

pytestmark = UI_GROUP


def submit(product: Product, rows: int, **fields: Any) -> str:
    samples = [{"sample": f"S{number}"} for number in range(rows)]
    body = {"workflow": TEMPLATE, "samples": samples, **fields}
    return str(product.ask("POST", "/batches", ALICE, json=body)["batch_id"])


def until(product: Product, batch: str, reached: Callable[[dict[str, Any]], bool]) -> None:
    wait_until(lambda: reached(product.ask("GET", f"/batches/{batch}", ALICE)), "the batch")


def test_a_batch_is_shown_with_its_rows_and_its_results(product: Product, visitor: Visitor) -> None:
    batch = submit(product, 3, name="<night>", gather=GATHER)
    until(product, batch, lambda shown: shown["status"] == "succeeded")
    gather = product.ask("GET", f"/batches/{batch}", ALICE)["gather"]["workflow_id"]

    stranger = visitor.get(f"/batches/{batch}")
    visitor.sign_in()
    text = visitor.get(f"/batches/{batch}").text
    table = visitor.get(f"/batches/{batch}/results.csv")
    crate = visitor.get(f"/batches/{batch}/ro-crate")

    assert stranger.status_code == 303
    assert "&lt;night&gt;" in text
    assert "3 of 3 samples ended" in text
    assert f'/ui/workflows/{gather}/">Steps over all samples</a>' in text
    assert "Made of the results of 3 samples" in text
    assert "Add samples" not in text
    assert f'/ui/batches/{batch}"' in visitor.get(f"/workflows/{gather}/").text
    assert all(f">{name}</a>" in text for name in ("S0", "S1", "S2"))
    assert batch in visitor.get("/batches").text
    assert table.headers["Content-Type"].startswith("text/csv")
    assert f"/ui/batches/{batch}/ro-crate" in text
    assert crate.headers["Content-Type"] == "application/zip"
    assert table.text.count("succeeded") == 3
    visitor.sign_in(BOB)
    assert visitor.get(f"/batches/{batch}").status_code == 403


def test_samples_are_added_from_a_file(product: Product, visitor: Visitor) -> None:
    batch = submit(product, 1)
    until(product, batch, lambda shown: shown["status"] == "succeeded")
    visitor.sign_in()

    def send(table: str, secret: str | None = None) -> Any:
        data = {"secret": secret or visitor.secret(), "once": "visit"}
        files = {"file": ("more.csv", table)}
        return visitor.post(f"/batches/{batch}/samples", data=data, files=files)

    assert send("sample\nS1\n", "x").status_code == 403
    refused = send("sample\nS0\nS1\n")
    added = [send("sample\nS1\n").status_code for _ in range(2)]

    assert refused.status_code == 400
    assert "the batch has a sample named &#39;S0&#39; already" in refused.text
    assert added == [303, 303]
    until(product, batch, lambda shown: shown["counts"] == {"succeeded": 2})
    visitor.sign_in(BOB)
    assert send("sample\nS2\n").status_code == 403


def test_buttons_pause_resume_and_cancel(product: Product, visitor: Visitor) -> None:
    batch = submit(product, 200, max_active=1)
    visitor.sign_in()

    def press(button: str, secret: str | None = None) -> int:
        data = {"secret": secret or visitor.secret()}
        return visitor.post(f"/batches/{batch}/{button}", data=data).status_code

    assert press("cancel", "x") == 403
    assert press("pause") == 303
    until(product, batch, lambda shown: bool(shown["paused"]))
    assert "Resume" in visitor.get(f"/batches/{batch}").text
    assert press("resume") == 303
    assert press("cancel") == 303
    until(product, batch, lambda shown: shown["status"] == "cancelled")
    assert "Retry what failed or was cancelled" in visitor.get(f"/batches/{batch}").text
