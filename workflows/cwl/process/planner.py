"""Makes plans outside the server: in a separate process without environment, with limits, kept
warm."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from workflows.cwl.bvbrc.apps import Apps
from workflows.cwl.bvbrc.submission import Plan, Submission
from workflows.cwl.bvbrc.tools import tool
from workflows.cwl.model.problems import CwlProblem
from workflows.cwl.plan.expand import Results
from workflows.cwl.process.plan_json import plan_from
from workflows.cwl.sandbox.pipe import Gone, exchange, never
from workflows.model.errors import Unavailable
from workflows.model.values import Json
from workflows.spec.catalogue import AppSpec

_CHILD = Path(__file__).with_name("planner_child.py")
_ANSWER_BYTES = 256 * 1024 * 1024
"""More than any plan within the limits comes to."""


class AppTable:
    """The available apps, ready to be sent; make a new table when they change."""

    def __init__(
        self,
        specs: Sequence[AppSpec],
        known: Sequence[AppSpec] = (),
        helpers: Sequence[AppSpec] = (),
    ) -> None:
        """``specs`` from AppService or the project's own table; ``known`` adds names, results;
        ``helpers`` are steps that the engine runs itself.
        """
        self.specs = specs
        self.known = known
        self.catalogue = Apps([*specs, *helpers], known)
        apps = {"specs": list(specs), "known": list(known), "helpers": list(helpers)}
        self.request = json.dumps({"apps": apps}).encode() + b"\n"

    def tool(self, name: str) -> dict[str, Json] | None:
        """The CWL tool of an app or helper, by id or alias; None where there is none."""
        app = self.catalogue.find(name)
        return tool(app) if app is not None else None

    def listing(self) -> list[dict[str, Json]]:
        """``[{app, label, inputs: [name], outputs: [name]}]``, one for each tool."""
        return [
            {
                "app": app.id,
                "label": app.label,
                "inputs": [name for name in app.parameters if not name.startswith("_")],
                "outputs": [*app.outputs, *app.later],
            }
            for app in self.catalogue.all.values()
        ]


Spent = Callable[[float], None]
"""Called with the seconds that the planning process was busy."""


def ignore_time(_seconds: float) -> None:
    """Ignores the time."""


@dataclass(frozen=True, slots=True)
class Described:
    """The inputs of a workflow, as JSON Schemas by name."""

    properties: Mapping[str, Mapping[str, Json]]
    required: tuple[str, ...]
    problems: tuple[CwlProblem, ...]


def _too_much_work(source: Submission) -> CwlProblem:
    return CwlProblem(
        path="",
        code="cwl.too_much_work",
        message="the document takes too much CPU time or memory to be planned",
        file=source.main,
    )


class PlannerDefect(Exception):
    """The planner broke on a document, as it will whenever it plans it: a defect of ours. The text
    ends with the traceback."""


class Planner:
    """Makes plans one at a time; to be shared by the threads of a process, and closed."""

    def __init__(
        self,
        memory_bytes: int = 512 * 1024 * 1024,
        cpu_time: timedelta = timedelta(seconds=4),
        wall_time: timedelta = timedelta(seconds=20),
    ) -> None:
        self.memory_bytes = memory_bytes
        self.cpu_time = cpu_time
        self.wall_time = wall_time
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._apps: AppTable | None = None

    def plan(  # noqa: PLR0913 - the last three by name
        self,
        source: Submission,
        apps: AppTable,
        results: Results | None = None,
        *,
        deadline: float | None = None,
        gone: Gone = never,
        spent: Spent = ignore_time,
    ) -> Plan:
        """The plan; a problem ``cwl.too_much_work`` where it takes too much CPU or memory.
        ``spent`` is called with the seconds that the process was busy with it.

        ``deadline`` is of ``time.monotonic()``; None: after ``wall_time``. Raises ``PlannerDefect``
        for a defect of ours, and ``Unavailable`` where the process was stopped otherwise: a busy
        machine, not the document, is the cause, or ``gone`` said that the client has left.
        """
        request = {"submission": source.as_json(), "results": results or {}}
        answer = self._ask(request, apps, deadline, gone, spent)
        if "plan" in answer:
            return plan_from(answer["plan"])
        return Plan(source.name, source.main, problems=(_too_much_work(source),))

    def plan_rows(  # noqa: PLR0913 - the last three by name
        self,
        source: Submission,
        rows: Sequence[Mapping[str, Json]],
        apps: AppTable,
        *,
        deadline: float | None = None,
        gone: Gone = never,
        spent: Spent = ignore_time,
    ) -> list[Plan]:
        """The plan of the submission for each row, whose fields (``inputs``, ``name``, …) take the
        place of those of the submission. As ``plan``, but one row that takes too much CPU or memory
        spoils the others.
        """
        request = {"submission": source.as_json(), "rows": [dict(row) for row in rows]}
        answer = self._ask(request, apps, deadline, gone, spent)
        if "plans" in answer:
            return [plan_from(each) for each in answer["plans"]]
        return [Plan(source.name, source.main, problems=(_too_much_work(source),))] * len(rows)

    def describe(
        self,
        source: Submission,
        apps: AppTable,
        *,
        deadline: float | None = None,
        spent: Spent = ignore_time,
    ) -> Described:
        """What the workflow may be given. Raises as ``plan`` does."""
        request = {"submission": source.as_json(), "describe": True}
        answer = self._ask(request, apps, deadline, never, spent)
        if "inputs" not in answer:
            return Described({}, (), (_too_much_work(source),))
        found = answer["inputs"]
        problems = tuple(CwlProblem(**problem) for problem in found["problems"])
        return Described(found["properties"], tuple(found["required"]), problems)

    def _ask(
        self,
        request: Mapping[str, Any],
        apps: AppTable,
        deadline: float | None,
        gone: Gone,
        spent: Spent,
    ) -> Mapping[str, Any]:
        with self._lock:
            deadline = deadline or time.monotonic() + self.wall_time.total_seconds()
            begun = time.monotonic()
            try:
                return self._answer(json.dumps(request).encode() + b"\n", apps, deadline, gone)
            finally:
                spent(time.monotonic() - begun)

    def _answer(
        self, request: bytes, apps: AppTable, deadline: float, gone: Gone
    ) -> Mapping[str, Any]:
        """What the process says, or that it went beyond its limits."""
        child = self._start()
        lines = [request] if self._apps is apps else [apps.request, request]
        answer: Mapping[str, Any] = {}
        for line in lines:
            said = exchange(child, line, deadline, _ANSWER_BYTES, gone)
            if not said.endswith(b"\n"):
                self._stop()
                if child.returncode == -signal.SIGPROF:
                    return {"error": "CPU time"}
                if child.returncode >= 0:
                    raise PlannerDefect(f"The planner ended with exit code {child.returncode}")
                raise Unavailable("the workflow could not be planned in time; try again later")
            answer = json.loads(said)
            if "defect" in answer:
                self._stop()
                raise PlannerDefect(f"The planner broke: {answer['defect']}")
            self._apps = apps
        if "error" in answer:  # it ran out of memory, and may not have got it all back
            self._stop()
        return answer

    def _start(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self._stop()
            command = [sys.executable, "-I", "-S", str(_CHILD), str(self.memory_bytes)]
            paths = [str(Path(__file__).parents[3]), *(path for path in sys.path if path)]
            self._child = subprocess.Popen(  # noqa: S603 - a fixed command of ours
                [*command, str(self.cpu_time.total_seconds()), *paths],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
            )
        return self._child

    def close(self) -> None:
        """Ends the process, if there is one."""
        with self._lock:
            self._stop()

    def _stop(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
        self._child, self._apps = None, None
