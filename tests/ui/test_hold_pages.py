"""The page about holds, the banner, and the buttons that pause and resume a workflow."""

from __future__ import annotations

from tests.product import BOB, UI_GROUP, Product, document
from tests.ui.conftest import Visitor

pytestmark = UI_GROUP
HOLDER = "holder@bvbrc"
"""Other tests pause workflows under their own names."""


def test_a_hold_is_set_shown_on_every_page_and_lifted(product: Product, visitor: Visitor) -> None:
    assert visitor.sign_in(HOLDER).status_code == 303

    def press(path: str, **data: str) -> int:
        return visitor.post(path, data={"secret": visitor.secret(), **data}).status_code

    assert "No hold keeps your work" in visitor.get("/holds").text
    assert visitor.post("/holds", data={"secret": "x", "scope": "user"}).status_code == 403
    assert press("/holds", scope="global", reason="x") == 403
    assert press("/holds", scope="user", reason="") == 400
    assert press("/holds", scope="user", reason="<wrong data>", mode="drain") == 303
    (hold,) = product.ask("GET", "/holds", HOLDER)["holds"]

    assert (hold["by"], hold["mode"]) == (HOLDER, "drain")
    for page in ("/", "/batches", "/holds", "/token"):
        text = visitor.get(page).text
        assert "&lt;wrong data&gt;" in text, page
        assert "<wrong data>" not in text
    assert press(f"/holds/{hold['hold_id']}/lift") == 303
    assert "wrong data" not in visitor.get("/").text


def test_a_workflow_is_paused_and_resumed_by_its_buttons(
    product: Product, alice: Visitor, visitor: Visitor
) -> None:
    product.simulator.app("*", queue_seconds=0, run_seconds=3600)
    workflow = product.submit(document({"a": "", "b": "a"}))
    product.reaches(workflow, "a", "running")
    page = f"/workflows/{workflow}/"
    assert ">Pause</button>" in alice.get(page).text

    assert alice.post(f"{page}pause", data={"secret": alice.secret()}).status_code == 303
    paused = alice.get(page).text
    assert "No further step of the workflow starts" in paused
    assert ">Resume</button>" in paused
    assert alice.post(f"{page}resume", data={"secret": alice.secret()}).status_code == 303

    assert ">Pause</button>" in alice.get(page).text
    product.ask("POST", f"/workflows/{workflow}/cancel")
    visitor.sign_in(BOB)
    assert visitor.post(f"{page}pause", data={"secret": visitor.secret()}).status_code == 403
