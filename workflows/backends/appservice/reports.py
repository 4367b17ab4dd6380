"""AppService's reports about jobs in one shape: the service has two for times, two for ids and five
for states.

The service calls a job "task"; the word ends here and in ``client.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from workflows.bvbrc.safe_text import moment, plain

_ID: Final = re.compile(r"[0-9]{1,20}")


class JobWord(StrEnum):
    """The state of a job in AppService."""

    QUEUED = "queued"  # waits, at BV-BRC or in the cluster's queue
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"  # or was killed: the service does not tell these apart
    UNKNOWN = "unknown"  # a word that is not in the table: not an end


WORDS: Final[Mapping[str, JobWord]] = {
    "queued": JobWord.QUEUED,
    "init": JobWord.QUEUED,
    "pending": JobWord.RUNNING,
    "in-progress": JobWord.RUNNING,
    "completed": JobWord.SUCCEEDED,
    "failed": JobWord.FAILED,
    "deleted": JobWord.FAILED,
    "suspend": JobWord.FAILED,
    "suspended": JobWord.FAILED,
}
"""Maps the service's states to ours. State S is called ``pending`` or ``in-progress``, and covers
jobs that wait in the cluster: ``running`` is believed only with a start time (captures 110 to
112)."""


@dataclass(frozen=True, slots=True)
class Report:
    """One job as AppService sees it now. Times are aware, UTC; None where it has none."""

    job_id: str
    state: JobWord
    word: str
    """The service's own word."""
    submitted_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    output_path: str = ""
    output_file: str = ""
    user_metadata: str = ""
    """The submission key; empty where the call does not tell it (`query_tasks`)."""


def job_id(value: object) -> str:
    """An AppService id as text, which comes as a number or as a string; empty for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def report(task: Mapping[str, Any], known_id: str) -> Report:
    """Reads a Task (SchedulerDB: format_task_for_service); missing fields are left empty."""
    word = plain(task.get("status"))
    state = WORDS.get(word, JobWord.UNKNOWN)
    started_at = moment(task.get("start_time"))
    if state is JobWord.RUNNING and started_at is None:
        state = JobWord.QUEUED
    params = task.get("parameters")
    outputs = params if isinstance(params, Mapping) else {}
    return Report(
        job_id=known_id,
        state=state,
        word=word,
        submitted_at=moment(task.get("submit_time")),
        started_at=started_at,
        finished_at=moment(task.get("completed_time")),
        output_path=plain(outputs.get("output_path")),
        output_file=plain(outputs.get("output_file")),
        user_metadata=plain(task.get("user_metadata")),
    )
