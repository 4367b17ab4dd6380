"""The AppService client: starts jobs, polls them, finds the job of a lost answer, and kills jobs.

The service calls a job "task"; outside this file and ``reports.py`` it is a job.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, Literal

import structlog

from workflows.backends.appservice.reports import JobWord, Report, job_id, report
from workflows.backends.base import KillReply
from workflows.bvbrc.rpc import Call, Rpc, local_time, require_alive
from workflows.bvbrc.safe_text import message
from workflows.model.errors import (
    Forbidden,
    InDoubt,
    MethodMissing,
    NotFound,
    ServiceAway,
    Unauthorized,
)
from workflows.model.redaction import redact

log = structlog.get_logger()

PAGE: Final = 200
MOST_ROWS: Final = 20_000
"""The number of a user's jobs after which a search gives up until its next attempt."""
SLACK: Final = timedelta(minutes=5)
"""How far the service's clock may be behind ours."""
PING: Final = timedelta(seconds=5)
"""The timeout of a ping, in seconds; the service reads no data to answer it."""
KEY_PARAM: Final = "_workflow_key"
STRANGE_WORDS: Final = 100
ON: Final = (1, "1")
"""The service's "true": a number or a string (captures 001 and 280)."""


class AppService:
    """One AppService. Threads may share it; every call takes the token of the user it is for."""

    def __init__(
        self,
        rpc: Rpc,
        url: str,
        *,
        timeout: timedelta,
        submit_timeout: timedelta,
        now: Callable[[], datetime] = local_time,
    ) -> None:
        """``now``: the time by which a token has expired."""
        self._now = now
        self._rpc = rpc
        self._url = url.rstrip("/")
        self._timeout = timeout
        self._submit_timeout = submit_timeout
        self._finds_metadata: bool | None = None
        """Whether this deployment has `enumerate_tasks_qstat`; None until it was asked."""
        self._strange: set[str] = set()

    def start(  # noqa: PLR0913 - all that makes up one submission
        self,
        token: str,
        app: str,
        params: Mapping[str, Any],
        *,
        key: str,
        base_url: str,
        send_by: float | None = None,
        may_leave: Callable[[], bool] | None = None,
    ) -> str:
        """Starts a job and answers its id, digits. The service runs the app's preflight inside the
        call: minutes are possible.

        ``NotSent``, ``ServiceAway``, ``Unauthorized``, ``Rejected``: no job exists. ``InDoubt``: it
        may exist, or come to exist while ``answered`` is false; ``find`` knows. ``NotSent`` also
        where the request could not leave by ``send_by``, on the monotonic clock. ``Withheld`` where
        ``may_leave``, asked just before the first byte leaves, says no.

        The key goes along as ``user_metadata``. Where the service cannot search for that, and only
        there, it is in the params too (``_workflow_key``; apps ignore params that they do not know,
        capture 035): two workflows of one user may well write to the same place, so that the
        output's name alone would not say whose job it is.
        """
        marked = params if self._searchable(token, key) else {**params, KEY_PARAM: key}
        start_params = {"base_url": base_url, "user_metadata": key}
        call = Call(
            self._url,
            "AppService.start_app2",
            [app, marked, start_params],
            self._submit_timeout,
            once=True,
            send_by=send_by,
            may_leave=may_leave,
        )
        try:
            return _read_started_id(self._rpc.call(token, call), key)
        except MethodMissing as failure:  # the address is not AppService's: no user can fix that
            raise ServiceAway(str(failure)) from failure

    def query(self, token: str, job_ids: Sequence[str]) -> dict[str, Report]:
        """Maps ids to their reports. Ids that the service does not know are absent, and so are
        texts that cannot be ids. The caller limits their number (200 are fine).
        """
        wanted = [known for known in dict.fromkeys(job_ids) if job_id(known)]
        if not wanted:
            return {}
        tasks = self._mapping(token, "query_tasks", [wanted])
        found = {known: report(tasks[known], known) for known in wanted if _row(tasks, known)}
        for strange in (seen for seen in found.values() if seen.state is JobWord.UNKNOWN):
            self._wonder(strange)
        return found

    def find(  # noqa: PLR0913 - all that is known of one submission
        self,
        token: str,
        key: str,
        *,
        app: str,
        output_path: str,
        output_file: str,
        since: datetime,
    ) -> tuple[str, ...]:
        """The ids of all jobs that carry this submission key, the oldest first.

        ``since`` is when the submission began. Where the service cannot search for the key, the
        user's jobs of that app since then are gone through: those that hold it in their params,
        or no key at all but the same output.
        """
        if self._finds_metadata is not False:
            try:
                return self._by_metadata(token, key)
            except MethodMissing:
                self._finds_metadata = False
        outputs = {"output_path": output_path, "output_file": output_file}
        return _ascending(
            job_id(row.get("id"))
            for row in self._list_tasks(token, app, since)
            if row.get("app") == app and _carries(row.get("parameters"), key, outputs)
        )

    def kill(self, token: str, job_ids: Sequence[str]) -> dict[str, KillReply]:
        """Maps ids to outcomes; idempotent. A text that cannot be an id is never sent, since the
        service would kill the job whose id it begins with (capture 153).
        """
        wanted = [known for known in dict.fromkeys(job_ids) if job_id(known)]
        replies = {known: KillReply(False, "not an id", gone=True) for known in job_ids}
        if wanted:
            rows = self._mapping(token, "kill_tasks", [wanted])
            replies |= {known: _read_kill_reply(rows.get(known)) for known in wanted}
        return replies

    def status(self, token: str) -> tuple[bool, str]:
        """Whether submissions are enabled, and what the service says about it. A single app that
        is switched off does not show here (capture 006).
        """
        match self._call(token, "service_status", []):
            case [[flag, *rest]]:
                return flag in ON, message(str(rest[0])) if rest else ""
            case _:
                raise ServiceAway("service_status answered in a shape of its own")

    def ping(self) -> None:
        """Returns where the service answers at all; no token is needed (protocol.md 1.5). Raises
        ``NotSent`` or ``ServiceAway``.
        """
        self._rpc.ping(f"{self._url}/ping", timeout=min(self._timeout, PING))

    def apps(self, token: str) -> list[dict[str, Any]]:
        """The specifications of all apps, as the service has them."""
        match self._call(token, "enumerate_apps", []):
            case [[*apps]]:
                return [app for app in apps if isinstance(app, dict)]
            case _:
                raise ServiceAway("enumerate_apps answered in a shape of its own")

    def text(
        self, token: str, known_id: str, name: Literal["stdout", "stderr"], *, limit_bytes: int
    ) -> str:
        """What a job wrote, its first ``limit_bytes``. Raises ``NotFound`` before it wrote anything
        and for an unknown job, ``Forbidden`` for another user's job.
        """
        if not job_id(known_id):
            raise NotFound("there is no such job")
        # An expired one is answered with an empty status 500 (capture 229).
        require_alive(token, self._now())
        url = f"{self._url}/task_info/{known_id}/{name}"
        answer = self._rpc.fetch(token, url, timeout=self._timeout, limit_bytes=limit_bytes)
        match answer.status:
            case HTTPStatus.OK:
                end = f"\n[cut after {limit_bytes} bytes]\n" if answer.cut else ""
                return redact(answer.body.decode("utf-8", "replace")) + end
            case HTTPStatus.UNAUTHORIZED:
                raise Unauthorized("the service refused the token")
            case HTTPStatus.FORBIDDEN:
                raise Forbidden("the job belongs to another user")
            case HTTPStatus.NOT_FOUND:
                raise NotFound(f"the job has no {name}")
            case status:
                raise ServiceAway(f"HTTP {status} instead of the job's {name}")

    def exit_code(self, token: str, known_id: str) -> str:
        """The exit code that the job left, empty before it did. It does not say how the job ended:
        the cluster calls jobs with any exit code completed (capture 287).
        """
        if not job_id(known_id):
            return ""
        return str(self._mapping(token, "query_task_details", [known_id]).get("exitcode") or "")

    def _call(self, token: str, method: str, params: Sequence[Any]) -> list[Any]:
        return self._rpc.call(token, Call(self._url, f"AppService.{method}", params, self._timeout))

    def _mapping(self, token: str, method: str, params: Sequence[Any]) -> Mapping[str, Any]:
        match self._call(token, method, params):
            case [dict() as mapping, *_]:
                return mapping
            case _:
                raise ServiceAway(f"{method} answered in a shape of its own")

    def _searchable(self, token: str, key: str) -> bool:
        """Whether a job can be found by its ``user_metadata``; asked once, before the first one."""
        if self._finds_metadata is None:
            try:
                self._by_metadata(token, key)
                self._finds_metadata = True
            except MethodMissing:
                self._finds_metadata = False
        return self._finds_metadata

    def _by_metadata(self, token: str, key: str) -> tuple[str, ...]:
        """The service compares without regard to case, and may not compare at all: so we do. A row
        that does not show the key means that it cannot be searched for.
        """
        wanted = {"user_metadata": key, "include_inactive": 1}
        tasks = list(self._rows(token, "enumerate_tasks_qstat", wanted))
        if any("user_metadata" not in task for task in tasks):
            raise MethodMissing("enumerate_tasks_qstat does not show user_metadata")
        return _ascending(job_id(task.get("id")) for task in tasks if task["user_metadata"] == key)

    def _list_tasks(self, token: str, app: str, since: datetime) -> Iterator[Mapping[str, Any]]:
        wanted = {
            "app": app,
            "start_time": f"{since.astimezone(UTC) - SLACK:%Y-%m-%dT%H:%M:%SZ}",
            "sort_field": "id",
            "sort_order": "desc",  # the archive comes after all else in either order
            "include_archived": 1,
        }
        return self._rows(token, "enumerate_tasks_filtered", wanted)

    def _rows(
        self, token: str, method: str, wanted: Mapping[str, Any]
    ) -> Iterator[Mapping[str, Any]]:
        """Every row of a listing, page by page: ``[[row, …], total]``. A row added during the
        listing comes first and moves the others back, so that none is missed.
        """
        for offset in range(0, MOST_ROWS, PAGE):
            match self._call(token, method, [offset, PAGE, wanted]):
                case [[*rows], total]:
                    yield from (row for row in rows if isinstance(row, Mapping))
                    if offset + PAGE >= _number(total):
                        return
                case _:
                    raise ServiceAway(f"{method} answered in a shape of its own")
        raise ServiceAway(f"{method} does not come to an end")

    def _wonder(self, strange: Report) -> None:
        if strange.word not in self._strange and len(self._strange) < STRANGE_WORDS:
            self._strange.add(strange.word)
            log.warning("unknown job state", word=strange.word[:100], job_id=strange.job_id)


def _read_started_id(rows: Sequence[Any], key: str) -> str:
    """The id in the answer to a start, which is the row of a table and not a Task (capture 021)."""
    row = rows[0] if rows and isinstance(rows[0], Mapping) else {}
    known = job_id(row.get("id"))
    if not known or row.get("user_metadata") not in (key, None):
        raise InDoubt("the answer to the submission names no job, or another one")
    return known


def _row(tasks: Mapping[str, Any], known: str) -> bool:
    return isinstance(tasks.get(known), Mapping)


def _carries(params: object, key: str, outputs: Mapping[str, str]) -> bool:
    if not isinstance(params, Mapping):
        return False
    if KEY_PARAM in params:
        return bool(params[KEY_PARAM] == key)
    return all(params.get(name) == value for name, value in outputs.items())


def _read_kill_reply(row: object) -> KillReply:
    if not isinstance(row, Mapping):
        return KillReply(False, "the service did not say")
    said = message(str(row.get("msg", "")))
    gone = said.startswith(("Task in non-running state", "Task not found"))
    return KillReply(row.get("killed") in ON, said, gone)


def _ascending(ids: Iterator[str]) -> tuple[str, ...]:
    return tuple(sorted({known for known in ids if known}, key=int))


def _number(value: object) -> int:
    text = str(value)
    if not text.isdecimal():
        raise ServiceAway("a listing without its total")
    return int(text)


__all__ = ["AppService", "JobWord", "KillReply", "Report"]
