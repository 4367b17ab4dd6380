"""What BV-BRC keeps of a job that has ended: exit code, the cluster's account, texts, its note.

Each is in another place, and each may be missing: a killed job leaves no exit code and no result,
old deployments have no account (protocol.md 1.5, 1.6, 2.3 and pitfall 46).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, Literal

from workflows.bvbrc.rpc import Call, Rpc, local_time, require_alive
from workflows.bvbrc.safe_text import plain
from workflows.bvbrc.workspace import Workspace
from workflows.model.errors import Forbidden, NotFound, Rejected, ServiceAway, Unauthorized
from workflows.model.redaction import redact
from workflows.model.values import Json
from workflows.rules.endings import exit_code

MOST_ROWS: Final = 10
"""Rows of one job: it has several where its execution at the cluster was replaced."""

_WORD: Final = 40
"""Characters of a word of the account."""
_SECONDS: Final = re.compile(r"[0-9]{1,9}")

TextName = Literal["stdout", "stderr"]


@dataclass(frozen=True, slots=True)
class Account:
    """The cluster's account of a job."""

    word: str = ""
    """AppService's description of its state: ``Failed``, ``Terminated``, ``Deleted``."""
    cluster_status: str = ""
    """Slurm's word: ``OUT_OF_MEMORY``, ``TIMEOUT``, …"""
    memory: str = ""
    """Asked for: ``48G``."""
    runtime: timedelta = timedelta(0)
    """Asked for."""


class JobRecords:
    """The records of jobs. Threads may share it; every call takes the token of the job's owner.

    ``timeout`` bounds each call. All raise the clients' errors; what is not there is an empty
    value.
    """

    def __init__(
        self,
        rpc: Rpc,
        url: str,
        workspace: Workspace,
        *,
        timeout: timedelta,
        now: Callable[[], datetime] = local_time,
    ) -> None:
        self._rpc = rpc
        self._url = url.rstrip("/")
        self._workspace = workspace
        self._timeout = timeout
        self._now = now

    def exit_code(self, token: str, known_id: str) -> int | None:
        """The exit code that the job's wrapper reported; None before it did."""
        match self._call(token, "query_task_details", [known_id]):
            case [dict() as details, *_]:
                return exit_code(str(details.get("exitcode") or ""))
        raise ServiceAway("query_task_details answered in a shape of its own")

    def account(self, token: str, key: str, known_id: str) -> Account:
        """The newest row of the job. Raises ``MethodMissing`` where the service has no such
        list."""
        wanted = {"user_metadata": key, "include_inactive": 1}
        match self._call(token, "enumerate_tasks_qstat", [0, MOST_ROWS, wanted]):
            case [[*rows], *_]:
                found = [row for row in rows if _is_of(row, known_id)]
                return _account(found[0]) if found else Account()
        raise ServiceAway("enumerate_tasks_qstat answered in a shape of its own")

    def end_of(self, token: str, known_id: str, name: TextName, *, limit_bytes: int) -> str:
        """The last ``limit_bytes`` of what the job wrote, whole lines, secrets masked; empty where
        it wrote nothing. Raises ``Forbidden`` for another user's job."""
        require_alive(token, self._now())
        answer = self._rpc.fetch(
            token,
            f"{self._url}/task_info/{known_id}/{name}",
            timeout=self._timeout,
            limit_bytes=limit_bytes,
            keep_end=True,
        )
        match answer.status:
            case HTTPStatus.OK:
                return clean(answer.body, cut=answer.cut)
            case HTTPStatus.NOT_FOUND:
                return ""
            case HTTPStatus.UNAUTHORIZED:
                raise Unauthorized("the service refused the token")
            case HTTPStatus.FORBIDDEN:
                raise Forbidden("the job belongs to another user")
            case status:
                raise ServiceAway(f"HTTP {status} instead of the job's {name}")

    def note(self, token: str, params: Mapping[str, Json], *, limit_bytes: int) -> str:
        """The text of ``JobFailed.txt``, or what the job_result says where there is no such file;
        empty where the job left neither, or wrote where its owner may not read."""
        place, name = params.get("output_path"), params.get("output_file")
        if not isinstance(place, str) or not isinstance(name, str) or not name:
            return ""
        place, name = place.rstrip("/"), name.replace("/", "_")
        try:
            text = self._workspace.read(token, f"{place}/.{name}/JobFailed.txt")
        except (NotFound, Rejected):
            text = self._result(token, f"{place}/{name}")
        body = text.encode("utf-8", "replace")
        return clean(body[-limit_bytes:], cut=len(body) > limit_bytes)

    def _result(self, token: str, path: str) -> str:
        try:
            output = self._workspace.job_result(token, path).get("job_output")
        except (NotFound, Rejected):
            return ""
        return output if isinstance(output, str) else ""

    def _call(self, token: str, method: str, params: list[Any]) -> list[Any]:
        call = Call(self._url, f"AppService.{method}", params, self._timeout)
        return self._rpc.call(token, call)


def clean(body: bytes, *, cut: bool) -> str:
    """A text that can be stored and shown: valid, without secrets; if it was cut, from its first
    whole line on, since the rest of a cut secret might not be known as one."""
    text = body.decode("utf-8", "replace").replace("\0", "")
    if cut:
        text = text.partition("\n" if "\n" in text else " ")[2]
    return redact(text)


def _is_of(row: object, known_id: str) -> bool:
    return isinstance(row, Mapping) and str(row.get("id")) == known_id


def _account(row: Mapping[str, Any]) -> Account:
    seconds, memory = str(row.get("req_runtime") or ""), plain(row.get("req_memory"))
    return Account(
        word=plain(row.get("status"))[:_WORD],
        cluster_status=plain(row.get("cluster_job_status"))[:_WORD],
        memory=memory[:_WORD],
        runtime=timedelta(seconds=int(seconds) if _SECONDS.fullmatch(seconds) else 0),
    )
