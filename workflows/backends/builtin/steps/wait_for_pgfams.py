"""WaitForPgfams: ends when enough features of a genome have a protein family."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from workflows.backends.builtin import step_params
from workflows.backends.builtin.declaration import BuiltinStep, Clients, Results, Wait, declare
from workflows.model.errors import Rejected
from workflows.model.values import Job
from workflows.store.jobs import rows as job_rows

_LONGEST_SECONDS: Final = 86_400
_INTERVAL_SECONDS: Final = 60


def _wait_for_pgfams(clients: Clients, token: str, job: Job) -> Results | Wait:
    """Looks once: a genome is indexed minutes to hours after its annotation has ended."""
    params, genome = job.params, step_params.string(job.params, "genome_id")
    enough = step_params.integer(params, "min_pgfam_count", 1, least=1)
    found = clients.dataapi.families(token, genome, enough)
    if found >= enough:
        return {"genome_id": genome}
    longest = timedelta(seconds=step_params.number(params, "timeout_seconds", _LONGEST_SECONDS))
    if job_rows.waiting_time(job) >= longest:
        raise Rejected(f"genome {genome} was not indexed within {longest.total_seconds():.0f} s")
    interval = max(1.0, step_params.number(params, "poll_interval_seconds", _INTERVAL_SECONDS))
    reason = f"genome {genome} is not indexed yet ({found} of {enough} features have a PGFam)"
    return Wait(reason, timedelta(seconds=interval))


STEP: Final = BuiltinStep(
    "WaitForPgfams",
    "Waits until the protein families of a genome are indexed, as phylogeny needs them.",
    (
        declare("genome_id", "string", required=1),
        declare("min_pgfam_count", "int"),
        declare("timeout_seconds", "int"),
        declare("poll_interval_seconds", "int"),
    ),
    ("genome_id",),
    _wait_for_pgfams,
    aliases=("bvbrc-wait-for-pgfams",),
    in_cwl=True,
)
