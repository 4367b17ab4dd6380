"""The one effect of ``workflows.cwl``: users' JavaScript, run in a limited process of its own.

QuickJS has neither files, network, processes nor an environment to offer. The process is started
at the first expression, has no environment, and ends when it takes too much CPU.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from workflows.cwl.model.limits import LIMITS, Limits
from workflows.cwl.sandbox.pipe import exchange
from workflows.model.values import Json

_CHILD = Path(__file__).with_name("sandbox_child.py")
TOO_LONG = "it was not run: this expression and those before it take too much CPU time"
_PATIENCE_SECONDS = 60
"""Longer than any caller waits for a plan: a busy machine is not the expression's fault."""


@dataclass(frozen=True, slots=True)
class Script:
    """One piece of code and what it sees."""

    code: str
    """``(…)`` or ``{…}``, brackets included."""
    library: tuple[str, ...]
    inputs: Json
    self: Json
    runtime: Json
    opens: Sequence[Sequence[str | int]]
    """Paths whose values are not known: reading one of them stops the code."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Either a value, or the indices of the open paths that were read, or an error's text."""

    value: Json = None
    open: tuple[int, ...] = ()
    error: str = ""


class Sandbox:
    """Evaluates scripts one after another. Not for use by several threads at once.

    After the first one that was interrupted no further one of the same plan is run: a document with
    a loop has most often many of them, and is refused in any case.

    ``now`` is what ``new Date()`` says, in milliseconds since 1970: a plan made again must come to
    the same values. ``Math.random`` is the same sequence for each script.
    """

    def __init__(self, now: int = 0, limits: Limits = LIMITS) -> None:
        self.now = now
        self.limits = limits
        self.left = limits.expressions_time
        self._worked = timedelta(0)
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def renew(self, now: int) -> None:
        """Prepares for another plan with a fresh time limit. A process that has worked much is
        replaced."""
        spent = self.limits.expressions_time - self.left
        self._worked += spent
        if self._worked > self.limits.expressions_time:
            self.close()
        self.now, self.left = now, self.limits.expressions_time

    def evaluate(self, script: Script) -> Answer:
        """What the code comes to. Never raises for what the code does."""
        if self.left <= timedelta(0):
            return Answer(error=TOO_LONG)
        return self._ask(self._request(script))

    def _request(self, script: Script) -> bytes:
        limits = self.limits
        request: dict[str, Any] = {
            "code": script.code,
            "library": script.library,
            "inputs": script.inputs,
            "self": script.self,
            "runtime": script.runtime,
            "opens": script.opens,
            "now": self.now,
            "seconds": limits.expression_time.total_seconds(),
            "result_bytes": limits.result_bytes,
        }
        return json.dumps(request).encode() + b"\n"

    def _ask(self, request: bytes) -> Answer:
        child = self._start()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        line = exchange(child, request, deadline, 2 * self.limits.result_bytes)
        if not line.endswith(b"\n"):
            self.close()
            self.left = timedelta(0)
            return Answer(error="the expression was stopped: it takes too much CPU time or memory")
        answer = json.loads(line)
        spent = timedelta(seconds=answer["seconds"])
        interrupted = "error" in answer and spent >= self.limits.expression_time
        self.left = timedelta(0) if interrupted else self.left - spent
        return Answer(answer.get("value"), tuple(answer.get("open", ())), answer.get("error", ""))

    def _start(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            limits = self.limits
            cpu = int(2 * limits.expressions_time.total_seconds()) + 2
            command = [sys.executable, "-I", "-S", str(_CHILD), _quickjs_folder()]
            self._child = subprocess.Popen(  # noqa: S603 - a fixed command of ours
                [*command, str(limits.memory_bytes), str(cpu)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
            )
        return self._child

    def close(self) -> None:
        """Ends the process, if there is one."""
        if self._child is not None:
            self._child.kill()
            self._child.communicate()
            self._child = None
            self._worked = timedelta(0)


def _quickjs_folder() -> str:
    spec = find_spec("_quickjs")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("quickjs-ng is not installed")
    return str(Path(spec.origin).parent)
