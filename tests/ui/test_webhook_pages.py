"""The pages of webhooks: what they show, and what their forms do."""

from __future__ import annotations

import re

from devstack.processes import wait_until
from tests.engine.notifications.receiver import receiver
from tests.product import BOB, UI_GROUP, Product
from tests.ui.conftest import Visitor

pytestmark = UI_GROUP


def test_a_webhook_is_created_tested_and_deleted_by_forms(visitor: Visitor) -> None:
    assert visitor.get("/webhooks").status_code == 303
    visitor.sign_in()

    def press(path: str, **fields: str) -> str:
        answer = visitor.post(path, data={"secret": visitor.secret(), **fields})
        assert answer.status_code in (200, 303), answer.text
        return str(answer.text)

    with receiver() as there:
        page = press("/webhooks", url=there.url, labels="a:<b>", description="<mine>")
        found = re.search(r'id="secret">(whsec_[^<]+)<', page)
        webhook = re.search(r"/ui/webhooks/(wh_\w+)", page)
        assert found
        assert webhook
        there.secret, place = found[1], f"/webhooks/{webhook[1]}"
        press(f"{place}/test")
        wait_until(lambda: len(there.came) == 1, "the test message")
        [heard] = there.heard()
        wait_until(lambda: "delivered" in visitor.get(place).text, "the record of it")
        press(f"{place}/redeliver", delivery=heard.id)
        wait_until(lambda: len(there.came) == 2, "the same again")

    text = visitor.get(place).text
    assert "&lt;mine&gt;" in text
    assert "a:&lt;b&gt;" in text
    assert "whsec_" not in text
    assert "whsec_" in press(f"{place}/rotate")
    press(f"{place}/state", state="disabled")
    assert "its owner has disabled it" in visitor.get(place).text
    assert visitor.post(f"{place}/delete", data={"secret": "x"}).status_code == 403
    press(f"{place}/delete")
    assert visitor.get(place).status_code == 404


def test_a_webhook_of_another_user_is_refused(product: Product, visitor: Visitor) -> None:
    with receiver() as there:
        webhook = product.ask("POST", "/webhooks", json={"url": there.url})["webhook_id"]
    visitor.sign_in(BOB)

    assert visitor.get(f"/webhooks/{webhook}").status_code == 403
    assert webhook not in visitor.get("/webhooks").text
    product.ask("DELETE", f"/webhooks/{webhook}")
