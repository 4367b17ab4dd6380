"""The list finds workflows, and a page acts on all that it has found."""

from __future__ import annotations

import re
from html import unescape

from tests.product import BOB, GROUP, Product, document
from tests.ui.conftest import Visitor

pytestmark = GROUP
_HIDDEN = re.compile(r'type="hidden" name="([^"]+)" value="([^"]*)"')


def test_what_a_filter_finds_is_cancelled_after_a_look(alice: Visitor, product: Product) -> None:
    ids = [product.submit(document({"a": ""}, name=f"Flock {number}")) for number in range(2)]
    other = product.submit(document({"a": ""}, name="single"))

    listed = alice.get("/?name=flock").text
    looked = alice.get("/many/cancel?name=flock").text
    fields = {name: unescape(value) for name, value in _HIDDEN.findall(looked)}
    done = alice.post("/many/cancel", data=fields).text

    assert all(each in listed for each in ids)
    assert other not in listed
    assert 'href="/ui/many/cancel?name=flock"' in listed
    assert "Cancel 2 workflows?" in looked
    assert "2 workflows cancelled" in done
    assert [product.state(each) for each in ids] == ["cancelled"] * 2
    assert product.state(other) != "cancelled"
    again = alice.post("/many/cancel", data=fields)
    assert again.status_code == 409
    assert alice.get("/many/cancel").status_code == 400
    assert alice.get("/many/stop?name=x").status_code == 404


def test_another_user_acts_on_nothing_of_it(visitor: Visitor, product: Product) -> None:
    workflow = product.submit(document({"a": ""}, name="Herd"))
    visitor.sign_in(BOB)

    looked = visitor.get("/many/cancel?name=herd").text

    assert "Cancel 0 workflows?" in looked
    assert workflow not in looked
    assert visitor.get("/?owner=*").status_code == 403
    assert visitor.post("/many/cancel", data={"name": "herd"}).status_code == 403
