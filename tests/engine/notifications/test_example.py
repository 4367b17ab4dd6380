"""The receiver in docs/webhooks.md verifies what is sent, and nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime

from tests.shared import ROOT
from workflows.model.values import Event
from workflows.model.webhooks import Subscription
from workflows.rules.webhooks.attempts import make_headers, write_secret
from workflows.rules.webhooks.events import Subject, report_events

SECRET = write_secret(b"k" * 32)
CALLS = """
import json, sys
headers, *bodies = json.load(sys.stdin)
client = app.test_client()
for body in bodies:
    print(client.post("/hooks/bvbrc", data=body, headers=headers).status_code)
"""


def test_the_example_takes_a_genuine_message_once_and_refuses_a_forged_one() -> None:
    page = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
    (source,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    event = Event(1, datetime.now(UTC), "workflow", "running", "succeeded")
    [message] = report_events(
        [Subscription("wh_1", "alice", ("*",))], Subject("wf_1", "w", "succeeded"), [event], ""
    )
    headers = make_headers(message, [SECRET], datetime.now(UTC), "tests")
    forged = message.body.replace("succeeded", "failed")

    done = subprocess.run(
        [sys.executable, "-c", source.replace("whsec_…", SECRET) + CALLS],
        input=json.dumps([headers, message.body, message.body, forged]),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout.split("\n") == ["workflow.succeeded wf_1", "204", "204", "401", ""]
