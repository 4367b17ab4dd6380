"""The routes under ``/control``: commands and queries of tests and benchmarks.

GET  /control/ledger?<field>=…&limit=N   calls, oldest first, and counts by method and answer GET
/control/jobs?<field>=…             jobs, in the order of their ids GET  /control/summary
duplicates, peaks in flight, calls per method POST /control/jobs      {"ids": […] | <field>:
pattern, "action": …, "seconds", "word"} POST /control/token     {"user", "seconds", "kind",
"roles"} → {"token"} POST /control/expire    {"user"}: the tokens issued so far no longer count GET,
POST, DELETE /control/faults        one fault or a list of them; see faults.py GET, POST, DELETE
/control/rules         scripts of jobs; see jobs.JobScript GET, POST /control/switches
see switches.py POST /control/advance   {"seconds"}: puts the simulation's clock forward POST
/control/genomes   {"genome_id", "name", "owner", "pgfams"}: puts a genome into the data API POST
/control/reset     forgets everything but the key; it is the true time again
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qsl

from simulator.appservice import views
from simulator.appservice.jobs import Job, course_of
from simulator.faults import fault_of
from simulator.genomes import FEATURES, Genome
from simulator.http.call_log import Summary
from simulator.http.server import Reply, Request
from simulator.simulation import Simulation
from simulator.triggers import Trigger, Triggers, Unusable

Json = Any
Args = Mapping[str, Json]
Route = Callable[[Simulation, Args], Json]


def respond(simulation: Simulation, request: Request) -> Reply:
    """Answers a control request: JSON, or 400 with ``error`` if it is wrong."""
    try:
        route = ROUTES.get((request.verb, request.path.rstrip("/")), lost_jobs)
        simulation.jobs.settle(simulation.clock.now())
        return Reply(body=json.dumps(route(simulation, arguments(request)), default=str).encode())
    except (Unusable, ValueError, TypeError) as error:
        return Reply(400, json.dumps({"error": str(error)}).encode())


def lost_jobs(_simulation: Simulation, _args: Args) -> Json:
    raise Unusable(f"no such route; {__doc__}")


def arguments(request: Request) -> Args:
    if request.body:
        body = json.loads(request.body)
        return body if isinstance(body, dict) else {"items": body}
    return dict(parse_qsl(request.query))


# --- queries


def ledger(simulation: Simulation, args: Args) -> Json:
    calls = list(simulation.call_log.matching(args))
    limit = int(args.get("limit") or len(calls))
    return {
        "calls": calls[-limit:] if limit else [],
        "total": len(calls),
        "counts": simulation.call_log.by_method(),
    }


def jobs(simulation: Simulation, args: Args) -> Json:
    word = simulation.switches.submitted_word
    return [job_shown(job, word) for job in select_jobs(simulation.jobs, args)]


def job_shown(job: Job, submitted_word: str) -> dict[str, Json]:
    return {
        "id": str(job.id),
        "owner": job.owner,
        "app": job.app,
        "output_path": job.output_path,
        "output_file": job.output_file,
        "user_metadata": job.user_metadata,
        "base_url": job.row["base_url"],
        "params": job.params,
        "state": job.state,
        "status": views.status_word(job, submitted_word),
        "outcome": job.course.outcome,
        "cluster_status": job.cluster_status,
        "created": job.created,
        "started": job.started,
        "ended": job.ended,
        "finished": job.finished,
        "killed_at": job.killed_at,
        "gone": job.gone,
        "archived": job.archived,
        "token_expiry": job.asked.token_expiry,
        "made_from": job.made_from,
    }


def select_jobs(all_jobs: Iterable[Job], args: Args) -> list[Job]:
    """The jobs with one of ``ids``, or whose fields match the patterns of ``args``."""
    ids = {str(each) for each in args.get("ids") or ()}
    names = ("owner", "app", "output_path", "output_file", "user_metadata", "state")
    patterns = {name: str(args[name]) for name in names if name in args}
    return [
        job
        for job in all_jobs
        if (not ids or str(job.id) in ids)
        and all(fnmatchcase(str(getattr(job, name)), each) for name, each in patterns.items())
    ]


def summary(simulation: Simulation, _args: Args) -> Json:
    made = simulation.jobs
    return Summary(made, simulation.call_log, made.peaks.most).as_json()


# --- commands


def act(simulation: Simulation, args: Args) -> Json:
    action = ACTIONS.get(str(args.get("action")))
    if action is None:
        raise Unusable(f"no such action; there are {', '.join(ACTIONS)}")
    chosen = select_jobs(simulation.jobs, args)
    for job in chosen:
        action(simulation, job, args)
        simulation.cache.forget(job.owner)
    return {"ids": [str(job.id) for job in chosen]}


Action = Callable[[Simulation, Job, Args], None]


def release(simulation: Simulation, job: Job, _args: Args) -> None:
    if job.state == "Q":
        job.generation += 1
        simulation.jobs.release(job, simulation.clock.now())


def begin(simulation: Simulation, job: Job, args: Args) -> None:
    release(simulation, job, args)
    if job.state == "S" and job.started is None:
        job.generation += 1
        simulation.jobs.start(job, simulation.clock.now())


def hide(simulation: Simulation, job: Job, args: Args) -> None:
    job.hidden_until = simulation.clock.now() + float(args.get("seconds", 3600))


def archive(_simulation: Simulation, job: Job, _args: Args) -> None:
    job.archived = True


def vanish(_simulation: Simulation, job: Job, _args: Args) -> None:
    job.gone = True


def mark_deleted(simulation: Simulation, job: Job, _args: Args) -> None:
    simulation.jobs.delete(job, simulation.clock.now())


def refuse(simulation: Simulation, job: Job, _args: Args) -> None:
    simulation.jobs.refuse(job, simulation.clock.now())


def say(_simulation: Simulation, job: Job, args: Args) -> None:
    job.word = str(args.get("word", ""))


def hurry(outcome: str) -> Action:
    return lambda simulation, job, _args: simulation.jobs.hurry(
        job, outcome, simulation.clock.now()
    )


ACTIONS: Mapping[str, Action] = {
    "release": release,
    "start": begin,
    "finish": hurry("succeeded"),
    "fail": hurry("failed"),
    "lose": hurry("lost"),
    "hide": hide,
    "archive": archive,
    "vanish": vanish,
    "mark_deleted": mark_deleted,
    "refuse": refuse,
    "word": say,
}


def token(simulation: Simulation, args: Args) -> Json:
    return {
        "token": simulation.tokens.issue(
            str(args["user"]),
            float(args.get("seconds", 30 * 86_400)),
            kind=str(args.get("kind", "valid")),
            roles=str(args.get("roles", "")),
        )
    }


def expire(simulation: Simulation, args: Args) -> Json:
    simulation.tokens.expire(str(args["user"]))
    return {}


def add_triggers(triggers: Triggers, args: Args, check: Callable[[Trigger], object]) -> Json:
    """Adds one trigger or several. If one is wrong, none is added."""
    made = [triggers.add(each) for each in args.get("items", [args])]
    try:
        for trigger in made:
            check(trigger)
    except Exception:
        for trigger in made:
            triggers.remove(trigger.id)
        raise
    return {"ids": [trigger.id for trigger in made]}


def add_faults(simulation: Simulation, args: Args) -> Json:
    return add_triggers(simulation.faults, args, lambda trigger: fault_of(trigger.effect))


def add_rules(simulation: Simulation, args: Args) -> Json:
    rng = random.Random(0)  # noqa: S311 - only to check the durations
    return add_triggers(simulation.rules, args, lambda trigger: course_of(trigger.effect, rng))


def remove_triggers(triggers: Triggers, args: Args) -> Json:
    triggers.remove(int(args["id"]) if "id" in args else None)
    return {}


def switch(simulation: Simulation, args: Args) -> Json:
    simulation.switches.update(args)
    return asdict(simulation.switches)


def advance(simulation: Simulation, args: Args) -> Json:
    simulation.clock.ahead_seconds += float(args["seconds"])
    simulation.jobs.settle(simulation.clock.now())
    return {"now": simulation.clock.now()}


def add_genome(simulation: Simulation, args: Args) -> Json:
    name, owner = str(args.get("name", "")), str(args.get("owner", ""))
    pgfams = int(args.get("pgfams", FEATURES))
    at = simulation.clock.now()
    simulation.genomes.add(Genome(str(args["genome_id"]), name, owner, at, pgfams))
    return {}


def reset(simulation: Simulation, _args: Args) -> Json:
    simulation.reset()
    return {}


ROUTES: Mapping[tuple[str, str], Route] = {
    ("GET", "/control/ledger"): ledger,
    ("GET", "/control/jobs"): jobs,
    ("GET", "/control/summary"): summary,
    ("POST", "/control/jobs"): act,
    ("POST", "/control/token"): token,
    ("POST", "/control/expire"): expire,
    ("GET", "/control/faults"): lambda it, _args: [each.as_json() for each in it.faults],
    ("POST", "/control/faults"): add_faults,
    ("DELETE", "/control/faults"): lambda it, args: remove_triggers(it.faults, args),
    ("GET", "/control/rules"): lambda it, _args: [each.as_json() for each in it.rules],
    ("POST", "/control/rules"): add_rules,
    ("DELETE", "/control/rules"): lambda it, args: remove_triggers(it.rules, args),
    ("GET", "/control/switches"): lambda it, _args: asdict(it.switches),
    ("POST", "/control/switches"): switch,
    ("POST", "/control/advance"): advance,
    ("POST", "/control/genomes"): add_genome,
    ("POST", "/control/reset"): reset,
}
