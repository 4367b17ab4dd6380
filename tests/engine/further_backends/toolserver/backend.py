"""A further place where steps run: a server of small tools, asked over HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import requests

from tests.engine.further_backends.toolserver.apps import NAME
from workflows.backends.base import (
    BackendStatus,
    Caller,
    Finished,
    InDoubt,
    JobReport,
    KillReply,
    NoAnswer,
    Started,
    Submission,
    SubmitResult,
    Unanswered,
)
from workflows.model.values import Job, Outcome
from workflows.rules.outages import Verdict

_OUTCOMES: Final = {"done": Outcome.SUCCEEDED, "killed": Outcome.FAILED}


class ToolServerBackend:
    """Implements ``Backend``."""

    name: Final = NAME
    synchronous: Final = False

    def __init__(self, url: str) -> None:
        self._url = url

    def status(self) -> BackendStatus:
        return BackendStatus()

    def takes_submissions(self) -> bool:
        return True

    def admit(self, owners: Iterable[str]) -> list[str]:
        return list(owners)

    def submit(self, submission: Submission) -> SubmitResult:
        job = submission.job
        try:
            started = self._call("POST", "/jobs", {"key": job.key, "text": job.params["text"]})
        except requests.RequestException as lost:
            return InDoubt(str(lost), answered=False)
        return Started(started["id"])

    def find(self, caller: Caller, job: Job, since: datetime) -> tuple[str, ...] | NoAnswer:  # noqa: ARG002
        try:
            return tuple(each["id"] for each in self._list() if each["key"] == job.key)
        except requests.RequestException as lost:
            return Unanswered(str(lost))

    def poll(self, caller: Caller, job_ids: Sequence[str]) -> Mapping[str, JobReport] | NoAnswer:  # noqa: ARG002
        now = datetime.now(UTC)
        try:
            return {
                each["id"]: JobReport(_OUTCOMES.get(each["state"]), now, now, each["state"])
                for each in self._list()
                if each["id"] in job_ids
            }
        except requests.RequestException as lost:
            return Unanswered(str(lost))

    def cancel(self, caller: Caller, job_ids: Sequence[str]) -> Mapping[str, KillReply] | NoAnswer:  # noqa: ARG002
        try:
            for job_id in job_ids:
                self._call("DELETE", f"/jobs/{job_id}")
        except requests.RequestException as lost:
            return Unanswered(str(lost))
        return {job_id: KillReply(True, "") for job_id in job_ids}

    def outputs(self, caller: Caller, job: Job) -> Finished | NoAnswer:  # noqa: ARG002
        try:
            results = {each["id"]: each["result"] for each in self._list()}
        except requests.RequestException as lost:
            return Unanswered(str(lost))
        return Finished(Outcome.SUCCEEDED, "", {"reversed": results[str(job.job_id)]})

    def judge_refusal(
        self,
        caller: Caller,  # noqa: ARG002
        job: Job,  # noqa: ARG002
        refusal: str,
        patience: timedelta,  # noqa: ARG002
    ) -> Verdict:
        return Verdict(True, refusal)

    def _list(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self._call("GET", "/jobs")
        return found

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        return requests.request(method, self._url + path, json=body, timeout=60).json()
