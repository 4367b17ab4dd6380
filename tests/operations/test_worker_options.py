"""Habits of Celery's operators: each works, or is refused in one line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from devstack.processes import wait_until
from devstack.stack import Wanted, stack
from runtime.worker_options import find_unfit, parse_options, worker_words
from tests.product import Product, document

pytestmark = pytest.mark.xdist_group("operations")

QUEUES = ("advance", "submissions", "polls", "notifications")


def shows_queues(said: str) -> bool:
    """Of a worker of all queues and one of polls alone."""
    return [said.count(f'"name": "{name}", "exchange"') for name in QUEUES] == [1, 1, 2, 1]


ASKED: Mapping[tuple[str, ...], Callable[[str], bool]] = {
    ("status",): lambda said: "2 nodes online" in said,
    ("inspect", "ping"): lambda said: said.count("pong") == 2,
    ("inspect", "active_queues", "-j"): shows_queues,
}
"""What operators ask, and what the two workers answer."""
CELERY = (sys.executable, "-m", "celery", "-A", "tasks")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("worker -P prefork", "-P prefork is not supported"),
        ("worker -Pprefork -c 4", "-P prefork is not supported"),
        ("worker --pool=prefork", "-P prefork is not supported"),
        ("worker -P eventlet", "-P eventlet is not supported"),
        ("worker -P processes", "-P processes is not supported"),
        ("worker --autoscale=8,2", "-c 8"),
        ("worker -Q pools", "did you mean polls?"),
        ("worker -Q advance,celery", "there are advance, notifications, polls, submissions"),
        ("worker -X nonsense", "no queue is called 'nonsense'"),
        ("multi start w1 w2 -P prefork -c:1 3", "-P prefork is not supported"),
        ("multi start 3 -Q:1 advance -Q:2-3 polls", ""),
        ("worker", ""),
        ("worker -P threads -c 4 -Q advance,polls -n w@%h -l INFO", ""),
        ("worker -P solo -E --loglevel INFO --max-tasks-per-child 3", ""),
        ("worker --unknown -Q advance", ""),
        ("worker -Q advance -Q polls", ""),
        ("beat -s x", ""),
        ("flower --port=1", ""),
    ],
)
def test_what_cannot_work_is_refused(words: str, reason: str) -> None:
    given = worker_words(["celery", "-A", "tasks", *words.split()])

    found = find_unfit(parse_options(given), QUEUES) if given is not None else ""

    assert reason in found
    assert bool(found) == bool(reason)


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    settings = {"executor.polling_interval_seconds": 0.3}
    with stack(Wanted(workers=0, apis=1, settings=settings)) as running:
        found = Product(running)
        found.is_up()
        found.simulator.app("*", run_seconds=0.2)
        yield found


def celery(product: Product, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CELERY, *words],
        env={**product.stack.processes[0].env},
        cwd=product.stack.processes[0].folder,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def works(product: Product) -> bool:
    return product.ends(product.submit(document({"a": "", "b": "a"}))) == "succeeded"


@pytest.mark.parametrize("words", [["worker", "-P", "prefork"], ["multi", "start", "w", "-Q", "x"]])
def test_a_refusal_is_one_line(product: Product, words: list[str]) -> None:
    ended = celery(product, *words)

    assert ended.returncode == 4
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stdout == ""


@pytest.mark.parametrize("options", [("-P", "solo"), ("-P", "threads", "-c", "1")])
def test_a_worker_of_one_does_the_work(product: Product, options: tuple[str, ...]) -> None:
    worker = product.stack.add_worker(*options)
    try:
        assert works(product)
    finally:
        worker.stop(120)
    assert worker.exit_code == 0


def test_operators_start_ask_and_stop_workers(product: Product, tmp_path: Path) -> None:
    files = (f"--pidfile={tmp_path}/%n.pid", f"--logfile={tmp_path}/%n.log")
    started = celery(product, "multi", "start", "one", "two", *files, "-Q:two", "polls")
    try:
        assert started.returncode == 0, started.stdout
        # Celery waits a second for answers, and a worker on a busy machine may take longer.
        for words, shown in ASKED.items():
            wait_until(
                lambda words=words, shown=shown: shown(celery(product, *words).stdout),
                f"both answer {words}",
            )
        assert works(product)
    finally:
        celery(product, "control", "shutdown")
        celery(product, "multi", "stopwait", "one", "two", *files)

    assert celery(product, "inspect", "ping").returncode == 69  # no node replies
    assert not list(tmp_path.glob("*.pid"))
