"""A real Prometheus knows what happened in a known run, and no process's end changes that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from celery import Celery
from pymongo import MongoClient

from config.sections import Broker
from devstack.processes import NotReady, Process, wait_until
from devstack.stack import Stack, Wanted, stack
from tests.deploy.queries import dashboard_queries
from tests.operations import prometheus
from tests.operations.conftest import ALICE, Product
from tests.operations.prometheus import Prometheus
from tests.simulated import QUICK

pytestmark = pytest.mark.xdist_group("operations")

TASKS = ("advance_active_workflows", "start_jobs", "resolve_jobs", "kill_jobs")
PARAMETERS = "/alice@patricbrc.org/home/run"
"""Where the steps write to: it must not be seen outside."""
EMPTY = (
    *("executor_errors_total", "celery_task_failed_total", "token_renewals_total"),
    *("webhook_deliveries_total", "email_deliveries_total"),
)
"""Nothing of the kind happens in the known run."""


@dataclass
class Watched:
    """A product after its known run, and those who watch it."""

    product: Product
    prometheus: Prometheus
    flower: str
    ids: dict[str, str]
    monitors: tuple[Process, ...]

    def comes_to(self, expression: str, expected: float) -> bool:
        """Whether Prometheus gets to know it within some scrapes. It forgets it again where one
        takes too long, so that the first answer that is right counts."""
        found: list[float | None] = []

        def is_known() -> bool:
            found[:] = [self.prometheus.value(expression)]
            return found == [expected]

        with suppress(NotReady):
            wait_until(is_known, f"{expression} is {expected}")
        assert found == [expected], expression
        return True


@pytest.fixture(scope="module")
def running() -> Iterator[Stack]:
    settings = {"executor.polling_interval_seconds": 0.5, "executor.lease_seconds": 5}
    with stack(Wanted(workers=2, beats=2, apis=1, settings=settings, simulator=QUICK)) as found:
        wait_until(lambda: Product(found).workers() == 2, "both workers are there")
        yield found


@pytest.fixture(scope="module")
def watched(running: Stack) -> Iterator[Watched]:
    product, started = Product(running), list[Process]()
    product.is_well()
    try:
        exporter, address = prometheus.start_exporter(running.folder, running.redis.uri)
        started.append(exporter)
        flower, page = prometheus.start_flower(running.folder, running.redis.uri)
        started.append(flower)
        targets = {
            "workflows-api": [product.url.removeprefix("http://")],
            "workflows-worker": [f"127.0.0.1:{running.env['WORKFLOW_METRICS__PORT']}"],
            "celery": [address],
        }
        scraper = prometheus.start(running.folder, targets)
        started.append(scraper.process)
        wait_until(lambda: scraper.unscraped() == [], f"all are scraped: {targets}")
        yield Watched(product, scraper, page, known_run(product), (exporter, flower))
    finally:
        for process in started:
            process.kill()


def known_run(product: Product) -> dict[str, str]:
    """One workflow that succeeds, one that fails, one that is cancelled, with lost answers on the
    way; every task is sent again and again in that time."""
    simulator = product.stack.simulator
    simulator.app(queue_seconds=0, run_seconds=0.3)
    simulator.app(output_file="o7", outcome="failed", queue_seconds=0, run_seconds=0.2)
    simulator.app("Sleep", queue_seconds=0, run_seconds=None)
    simulator.fault("status", "query_tasks", status=502, count=2)
    simulator.fault("lost", "start_app2", app="Date", count=1)
    ids = {
        "succeeded": product.submit("", "a", "a", "bc"),
        "failed": product.submit(*[""] * 8, "h"),
        "cancelled": product.submit(app="Sleep"),
    }
    with Celery(broker=product.stack.redis.uri, set_as_current=False) as sender:
        sender.conf.broker_transport_options = {"global_keyprefix": Broker().key_prefix}

        def all_over() -> bool:
            for task in TASKS:
                queue = "submissions" if task == "start_jobs" else "advance"
                sender.send_task(f"tasks.{task}", queue=queue)
            for _ in range(2):
                sender.send_task("tasks.advance_workflows", (list(ids.values()),), queue="advance")
            return all(product.status(each) == state for state, each in ids.items())

        wait_until(lambda: product.status(ids["cancelled"]) == "running", "it runs")
        product.cancel(ids["cancelled"])
        wait_until(all_over, "all have ended", every_seconds=0.3)
    return ids


KNOWN = {
    "sum(workflows_submitted_total{%s})": 3,
    'sum(workflows_completed_total{status="succeeded",%s})': 1,
    'sum(workflows_completed_total{status="failed",%s})': 1,
    'sum(workflows_completed_total{status="cancelled",%s})': 1,
    "max(active_workflows_count{%s})": 0,
    "sum(workflow_execution_duration_seconds_count{%s})": 3,
    'sum(steps_submitted_total{app="Date",%s})': 4 + 8,
    'sum(steps_submitted_total{app="Sleep",%s})': 1,
    'sum(steps_completed_total{app="Date",status="succeeded",%s})': 4 + 7,
    'sum(steps_completed_total{app="Date",status="failed",%s})': 1,
    'sum(steps_completed_total{app="Date",status="upstream_failed",%s})': 1,
    'sum(steps_completed_total{app="Sleep",status="cancelled",%s})': 1,
    'sum(step_execution_duration_seconds_count{app="Date",%s})': 12,
    "sum(scheduler_query_errors_total{%s})": 2,
    'sum(scheduler_submit_errors_total{app="Date",%s})': 1,
    "sum(executor_errors_total{%s}) or vector(0)": 0,
    'sum(http_requests_total{route="/api/v1/workflows/submit",status="201",%s})': 3,
}


@pytest.mark.parametrize("job", ["workflows-api", "workflows-worker"])
@pytest.mark.parametrize("expression", KNOWN)
def test_every_metric_is_exact_after_a_known_run(
    watched: Watched, expression: str, job: str
) -> None:
    assert watched.comes_to(expression.replace("%s", f'job="{job}"'), KNOWN[expression])


def test_what_has_no_fixed_number_is_plausible(watched: Watched) -> None:
    api = '{job="workflows-api"}'
    calls = len(watched.product.stack.simulator.calls("query_tasks"))

    assert watched.comes_to(f"sum(executor_poll_cycles_total{api}) > bool 5", 1)
    assert watched.comes_to(
        f"sum(executor_poll_duration_seconds_count{api}) - sum(executor_poll_cycles_total{api})", 0
    )
    assert watched.comes_to(f"sum(scheduler_query_duration_seconds_count{api})", calls)
    dates = 'step_execution_duration_seconds_sum{app="Date",job="workflows-api"}'
    assert watched.comes_to(f"sum({dates})", seconds_at_bvbrc(watched.product, "Date"))
    assert watched.comes_to(f"sum(workflow_execution_duration_seconds_sum{api}) > bool 0.6", 1)


def seconds_at_bvbrc(product: Product, app: str) -> float:
    """How long the jobs of an app ran in all, as AppService tells it: in whole seconds each."""
    simulator = product.stack.simulator
    ids = [job["id"] for job in simulator.jobs() if job["app"] == app]
    (shown,) = simulator.rpc(product.token, "AppService.query_tasks", ids)
    times = [
        [datetime.fromisoformat(job[name]) for name in ("start_time", "completed_time")]
        for job in shown.values()
    ]
    return sum((end - start).total_seconds() for start, end in times)


def test_a_process_that_is_killed_takes_no_count_with_it(watched: Watched) -> None:
    running = watched.product.stack
    submitted = 'sum(workflows_submitted_total{job="workflows-api"})'
    steps = 'sum(steps_completed_total{job="workflows-api"})'
    ended = sum(count for counted, count in KNOWN.items() if "steps_completed_total" in counted)
    assert watched.comes_to(steps, ended)
    running.workers[0].kill()
    running.workers[0].start()
    wait_until(lambda: watched.product.workers() == 2, "it is back")

    assert watched.comes_to(submitted, 3)
    assert watched.comes_to(steps, ended)
    for name in (submitted, steps):
        assert watched.comes_to(f"sum(resets({name[4:-1]}[10m]))", 0)


def test_another_worker_serves_the_hosts_metrics_when_the_first_ends(watched: Watched) -> None:
    running = watched.product.stack
    serving = 'max(up{job="workflows-worker"})'
    for worker in running.workers:
        worker.kill()
        wait_until(lambda: watched.prometheus.value(serving) == 1, "served")
        worker.start()

    assert watched.comes_to(serving, 1)


def test_celerys_own_metrics_are_there(watched: Watched) -> None:
    assert watched.comes_to('max(celery_queue_length{queue_name="advance"}) >= bool 0', 1)
    assert watched.comes_to(
        'sum(celery_task_succeeded_total{name="tasks.advance_workflows"}) > bool 0', 1
    )
    assert watched.comes_to("sum(celery_worker_up) >= bool 1", 1)


@pytest.mark.parametrize("query", dashboard_queries())
def test_every_query_of_the_dashboard_is_answered(watched: Watched, query: str) -> None:
    if any(name in query for name in EMPTY):
        assert {float(each["value"][1]) for each in watched.prometheus.query(query)} <= {0.0}
    else:
        wait_until(lambda: watched.prometheus.query(query) != [], f"an answer to {query}")


def test_every_alert_is_evaluated_and_none_is_raised(watched: Watched) -> None:
    def rules_now() -> list[dict[str, Any]]:
        groups = watched.prometheus.get("rules")["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    wait_until(lambda: all(rule["health"] != "unknown" for rule in rules_now()), "all are asked")

    rules = rules_now()
    assert len(rules) >= 20
    assert {rule["health"] for rule in rules} == {"ok"}
    assert {rule["name"] for rule in rules if rule["state"] == "firing"} <= {"WorkflowsErrors"}


def test_flower_shows_workers_and_tasks_and_no_secret(watched: Watched) -> None:
    def ask(path: str) -> requests.Response:
        return requests.get(f"{watched.flower}{path}", auth=("operator", "secret"), timeout=60)

    def tasks() -> dict[str, Any]:
        return dict(ask("/api/tasks?limit=500").json())

    wait_until(lambda: len(tasks()) > 10, "Flower has seen tasks")
    wait_until(lambda: len(ask("/api/workers?refresh=1").json()) >= 2, "and workers")

    shown = "".join(ask(path).text for path in ("/api/tasks?limit=500", "/api/workers", "/tasks"))
    assert "tasks.advance_workflows" in shown
    for secret in (watched.product.token, "sig=", "tokenid", PARAMETERS):
        assert secret not in shown
    assert requests.get(f"{watched.flower}/api/tasks", timeout=60).status_code == 401


def test_what_watches_the_broker_is_told_no_other_setting(watched: Watched) -> None:
    for monitor in watched.monitors:
        environment = Path(f"/proc/{monitor.pid}/environ").read_text().split("\0")

        assert any(each.startswith("CE_BROKER_URL=") for each in environment)
        assert not any(each.startswith("WORKFLOW_") for each in environment)


def test_a_defect_is_counted_by_its_kind_and_a_stuck_workflow_is_seen(watched: Watched) -> None:
    """Last, since the known run has none of either."""
    spoilt = {"_id": "wf_spoilt", "owner": ALICE, "state": "running", "states": "none"}
    with MongoClient(watched.product.stack.mongod.uri) as client:
        client["workflows"]["workflows"].update_one(
            {"_id": spoilt.pop("_id")}, [{"$set": {**spoilt, "next_check": "$$NOW"}}], upsert=True
        )

    of_its_kind = 'sum(executor_errors_total{error_type="ValueError",job="workflows-api"})'
    assert watched.comes_to(f"{of_its_kind} >= bool 1", 1)
    assert watched.comes_to('max(active_workflows_count{job="workflows-api"})', 1)
