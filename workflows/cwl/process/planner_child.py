"""The process in which submissions are read and planned: no environment, little memory and time.

Run as ``python -I -S planner_child.py <memory bytes> <cpu seconds> <path>…``. One JSON request a
line on standard input, one JSON answer a line on standard output, or an end by SIGPROF where a
request takes more CPU:

- ``{"apps": {"specs": […], "known": […], "helpers": […]}}`` → ``{}``: the apps for the
  requests that follow;
- ``{"submission": {…}, "results": {…}}`` → ``{"plan": {…}}`` or ``{"error": text}``;
- ``{"submission": {…}, "rows": [{…}]}`` → ``{"plans": [{…}]}``: of each row the plan of the
  submission with its fields, each within the limit of CPU time;
- ``{"submission": {…}, "describe": true}`` → ``{"inputs": {…}}``: what a workflow may be given.

A defect of the planner is answered as ``{"defect": traceback}``.
"""

from __future__ import annotations

import json
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import Any


class Planning:
    """Answers requests one after another; the sandbox for JavaScript stays warm between them."""

    def __init__(self, begin: Callable[[], None]) -> None:
        """``begin`` is called before each plan: the limit of CPU time is that of one plan."""
        self.begin = begin
        submissions = import_module("workflows.cwl.bvbrc.submission")
        self.plan = submissions.plan
        self.describe = import_module("workflows.cwl.bvbrc.input_schema").describe
        self.submission_from = submissions.submission_from
        self.plan_as_json = import_module("workflows.cwl.process.plan_json").plan_as_json
        self.target_of = import_module("workflows.cwl.bvbrc.app_target").AppTarget
        self.sandbox = import_module("workflows.cwl.sandbox.sandbox").Sandbox()
        self.target: Any = None

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if "apps" in request:
            self.target = self.target_of(**request["apps"])
            return {}
        source = self.submission_from(request["submission"])
        if "describe" in request:
            return {"inputs": self.describe(source, self.target)}
        if "rows" in request:
            submission = request["submission"]
            plans = [self.plan_one({**submission, **row}, {}) for row in request["rows"]]
            return {"plans": plans}
        return {"plan": self.plan_one(request["submission"], request["results"])}

    def plan_one(self, submission: dict[str, Any], results: dict[str, Any]) -> Any:
        self.begin()
        source = self.submission_from(submission)
        self.sandbox.renew(source.now)
        return self.plan_as_json(self.plan(source, self.target, self.sandbox.evaluate, results))


def main() -> None:
    memory, cpu = int(sys.argv[1]), float(sys.argv[2])
    sys.path[:0] = sys.argv[3:]

    def begin() -> None:
        signal.setitimer(signal.ITIMER_PROF, cpu)

    planning = Planning(begin)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        begin()
        try:
            answer = planning.answer(json.loads(line))
        except (MemoryError, RecursionError) as problem:
            answer = {"error": type(problem).__name__}
        except Exception:  # noqa: BLE001 - the caller logs it; the next document may be planned
            answer = {"defect": traceback.format_exc()}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
