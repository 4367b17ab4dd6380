"""The services together: dispatches each request and applies the faults to its answer."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from simulator import faults as faulty
from simulator import minhash
from simulator.appservice import listings
from simulator.appservice import methods as appservice
from simulator.appservice.cache import Cache
from simulator.appservice.jobs import Job, Jobs
from simulator.appservice.results import Results
from simulator.genomes import Genomes
from simulator.http import pages, rpc
from simulator.http.call_log import Call, CallLog
from simulator.http.questions import (
    job_id_in,
    no_method,
    no_question,
    parse_request,
    subject_of,
    traced_argument,
)
from simulator.http.rpc import Question, RpcError
from simulator.http.server import Reply, Request
from simulator.switches import Switches
from simulator.tokens import Identity, Tokens, load_key, user_in
from simulator.triggers import Seconds, Trigger, Triggers, draw_seconds
from simulator.workspace import methods as workspace
from simulator.workspace.objects import Objects

Json = Any
Perform = Callable[[RpcError | None], Reply]
"""Makes a call, or answers it with an error."""


PREFLIGHTED = frozenset({"start_app", "start_app2"})
SERVED_PAGES = frozenset({"task_info", "ping", "auth_ping"})
"""Pages of AppService itself; others come from servers of their own."""
BAD_ARGUMENTS = (TypeError, ValueError, LookupError, AttributeError)
"""What methods raise on arguments of kinds they never expected; Perl has its own words for it."""


@dataclass(frozen=True, slots=True)
class Package:
    """The methods of one service; each takes the caller and the positional arguments."""

    name: str
    methods: Mapping[str, Callable[[Identity | None, list[Json]], list[Json]]]
    open_methods: frozenset[str] = frozenset()
    """They answer without a token, and take a bad one for none."""
    traced: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """The work of a call: it occupies a worker of ``service`` (empty: none) for ``seconds``."""

    service: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Start:
    """How a simulation is set up, once."""

    url: str
    seed: int = 0
    key_file: Path | None = None
    ledger_limit: int | None = None
    switches: Mapping[str, Json] = field(default_factory=dict)
    """Switches that differ from their defaults, also after a reset."""


@dataclass(slots=True)
class Clock:
    """The simulation's time: the true one, put forward at will."""

    ahead_seconds: float = 0.0

    def now(self) -> float:
        return time.time() + self.ahead_seconds


class Simulation:
    """All state of the simulator; ``respond`` answers a request."""

    def __init__(self, start: Start) -> None:
        self.start = start
        self.clock = Clock()
        self.key = load_key(start.key_file)
        self.faults = Triggers(random.Random(start.seed))  # noqa: S311 - reproducible, not secret
        self.reset()

    def reset(self) -> None:
        """Forgets everything but the key; it is the true time again."""
        self.clock.ahead_seconds = 0.0
        now = self.clock.now
        self.faults.remove()  # calls that hang end
        self.rng = random.Random(self.start.seed)  # noqa: S311 - reproducible, not secret
        self.switches = Switches()
        self.switches.update(self.start.switches)
        self.faults = Triggers(self.rng)
        self.rules = Triggers(self.rng)
        self.call_log = CallLog(now, self.start.ledger_limit)
        self.tokens = Tokens(f"{self.start.url}/public_key", now, self.key)
        self.cache = Cache(now)
        self.jobs = Jobs(self.switches, self.rules, self.rng)
        self.jobs.on_start = self._job_started
        self.jobs.on_end = self._job_ended
        self.jobs.on_change = self.cache.forget
        self._pools: dict[tuple[str, int], asyncio.Semaphore] = {}
        self.objects = Objects(now)
        self.genomes = Genomes(self.switches, now)
        self.results = Results(self.objects, self.genomes)
        self.packages = self._packages()

    def _packages(self) -> dict[str, Package]:
        """The services by the last part of their path."""
        url = self.start.url
        service = appservice.Service(
            self.jobs,
            self.switches,
            self.cache,
            self.rng,
            self.clock.now,
            self._size,
            f"{url}/services/app_service",
        )
        space = workspace.Methods(self.objects, self.rng, url)
        similar = minhash.methods(self.objects)
        return {
            "app_service": app_package(service),
            "Workspace": Package("Workspace", space.by_name, workspace.OPEN_METHODS),
            "minhash_service": Package("Minhash", similar, minhash.OPEN_METHODS),
        }

    def _size(self, user: str, path: str) -> int | None:
        """The bytes of an object as a preflight sees it: it does not notice an outage."""
        away = self.faults.first({"method": "Workspace.get", "user": user})
        return None if away else self.objects.size(path)

    def _job_started(self, job: Job) -> None:
        if self.switches.outputs:
            self.results.begin(job)

    def _job_ended(self, job: Job) -> None:
        job.files.update(pages.job_files(job))
        if self.switches.outputs:
            self.results.end(job)

    # --- from a request to its reply

    def respond(self, request: Request) -> Reply | Awaitable[Reply]:
        """The reply, or an awaitable if it takes time."""
        call, perform, work = self._interpret(request)
        fault = self.faults.first(call.subject)
        latency = self._latency(call.method) if self.switches.latency else 0.0
        pool = self._pool(work.service)
        busy = isinstance(pool, asyncio.Semaphore) and pool.locked()
        if fault is None and not latency and not busy and not work.seconds:
            reply = self._perform(perform, None)
            call.end()
            return reply
        return self._slowly(
            call, partial(self._perform_in_worker, pool, work, perform), fault, latency
        )

    def _perform(self, perform: Perform, error: RpcError | None) -> Reply:
        """Makes a call when every job is where it should be by now."""
        self.jobs.settle(self.clock.now())
        return perform(error)

    async def _perform_in_worker(
        self,
        pool: AbstractAsyncContextManager[object],
        work: Work,
        perform: Perform,
        error: RpcError | None,
    ) -> Reply:
        """Makes a call once a worker of its service is free, and occupies that worker."""
        async with pool:
            await asyncio.sleep(work.seconds)
            return self._perform(perform, error)

    async def _slowly(
        self, call: Call, perform: faulty.Perform, fault: Trigger | None, latency: float
    ) -> Reply:
        """Makes a call that takes time. The way to the service and faults occupy no worker."""
        await asyncio.sleep(latency)
        if fault is None:
            reply = await perform(None)
        else:
            described = faulty.fault_of(fault.effect)
            call.fault = described.kind
            reply = await faulty.apply(described, fault, perform, self.rng)
            call.answer = call.answer if described.kind == "delay" else described.kind
        call.end()
        return reply

    def _pool(self, service: str) -> AbstractAsyncContextManager[object]:
        """The workers of a service. Calls wait for them in the order of their arrival."""
        count = self.switches.workers
        if not count or not service:
            return nullcontext()
        key = service, count
        if key not in self._pools:
            self._pools[key] = asyncio.Semaphore(count)
        return self._pools[key]

    def _latency(self, method: str) -> float:
        for pattern, seconds in self.switches.latency.items():
            if fnmatchcase(method, pattern) or fnmatchcase(method.partition(".")[2], pattern):
                return self._draw(seconds)
        return 0.0

    def _interpret(self, request: Request) -> tuple[Call, Perform, Work]:
        """The ledger's entry of a request, how it is answered, and what it occupies."""
        parts = [part for part in request.path.split("/") if part]
        package = self.packages["app_service"]
        if parts[:1] == ["services"] and len(parts) > 1:
            package = self.packages.get(parts[1], package)
            parts = parts[2:]
        page = self._page(request, parts)
        if page is None:
            return self._question(request, package)
        name = parts[0] if parts else request.verb
        token = request.headers.get("authorization", "")
        subject = {"method": name, "user": user_in(token), "path": request.path}
        call = self.call_log.begin(name, subject, request.query)
        served = package.name if name in SERVED_PAGES else ""
        seconds = self._draw(self.switches.query_seconds) if served else 0.0
        return call, partial(self._show_page, page, call), Work(served, seconds)

    def _draw(self, seconds: Seconds) -> float:
        return draw_seconds(seconds, self.rng) or 0.0

    def _page(self, request: Request, parts: list[str]) -> Callable[[], Reply] | None:
        """The page that answers a request which is not JSON-RPC; None for JSON-RPC."""
        name = parts[0] if parts else ""
        if name == "task_info":
            return lambda: pages.task_info(request, parts[1:], self.jobs, self._check)
        if request.verb == "OPTIONS":
            return lambda: pages.cors(request)
        if name == "authenticate" and request.verb == "POST":
            return lambda: pages.log_in(request, self.tokens, self.switches)
        if request.verb != "GET":
            return None
        simple: dict[str, Callable[[], Reply]] = {
            "api": lambda: self.genomes.respond(request, "/".join(parts[1:2])),
            "dl": lambda: pages.download(self.objects.find("/".join(parts[1:2]))),
            "public_key": lambda: pages.public_key(self.tokens),
            "ping": pages.ping,
            "auth_ping": lambda: pages.auth_ping(request, self._check),
            "authenticate": lambda: pages.refresh(request, self._check, self.tokens, self.switches),
        }
        return simple.get(name)

    def _show_page(self, page: Callable[[], Reply], call: Call, error: RpcError | None) -> Reply:
        reply = page() if error is None else Reply(500, error.message.encode(), pages.PLAIN)
        call.answer = "ok" if reply.status == HTTPStatus.OK else f"http {reply.status}"
        return reply

    def _check(self, token: str) -> Identity:
        return self.tokens.check(token, signer_reachable=self.switches.signer_reachable)

    # --- JSON-RPC

    def _question(self, request: Request, package: Package) -> tuple[Call, Perform, Work]:
        problem = None
        try:
            question = parse_request(request)
        except RpcError as error:
            question, problem = no_question(request), error
        token = request.headers.get("authorization", "")
        caused_by = {"request_id": request.headers.get("x-request-id", "")}
        subject = {**subject_of(question, token), **caused_by}
        call = self.call_log.begin(question.method, subject, question.params)
        answer = partial(self._answer, package, question, token, call)
        work = Work(package.name, self._work_seconds(package, question, token))
        return call, lambda error: answer(problem or error), work

    def _work_seconds(self, package: Package, question: Question, token: str) -> float:
        """Draws how long a call occupies its worker: only what reaches the preflight waits for
        it."""
        name = question.method.removeprefix("AppService.")
        if package.name != "AppService" or name not in PREFLIGHTED:
            return self._draw(self.switches.query_seconds)
        try:
            appservice.check_enabled(self.switches, self._check(token), question.params)
        except RpcError:
            return self._draw(self.switches.query_seconds)
        return self._draw(self.switches.preflight_seconds)

    def _answer(
        self, package: Package, question: Question, token: str, call: Call, fault: RpcError | None
    ) -> Reply:
        envelope = question.envelope
        order = self.rng if self.switches.shuffle else None
        try:
            if fault:
                raise fault
            values = self._values(package, question, token)
        except (RpcError, *BAD_ARGUMENTS) as error:
            problem = error if isinstance(error, RpcError) else RpcError(f"Bad arguments: {error}")
            call.answer = problem.message.partition("\n")[0][:120]
            message = self._message(package, question, token, problem)
            body = rpc.failure(envelope, problem, message, order)
            return Reply(500, body, envelope.content_type)
        call.answer = "ok"
        call.job_id = call.job_id or job_id_in(values)
        return Reply(200, rpc.success(envelope, values, order), envelope.content_type)

    def _message(self, package: Package, question: Question, token: str, problem: RpcError) -> str:
        """The text of an error, with a trace where the service leaves one."""
        if not package.traced or not self.switches.traces:
            return problem.message
        short = question.method.partition(".")[2]
        return rpc.add_stack_trace(problem, short, traced_argument(problem, question, token))

    def _values(self, package: Package, question: Question, token: str) -> list[Json]:
        """What the method returns. The method is looked up before the token is looked at."""
        name, dot, short = question.method.partition(".")
        if not dot:
            raise no_method(
                f"'{name}' is not a valid method. It must contain a package name, followed by a"
                " period, followed by a method name."
            )
        if name != package.name:
            raise no_method(f"There is no method package named '{name}'.")
        hidden = short == "enumerate_tasks_qstat" and not self.switches.qstat
        if short not in package.methods or hidden:
            raise no_method(f"'{short}' is not a valid method in service {name}.")
        who = self._caller(package, short, token)
        return package.methods[short](who, question.params)

    def _caller(self, package: Package, method: str, token: str) -> Identity | None:
        if not token and method not in package.open_methods:
            text = f"Authentication required for {package.name}"
            raise RpcError(f"{text} but no authentication header was passed", inside=False)
        try:
            return self._check(token)
        except RpcError:
            if method in package.open_methods:
                return None
            raise


def app_package(service: appservice.Service) -> Package:
    methods = {**appservice.METHODS, **listings.METHODS}
    bound = {name: partial(require_caller, method, service) for name, method in methods.items()}
    return Package("AppService", bound, traced=True)


def require_caller(
    method: appservice.Method, service: appservice.Service, who: Identity | None, params: list[Json]
) -> list[Json]:
    """An AppService method: it always has a caller."""
    assert who is not None  # noqa: S101 - AppService has no open methods
    return method(service, who, params)
