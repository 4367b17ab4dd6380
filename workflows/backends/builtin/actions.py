"""The steps that the engine runs itself. Each can be run again at any time with the same result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Final

from workflows.backends.builtin import step_params
from workflows.bvbrc.data_api import GENOME_ID, DataApi
from workflows.bvbrc.minhash import Minhash, Search
from workflows.bvbrc.workspace import MEMBERS, GroupType, Workspace, group_path
from workflows.model.errors import NotFound, Rejected
from workflows.model.values import Job, Json
from workflows.spec.builtin_apps import (
    CREATE_GENOME_GROUP,
    CREATE_GROUP,
    GET_GENOME_ID,
    GROUP_TYPES,
    SIMILAR_GENOME_FINDER,
    WAIT_FOR_PGFAMS,
)
from workflows.store.jobs import rows as job_rows


@dataclass(frozen=True, slots=True)
class Clients:
    """The services that these steps use."""

    workspace: Workspace
    minhash: Minhash
    dataapi: DataApi


@dataclass(frozen=True, slots=True)
class Wait:
    """The step is not finished: run it again later."""

    reason: str
    again_in: timedelta


Results = dict[str, Json]


def run(clients: Clients, token: str, job: Job) -> Results | Wait:
    """The step's outputs. Raises what the clients raise; ``Rejected`` and ``NotFound`` fail the
    step, anything else is no fault of the user's.
    """
    return _STEPS[job.app](clients, token, job)


def _create_group(clients: Clients, token: str, job: Job) -> Results:
    params = job.params
    word = step_params.string(params, "group_type")
    simple = GROUP_TYPES.get(word, word)
    if simple not in ("genome", "feature"):
        raise Rejected(f"there is no group type {word!r}")
    kind: GroupType = "genome_group" if simple == "genome" else "feature_group"
    members = [
        member
        for path in step_params.strings(params, "job_result_paths")
        for member in _members(clients.workspace, token, path, kind)
    ]
    path = _save(
        clients, token, job, kind, members, step_params.string(params, "output_group_path")
    )
    return {"group_path": path}


def _create_genome_group(clients: Clients, token: str, job: Job) -> Results:
    folder = step_params.string(job.params, "workspace_path")
    members = step_params.strings(job.params, "genome_ids")
    path = _save(clients, token, job, "genome_group", members, folder)
    return {"genome_group_path": path}


def _save(  # noqa: PLR0913, PLR0917 - a group is all of this
    clients: Clients, token: str, job: Job, kind: GroupType, members: list[str], folder: str
) -> str:
    unique = list(dict.fromkeys(members))
    if not unique:
        raise Rejected(f"there are no {MEMBERS[kind]}s to put into the group")
    name = step_params.string(job.params, "group_name")
    path = group_path(job.owner, kind, name)
    if folder:
        path = f"{folder.rstrip('/')}/{name}"
    clients.workspace.save_group(token, path, kind, unique)
    return path


def _members(workspace: Workspace, token: str, path: str, kind: GroupType) -> list[str]:
    """The members of a group, or the genome that a job made."""
    found = workspace.job_result(token, _visible(path))
    ids = found.get("id_list")
    if isinstance(ids, Mapping):
        return step_params.strings(ids, MEMBERS[kind])
    return [_genome_id(found)] if kind == "genome_group" and _genome_id(found) else []


def _get_genome_id(clients: Clients, token: str, job: Job) -> Results:
    """From the job's result, which is small; else from the genome object itself."""
    path = step_params.string(job.params, "genome_ws_path")
    try:
        found = _genome_id(clients.workspace.job_result(token, _visible(path)))
    except NotFound:
        found = ""
    if not found:
        found = _genome_id(clients.workspace.job_result(token, path))
    if not found:
        raise Rejected(f"{path} names no genome")
    return {"genome_id": found}


def _genome_id(found: Mapping[str, Json]) -> str:
    """``job_output.genome_id`` of a job's result, ``id`` of a genome object; empty for others."""
    output = found.get("job_output")
    genome = output.get("genome_id") if isinstance(output, Mapping) else found.get("id")
    return str(genome) if GENOME_ID.fullmatch(str(genome)) else ""


def _visible(path: str) -> str:
    """The job's result beside its hidden folder: ``/a/.run/x.genome`` belongs to ``/a/run``."""
    names = path.rstrip("/").split("/")
    for at in (-1, -2):
        if len(names) > 1 - at and names[at].startswith("."):
            names[at:] = [names[at][1:]]
            break
    return "/".join(names)


def _similar(clients: Clients, token: str, job: Job) -> Results:
    params = job.params
    search = Search(
        genome_id=step_params.string(params, "selectedGenomeId"),
        fasta_path=step_params.string(params, "fasta_file"),
        max_pvalue=step_params.number(params, "max_pvalue", 0.01),
        max_distance=step_params.number(params, "max_distance", 0.01),
        max_hits=step_params.integer(params, "max_hits", 50, least=1),
        include_reference=step_params.boolean(params, "include_reference", default=True),
        include_representative=step_params.boolean(params, "include_representative", default=True),
        bacterial=step_params.boolean(params, "include_bacterial", default=True),
        viral=step_params.boolean(params, "include_viral", default=True),
    )
    if not search.genome_id and not search.fasta_path:
        raise Rejected("neither selectedGenomeId nor fasta_file is given")
    hits = clients.minhash.similar(token, search)
    if not hits:
        raise Rejected("no genome is as similar as that")
    ids = [hit.genome_id for hit in hits]
    best = min(hits, key=lambda hit: hit.distance).genome_id
    return {"genome_ids": ids, "best_genome_id": best, "hits": [asdict(hit) for hit in hits]}


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


_LONGEST_SECONDS: Final = 86_400
_INTERVAL_SECONDS: Final = 60
_STEPS: Final[Mapping[str, Callable[[Clients, str, Job], Results | Wait]]] = {
    CREATE_GROUP: _create_group,
    SIMILAR_GENOME_FINDER: _similar,
    GET_GENOME_ID: _get_genome_id,
    CREATE_GENOME_GROUP: _create_genome_group,
    WAIT_FOR_PGFAMS: _wait_for_pgfams,
}
