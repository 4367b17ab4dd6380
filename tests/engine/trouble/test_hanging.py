"""Calls of some users that hang or fail hold up these users alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread
from threading import enumerate as enumerate_threads

import pytest

from devstack.processes import wait_until
from simulator.client import Simulator
from tests.engine.conftest import Engine, document, hasty
from workflows.backends.appservice.backend import AppServiceBackend
from workflows.backends.appservice.client import AppService
from workflows.backends.appservice.observations import Observations
from workflows.backends.base import by_name
from workflows.backends.breakers import FAILURES, PROBE_SECONDS, Breakers
from workflows.bvbrc.rpc import Rpc
from workflows.bvbrc.wire import Wire
from workflows.bvbrc.workspace import Workspace
from workflows.engine.advance import advance
from workflows.engine.commands import cancel
from workflows.engine.context import EngineContext
from workflows.engine.jobs.find_outputs import find_results
from workflows.engine.jobs.kill import kill_jobs
from workflows.engine.jobs.lookup import resolve, resolve_jobs
from workflows.engine.jobs.poll import poll_jobs
from workflows.engine.reports.explain import explanation
from workflows.engine.sweep import check_service
from workflows.model.errors import ServiceAway
from workflows.rules.concurrency_limit import Observed
from workflows.store import documents
from workflows.store.jobs import reservations
from workflows.store.jobs.rows import readable
from workflows.store.mongo import collection, later
from workflows.store.processes import service_status
from workflows.store.workflows import stored

BOB = "zoe@patricbrc.org"
"""The last of all users in any order."""
HUNG = [f"user{number}@patricbrc.org" for number in range(8)]
HANG_SECONDS, PATIENCE_SECONDS = 600, 60
MINUTE = timedelta(minutes=1)


@pytest.fixture
def patient(engine: Engine) -> Iterator[Engine]:
    """Its calls are given up later than the test ends; those that hang end with the test."""
    service = AppService(
        Rpc(Wire()),
        engine.simulator.app_service_url,
        timeout=2 * timedelta(seconds=HANG_SECONDS),
        submit_timeout=timedelta(seconds=1.5),
    )
    second = timedelta(seconds=1)
    limits = replace(engine.context.limits, lease=60 * second, polling_interval=second)
    backends = engine.backends_with(service)
    yield replace(engine, context=replace(engine.context, backends=backends, limits=limits))
    engine.simulator.clear_faults()
    # A lane is not busy any more while its thread takes the late answer in.
    wait_for(lambda: not any(each.name.startswith("lane") for each in enumerate_threads()))


def of(engine: Engine, user: str) -> Engine:
    return replace(engine, user=user, token="")


def hang(simulator: Simulator, method: str, *users: str) -> None:
    for user in users:
        simulator.fault("hang", method, user=user, seconds=HANG_SECONDS)


def fail(breakers: Breakers, user: str) -> None:
    """Open the breaker of this user."""
    for _ in range(FAILURES):
        with suppress(ServiceAway), breakers.call(user):
            raise ServiceAway("503")


@pytest.fixture
def beside(simulator: Simulator) -> Iterator[list[Thread]]:
    """Threads that are waited for at the end, when no call hangs any more."""
    threads: list[Thread] = []
    yield threads
    simulator.clear_faults()
    for thread in threads:
        thread.join()


def start_all(engine: Engine, *needs: str) -> list[str]:
    """A workflow of each user, with its first job at AppService for ever."""
    engine.simulator.app(run_seconds=None)
    ids = [of(engine, user).submit(document(*needs)) for user in [*HUNG, BOB]]
    active = {"state": "active"}
    engine.until(lambda: collection(documents.Job).count_documents(active) == len(ids), 60)
    return ids


def test_polls_of_eight_users_that_hang_hold_up_nobody_elses_jobs(
    patient: Engine, beside: list[Thread]
) -> None:
    *_, bobs = start_all(patient, "", "a")
    hang(patient.simulator, "query_tasks", *HUNG)
    patient.simulator.act("finish", owner=BOB)

    task = Thread(target=poll_jobs, args=(patient.context, [*HUNG, BOB]))
    beside.append(task)
    task.start()

    first_step = {"_id": f"{bobs}/0/1", "state": "done"}
    wait_for(lambda: collection(documents.Job).count_documents(first_step) == 1)
    task.join(PATIENCE_SECONDS)
    assert not task.is_alive(), "the task waits for calls that hang"
    assert patient.context.polls.busy() <= {*HUNG}


def wait_for(reached: Callable[[], bool]) -> None:
    """Without turning the crank: other threads do."""
    wait_until(reached, "it happens beside calls that hang", seconds=PATIENCE_SECONDS)


def test_five_time_outs_of_one_user_hold_up_no_other(engine: Engine) -> None:
    few = engine.with_limits(user_submissions=FAILURES)
    hang(few.simulator, "AppService.*", HUNG[0])
    troubled = of(hasty(few), HUNG[0])
    for _ in range(FAILURES):
        troubled.submit(document(""))
    troubled.until(lambda: few.context.breakers.opened_for(HUNG[0]))
    assert not few.context.breakers.opened, "the service counts as away for all"
    # On a busy machine they would be due again before the sender has ended.
    waiting = {"owner": HUNG[0], "state": "intended"}
    later = datetime.now(UTC) + 60 * MINUTE
    collection(documents.Job).update_many(waiting, {"$set": {"due": later}})

    bob = of(few, BOB)
    workflow = bob.submit(document("", "a"))
    advance(few.context, [workflow])
    few.drain.run(few.context)

    started = {"owner": BOB, "state": "active"}
    assert collection(documents.Job).count_documents(started) == 1, "it had to wait for a probe"
    assert bob.ends(workflow, PATIENCE_SECONDS) == "succeeded"


def with_long_calls(engine: Engine, observations: Observations | None = None) -> EngineContext:
    """No call is given up within a test."""
    long = timedelta(seconds=HANG_SECONDS)
    rpc = Rpc(Wire(), observations.call) if observations else Rpc(Wire())
    client = AppService(rpc, engine.simulator.app_service_url, timeout=long, submit_timeout=long)
    backend = AppServiceBackend(client, observations=observations)
    return replace(engine.context, backends={**engine.context.backends, **by_name(backend)})


def test_submissions_of_two_users_that_hang_hold_up_no_other(
    patient: Engine, beside: list[Thread]
) -> None:
    """Only one call is known to be borne."""
    context = with_long_calls(patient, Observations())
    hang(patient.simulator, "start_app2", *HUNG[:2])
    ids = [of(patient, user).submit(document("", "")) for user in (*HUNG[:2], BOB)]
    advance(context, ids)

    task = Thread(target=patient.drain.run, args=(context,))
    beside.append(task)
    task.start()

    started = {"owner": BOB, "state": "active"}
    wait_for(lambda: collection(documents.Job).count_documents(started) == 2)
    hung = {"owner": {"$in": HUNG}, "state": "sending"}
    assert len(collection(documents.Job).distinct("owner", hung)) == 2


def test_one_job_at_a_time_is_sent_of_a_user_whose_last_call_failed(
    patient: Engine, beside: list[Thread]
) -> None:
    context = with_long_calls(patient)
    hang(patient.simulator, "start_app2", HUNG[0])
    with suppress(ServiceAway), context.breakers.call(HUNG[0]):
        raise ServiceAway("503")
    ids = [of(patient, user).submit(document("", "")) for user in (HUNG[0], BOB)]
    advance(context, ids)

    task = Thread(target=patient.drain.run, args=(context,))
    beside.append(task)
    task.start()

    started = {"owner": BOB, "state": "active"}
    wait_for(lambda: collection(documents.Job).count_documents(started) == 2)
    assert collection(documents.Job).count_documents({"owner": HUNG[0], "state": "sending"}) == 1


def test_a_step_behind_submissions_that_hang_says_so(patient: Engine, beside: list[Thread]) -> None:
    context = with_long_calls(patient)
    hang(patient.simulator, "start_app2", HUNG[0])
    user = of(patient, HUNG[0])
    first, second = user.submit(document("", "")), user.submit(document(""))
    advance(context, [first])
    task = Thread(target=patient.drain.run, args=(context,))
    beside.append(task)
    task.start()
    sending = {"owner": HUNG[0], "state": "sending"}
    wait_for(lambda: collection(documents.Job).count_documents(sending) == 2)

    def told() -> str:
        return str(explanation(stored.get(second), context)["steps"][0]["message"])

    assert "about to be submitted" in told()
    long_ago = [{"$set": {"sent_at": {"$subtract": ["$sent_at", 60_000]}}}]
    collection(documents.Job).update_many(sending, long_ago)
    assert "about to be submitted" in told(), "no later call tells that the service works"
    reservations.learn(Observed(starts=1), 32, answered=datetime.now(UTC))
    assert "does not answer 2 submissions" in told()


def test_look_ups_of_one_user_that_hang_hold_up_no_other(
    patient: Engine, beside: list[Thread]
) -> None:
    patient.simulator.fault("lost", "start_app2")
    ids = [of(patient, user).submit(document("")) for user in (HUNG[0], HUNG[0], HUNG[0], BOB)]
    advance(patient.context, ids)
    patient.drain.run(patient.context)
    hang(patient.simulator, "enumerate_tasks_*", HUNG[0])
    lost = {"state": "sending"}
    assert collection(documents.Job).count_documents(lost) == len(ids)
    collection(documents.Job).update_many(lost, [{"$set": {"due": "$$NOW"}}])

    task = Thread(target=resolve_jobs, args=(patient.context,))
    beside.append(task)
    task.start()

    adopted = {"owner": BOB, "state": {"$in": ["active", "done"]}}
    wait_for(lambda: collection(documents.Job).count_documents(adopted) == 1)


def test_kills_of_one_user_that_hang_hold_up_no_other(
    patient: Engine, beside: list[Thread]
) -> None:
    ids = start_all(patient, "")
    hang(patient.simulator, "kill_tasks", *HUNG)
    for workflow in ids:
        cancel(patient.context, workflow)

    task = Thread(target=kill_jobs, args=(patient.context,))
    beside.append(task)
    task.start()

    killed = {"owner": BOB, "kill_reply": "killed"}
    wait_for(lambda: collection(documents.Job).count_documents(killed) == 1)
    task.join(PATIENCE_SECONDS)
    assert not task.is_alive(), "the task waits for calls that hang"


def test_searches_of_one_user_that_hang_hold_up_no_other(
    patient: Engine, beside: list[Thread]
) -> None:
    workspace = Workspace(Rpc(Wire()), patient.simulator.workspace_url, timeout=10 * MINUTE)
    service = patient.context.appservice.client
    backends = patient.backends_with(service, workspace)
    patient = replace(patient, context=replace(patient.context, backends=backends))
    found = document("")
    found["steps"][0]["outputs"] = {"any": {"glob": "${params.output_path}/*", "optional": True}}
    patient.simulator.app(run_seconds=None)
    for user in (HUNG[0], HUNG[0], BOB):
        of(patient, user).submit(found)
    patient.until(lambda: collection(documents.Job).count_documents({"state": "active"}) == 3)
    hang(patient.simulator, "ls", HUNG[0])
    patient.simulator.act("finish")

    def all_have_ended() -> bool:
        poll_jobs(patient.context, [HUNG[0], BOB])  # each at most once an interval
        ended = {"results_due": {"$type": "date"}}
        return collection(documents.Job).count_documents(ended) == 3

    wait_until(all_have_ended, "all jobs have ended", seconds=PATIENCE_SECONDS)

    task = Thread(target=find_results, args=(patient.context,))
    beside.append(task)
    task.start()

    done = {"owner": BOB, "state": "done"}
    wait_for(lambda: collection(documents.Job).count_documents(done) == 1)
    task.join(PATIENCE_SECONDS)
    assert not task.is_alive(), "the task waits for calls that hang"


def test_a_look_up_whose_probe_another_call_took_is_made_soon(engine: Engine) -> None:
    engine.simulator.fault("lost", "start_app2")
    engine = engine.with_limits(lease=MINUTE, grace=MINUTE)
    advance(engine.context, [engine.submit(document(""))])
    engine.drain.run(engine.context)
    lost = {"state": "sending"}
    collection(documents.Job).update_many(lost, [{"$set": {"due": "$$NOW"}}])
    context = engine.context
    context.appservice.breakers = Breakers(lambda: 0.0)
    fail(context.breakers, engine.user)

    job = readable(collection(documents.Job).find_one(lost) or {})
    assert job is not None

    assert not resolve(context, job)

    soon = {"$expr": {"$lte": ["$due", later(timedelta(seconds=PROBE_SECONDS))]}}
    assert collection(documents.Job).count_documents({**lost, **soon}) == 1


def test_the_service_is_asked_with_another_token_where_the_first_hangs(patient: Engine) -> None:
    """The first is the hanging user's: it lives longest, and the other user's breaker is open."""
    for user in (BOB, HUNG[0]):
        of(patient, user).submit(document(""))
    fail(patient.context.breakers, BOB)
    hang(patient.simulator, "service_status", HUNG[0])
    service_status.report(service_status.APPSERVICE, service_status.AWAY, "it was away")

    task = Thread(target=check_service, args=(patient.context,))
    task.start()
    task.join(PATIENCE_SECONDS)

    assert service_status.health(service_status.APPSERVICE).state == service_status.UP


def test_failures_of_one_user_are_not_told_of_the_service(engine: Engine) -> None:
    engine.submit(document(""))
    engine.simulator.fault("status", "AppService.*", user=engine.user, status=503)

    engine.until(lambda: engine.context.breakers.opened_for(engine.user), 60)

    assert service_status.health(service_status.APPSERVICE).state == service_status.UP


@pytest.mark.parametrize("users", [[HUNG[0]], [HUNG[0], BOB]])
def test_an_outage_is_believed_when_a_ping_fails_or_calls_of_several_users(
    engine: Engine, users: list[str]
) -> None:
    for user in users:
        of(engine, user).submit(document(""))
    engine.simulator.fault("status", "AppService.*", status=503)
    if len(users) == 1:
        engine.simulator.fault("status", "ping", status=502)

    check_service(engine.context)

    assert service_status.health(service_status.APPSERVICE).state == service_status.AWAY
    engine.simulator.clear_faults()
    engine.until(
        lambda: service_status.health(service_status.APPSERVICE).state == service_status.UP
    )
