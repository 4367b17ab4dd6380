"""The engine's verbs on a real MongoDB and the simulator; the test plays beat and worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pymongo import MongoClient

from simulator.client import Simulator
from tests.simulated import simulator_process
from workflows.backends.appservice.backend import AppServiceBackend
from workflows.backends.appservice.client import AppService
from workflows.backends.base import Backend, by_name
from workflows.backends.builtin.backend import BuiltinBackend
from workflows.backends.builtin.declaration import BUILTIN, Clients
from workflows.bvbrc.data_api import DataApi
from workflows.bvbrc.job_records import JobRecords
from workflows.bvbrc.minhash import Minhash
from workflows.bvbrc.rpc import Rpc
from workflows.bvbrc.wire import Wire
from workflows.bvbrc.workspace import Workspace
from workflows.engine.advance import advance
from workflows.engine.batches.advance import advance_batch
from workflows.engine.commands import Owner, Submission, submit
from workflows.engine.context import EngineContext, Limits
from workflows.engine.jobs.evidence import collect_evidence
from workflows.engine.jobs.find_outputs import find_results
from workflows.engine.jobs.kill import kill_jobs
from workflows.engine.jobs.lookup import resolve_jobs
from workflows.engine.jobs.poll import poll_jobs
from workflows.engine.jobs.send import Drain
from workflows.engine.replan import replan, replan_due
from workflows.engine.reports import views
from workflows.engine.reuse.look_up import check_reuse
from workflows.engine.reuse.note import note_results
from workflows.engine.reuse.settings import ReuseSettings
from workflows.engine.sweep import Due, check_service, sweep
from workflows.spec.document import spec_from
from workflows.store import connection, documents
from workflows.store.due import Work
from workflows.store.jobs import rows as job_rows
from workflows.store.users.credentials import Vault
from workflows.store.workflows import stored

KEY = Fernet.generate_key().decode()
ALICE = "alice@patricbrc.org"
LONG = 120
"""Seconds: waited for in vain where something is broken, however busy the machine is."""
QUICK = Limits(
    polling_interval=timedelta(seconds=0.05),
    lease=timedelta(seconds=1),
    grace=timedelta(seconds=2),
    lost_deadline=timedelta(hours=24),
    evidence_deadline=timedelta(seconds=0.5),
    outage_patience=timedelta(hours=6),
    cap=2,
    user_jobs=1_000,
    submissions=32,
    user_submissions=32,
    answered_grace=timedelta(seconds=0.2),
    announced_after=timedelta(seconds=0.05),
    send_window=timedelta(seconds=10),  # longer than the grace: nobody looks up what is being sent
)


def steps(*needs: str, app: str = "Date") -> list[dict[str, Any]]:
    """``steps("", "a", "ab")``: steps a, b, c of which b waits for a, and c for both."""
    return [
        {
            "step_name": chr(ord("a") + index),
            "app": app,
            "params": {"output_path": "/alice@patricbrc.org/home/run", "output_file": f"o{index}"},
            "outputs": {},
            "depends_on": list(wanted),
        }
        for index, wanted in enumerate(needs)
    ]


def document(*needs: str, **fields: Any) -> dict[str, Any]:
    return {
        "workflow_name": "w",
        "version": "1.0",
        "base_context": {"base_url": "https://www.bv-brc.org", "workspace_output_folder": "/a"},
        "steps": steps(*needs),
        "workflow_outputs": [],
    } | fields


@dataclass
class Engine:
    """One process's parts, and a hand that turns the crank."""

    context: EngineContext
    simulator: Simulator
    drain: Drain
    user: str = ALICE
    token: str = ""
    pause_seconds: float = 0.02
    """Between two turns of the crank, at first; then longer, up to a tenth of a second."""
    growing: list[str] = field(default_factory=list)
    """Workflows whose further steps are to be planned, as the engine reported."""
    checks: list[None] = field(default_factory=list)
    """That jobs were stored whose results may be there already."""
    replans: bool = True
    """Whether a turn plans the further steps that are due."""

    @property
    def clients(self) -> Clients:
        """Of the steps that the engine runs itself."""
        backend = self.context.backends[BUILTIN]
        assert isinstance(backend, BuiltinBackend)
        return backend.clients

    def backends_with(
        self, service: AppService, workspace: Workspace | None = None
    ) -> dict[str, Backend]:
        """The same backends with another client of AppService."""
        appservice = AppServiceBackend(service, workspace or self.clients.workspace)
        return {**self.context.backends, **by_name(appservice)}

    def owner(self) -> Owner:
        self.token = self.token or self.simulator.token(self.user)
        return Owner(self.user, self.token, datetime.now(UTC) + timedelta(days=1))

    def submit(self, found: Mapping[str, Any]) -> str:
        return submit(self.context, self.owner(), Submission(spec_from(found), found)).id

    def turn(self) -> None:
        """What beat and the workers do in one interval."""
        due = sweep(self.context)
        self._advance(due)
        if Work.REPLAN in due.works and self.replans:
            list(replan_due(self.context))
        polled = [poll_jobs(self.context, owners) for owners in due.polls]
        if Work.LOOK_UP in due.works:
            resolve_jobs(self.context)
        if Work.KILL in due.works:
            kill_jobs(self.context)
        if Work.FIND in due.works or any(each.finds for each in polled):
            find_results(self.context)
        if Work.ASK_WHY in due.works or any(each.failures for each in polled):
            collect_evidence(self.context)
        told, self.growing[:] = list(self.growing), []
        replan(self.context, told)
        if Work.ASK in due.works:
            check_service(self.context)
        self._reuse(due)
        self.drain.run(self.context)

    def _reuse(self, due: Due) -> None:
        if Work.REUSE in due.works or self.checks:
            self.checks.clear()
            check_reuse(self.context)
        if Work.NOTE in due.works:
            note_results(self.context)

    def _advance(self, due: Due) -> None:
        for chunk in due.advances:
            advance(self.context, chunk)
        for batch in due.batches:
            advance_batch(self.context, batch)

    def until(self, reached: Callable[[], bool], seconds: float = LONG) -> None:
        deadline, pause = time.monotonic() + seconds, self.pause_seconds
        while not reached():
            assert time.monotonic() < deadline, "it was not reached in time"
            self.turn()
            time.sleep(pause)
            pause = max(pause, min(1.2 * pause, 0.1))

    def ends(self, workflow: str, seconds: float = LONG) -> str:
        """The final state, once no job of the workflow is open any more."""
        final = ("succeeded", "failed", "cancelled")
        self.until(
            lambda: (
                self.status(workflow) in final and not job_rows.open_jobs([workflow]).get(workflow)
            ),
            seconds,
        )
        return self.status(workflow)

    def status(self, workflow: str) -> str:
        return str(views.status(stored.get(workflow))["status"])

    def states(self, workflow: str) -> list[str]:
        return [step["status"] for step in views.status(stored.get(workflow))["steps"]]

    def with_limits(self, **changes: Any) -> Engine:
        limits = replace(self.context.limits, **changes)
        return replace(self, context=replace(self.context, limits=limits))


@pytest.fixture(scope="session")
def simulator_server() -> Iterator[Simulator]:
    with simulator_process() as simulator:
        yield simulator


@pytest.fixture
def simulator(simulator_server: Simulator) -> Simulator:
    """Without jobs, faults, calls; its jobs end at once."""
    simulator_server.reset()
    simulator_server.app(queue_seconds=0, run_seconds=0, lag_seconds=0)
    return simulator_server


@pytest.fixture(scope="session")
def indexed(mongo_uri: str) -> str:
    """The name of the one database of all tests here: its indexes, which take a second to be made,
    stay."""
    connection.open_database(mongo_uri, "test_engine")
    documents.ensure_indexes()
    connection.close_database()
    return "test_engine"


@pytest.fixture
def database(mongo: MongoClient, indexed: str) -> str:
    """The same, without documents."""
    mongo[indexed].drop_collection("system.profile")  # nothing in it can be deleted
    for name in mongo[indexed].list_collection_names():
        mongo[indexed][name].delete_many({})
    return indexed


@pytest.fixture
def engine(mongo_uri: str, database: str, simulator: Simulator) -> Iterator[Engine]:
    connection.open_database(mongo_uri, database)
    yield another(simulator)
    connection.close_database()


def another(simulator: Simulator, wire: Wire | None = None) -> Engine:
    """What a further process would hold. ``wire``: over which AppService is called. No call is
    given up because the machine is busy: tests count calls, failures and jobs."""
    long = timedelta(seconds=LONG)
    service = client_of(simulator, timeout=long, submit_timeout=long, wire=wire)
    workspace = Workspace(Rpc(Wire()), simulator.workspace_url, timeout=long)
    records = JobRecords(Rpc(Wire()), simulator.app_service_url, workspace, timeout=long)
    clients = Clients(
        workspace,
        Minhash(Rpc(Wire()), simulator.minhash_url, timeout=long),
        DataApi(Wire(), simulator.api_url, timeout=long),
    )
    told: list[str] = []
    checks: list[None] = []
    reuse = ReuseSettings(
        workspace,
        Workspace(Rpc(Wire()), simulator.workspace_url, timeout=long),
        max_age=timedelta(days=30),
        min_age=timedelta(0),
        patience=long,
    )
    backends = by_name(AppServiceBackend(service, clients.workspace), BuiltinBackend(clients))
    context = EngineContext(
        backends,
        records,
        Vault([KEY]),
        QUICK,
        grows=told.extend,
        reuse=reuse,
        checks=lambda: checks.append(None),
    )
    return Engine(context, simulator, Drain(8), growing=told, checks=checks)


def client_of(
    simulator: Simulator, timeout: timedelta, submit_timeout: timedelta, wire: Wire | None = None
) -> AppService:
    url = simulator.app_service_url
    return AppService(Rpc(wire or Wire()), url, timeout=timeout, submit_timeout=submit_timeout)


def hasty(engine: Engine) -> Engine:
    """The same, breakers included, for calls that hang: AppService's are given up soon."""
    second = timedelta(seconds=1)
    service = client_of(engine.simulator, timeout=second, submit_timeout=1.5 * second)
    context = replace(engine.context, backends=engine.backends_with(service))
    context.appservice.breakers = engine.context.breakers
    return replace(engine, context=context)
