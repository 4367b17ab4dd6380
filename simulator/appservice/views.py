"""AppService's views of a job: a Task, the raw row, a line of qstat.

Source: protocol.md 1.6 and 1.7.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

from simulator.appservice.jobs import Job

Json = Any

SQL_TIME, ISO_TIME = "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"
DESCRIPTIONS = {
    "Q": "Queued",
    "S": "Submitted to cluster",
    "C": "Completed",
    "F": "Failed",
    "D": "Deleted",
    "T": "Terminated",
}
WORDS = {"Q": "queued", "C": "completed", "F": "failed", "T": "failed", "D": "deleted"}


def status_word(job: Job, submitted_word: str) -> str:
    """The job's state in query_tasks."""
    return job.word or WORDS.get(job.state, submitted_word)


def shown_time(at: float | None, form: str) -> str:
    return "" if at is None else format_time(int(at), form)


@lru_cache(maxsize=4096)
def format_time(at: int, form: str) -> str:
    """Polls ask for the same few times again and again."""
    return time.strftime(form, time.gmtime(at))


def shown_end(job: Job) -> float | None:
    """The end as accounted; unknown to AppService before the status is final."""
    return job.ended if job.state in "CF" else None


def elapsed_text(job: Job) -> str:
    """``HH:MM:SS``, hours may exceed 24; empty before the end or without a start."""
    end = shown_end(job)
    if end is None or job.started is None:
        return ""
    seconds = int(end) - int(job.started)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def application_name(job: Job) -> str:
    if job.app != "GeneTree":
        return job.app
    return "Viral Genome Tree" if job.params.get("tree_type") == "viral_genome" else "Gene Tree"


def task(job: Job, submitted_word: str, form: str = SQL_TIME) -> dict[str, Json]:
    """A Task; ``form`` SQL_TIME as in query_tasks, ISO_TIME as in the listings."""
    place = "archive" if job.archived else "active"
    return {
        "id": job.id,
        "parent_id": None if job.row["parent_task"] is None else int(job.row["parent_task"]),
        "app": job.app,
        "application_name": application_name(job),
        "workspace": None,
        "parameters": job.params,
        "user_id": job.owner,
        "status": status_word(job, submitted_word),
        "submit_time": shown_time(job.created, form),
        "start_time": shown_time(job.started, form),
        "completed_time": shown_time(shown_end(job), form),
        "elapsed_time": elapsed_text(job),
        "storage_location": place if form == SQL_TIME else "",
    }


def raw_row(job: Job, stored_params: str, app_spec: str) -> dict[str, Json]:
    """What start_app2 answers: the row as inserted, numbers of the database as strings."""
    return {
        "id": job.id,
        "owner": job.owner,
        "application_id": job.app,
        "state_code": "Q",
        "params": stored_params,
        "app_spec": app_spec,
        "req_policy_data": "{}\n",
        "req_is_control_task": "0",
        **job.row,
    }


def qstat_row(job: Job, *, masked: bool, parameters: bool) -> dict[str, Json]:
    """A line of enumerate_tasks_qstat; ``masked`` for other people's jobs."""
    times = {
        "submit_time": shown_time(job.created, ISO_TIME),
        "start_time": shown_time(job.started, ISO_TIME),
        "finish_time": shown_time(shown_end(job), ISO_TIME),
        "elapsed_time": elapsed_text(job),
    }
    at_cluster = job.cluster_id is not None
    shown = {} if masked else {"parameters": job.params if parameters else {}}
    return {
        "id": "" if masked else str(job.id),
        "owner": "" if masked else job.owner,
        "app": "" if masked else job.app,
        "masked": int(masked),
        "status": DESCRIPTIONS[job.state],
        **times,
        "output_path": job.output_path,
        "output_file": job.output_file,
        "user_metadata": "" if masked else job.user_metadata,
        "req_memory": job.row["req_memory"],
        "req_cpu": int(job.row["req_cpu"]),
        "req_runtime": int(job.row["req_runtime"]),
        "cluster_id": "P3Slurm" if at_cluster else "",
        "cluster_job_id": str(job.cluster_id) if at_cluster else "",
        "cluster_job_status": job.cluster_status,
        "nodelist": "node01" if job.started else "",
        "maxrss": 512.25 if job.state in "CF" and job.ended else 0,
        **shown,
    }
