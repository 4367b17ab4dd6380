"""E-mail as its reader has it: the running product, and a mail server of other people's making."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from devstack.processes import wait_until
from tests.engine.notifications.mail_server import MailServer
from tests.guide.conftest import PUBLIC_URL
from tests.product import Product, document

pytestmark = pytest.mark.xdist_group("guide")
USER, ADDRESS = "letters@bvbrc", "letters@lab.example.org"
LINK = re.compile(rf"{re.escape(PUBLIC_URL)}(/ui/email/confirm\?word=\S+)")
SECRET = "strain-nobody-may-know"


def test_a_confirmed_address_gets_one_digest_of_a_workflow_and_one_of_a_batch(
    engine: Product, post: MailServer
) -> None:
    address = confirm(engine, post)
    workflow = engine.submit(steps(SECRET), USER)
    assert engine.ends(workflow) == "succeeded"
    samples = [{"sample": f"{SECRET}-{number}"} for number in range(2)]
    wanted = {"workflow": steps("${sample.sample}"), "samples": samples}
    batch = str(engine.ask("POST", "/batches", USER, json=wanted)["batch_id"])

    def deliveries() -> list[Any]:
        """Of every letter that there is to the address, the newest first."""
        path = f"/email-addresses/{address}/deliveries"
        return list(engine.ask("GET", path, USER)["deliveries"])

    def all_came() -> bool:
        """The end of a batch is noted, with its letters, a moment after that of its last row."""
        found = deliveries()
        return found[0]["event"].startswith("batch.") and all(
            each["state"] == "delivered" for each in found
        )

    wait_until(all_came, "letters come", every_seconds=0.2)
    events = [each["event"] for each in deliveries()]
    assert events == ["batch.succeeded", "workflow.succeeded", "email.confirm"]
    letters = {got.letter["Subject"]: got for got in post.letters_to(ADDRESS)}
    assert len(post.letters_to(ADDRESS)) == len(letters) == len(events)
    of_workflow, of_batch = letters["Succeeded: letters"], letters["Succeeded: batch letters"]
    assert f"{PUBLIC_URL}/ui/workflows/{workflow}" in of_workflow.text
    assert f"{PUBLIC_URL}/ui/batches/{batch}" in of_batch.text
    for got in (of_workflow, of_batch):
        assert SECRET not in got.text + str(got.letter)
        assert "/home/" not in got.text


def confirm(engine: Product, post: MailServer) -> str:
    """The id of an address whose reader has followed the link in the only letter to it."""
    wanted = {"address": ADDRESS}
    address = str(engine.ask("POST", "/email-addresses", USER, json=wanted)["address_id"])
    wait_until(lambda: bool(post.letters_to(ADDRESS)), "the letter with the link")
    [asks] = post.letters_to(ADDRESS)
    link = LINK.search(asks.text)
    assert link
    page = f"{engine.url}{link[1]}"
    assert "Confirm my address" in requests.get(page, timeout=60).text
    assert requests.post(page, timeout=60).ok
    assert engine.ask("GET", f"/email-addresses/{address}", USER)["state"] == "enabled"
    return address


def steps(file: str) -> dict[str, Any]:
    """A workflow of two steps, whose parameters nobody may learn from a letter."""
    found = document({"a": "", "b": "a"}, "letters")
    found["base_context"]["workspace_output_folder"] = f"/{USER}/home/{SECRET}"
    for step in found["steps"]:
        step["params"]["output_file"] = f"{file}-{step['step_name']}"
    return found
