"""One step as a user without an engine for BV-BRC writes it: start a job and poll until it ends.

Runs in the rivals' own environments: nothing of ours is imported.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import requests

_local = threading.local()
PAUSE_SECONDS = 0.05


def run(name: str) -> str:
    """The id of the job, which has ended well."""
    job_id = str(call("start_app2", "Date", {"output_path": "/a", "output_file": name}, {})["id"])
    while call("query_tasks", [job_id])[job_id]["status"] != "completed":
        time.sleep(PAUSE_SECONDS)
    return job_id


def call(method: str, *params: Any) -> Any:
    body = {"id": "1", "method": f"AppService.{method}", "params": params}
    answer = session().post(os.environ["RIVAL_URL"], json=body, timeout=60)
    answer.raise_for_status()
    return answer.json()["result"][0]


def session() -> requests.Session:
    """One a thread and process."""
    if getattr(_local, "pid", None) != os.getpid():
        _local.session, _local.pid = requests.Session(), os.getpid()
        _local.session.trust_env = False
        _local.session.headers["Authorization"] = os.environ["RIVAL_TOKEN"]
    found: requests.Session = _local.session
    return found
