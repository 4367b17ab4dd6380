"""What some users' troubles cost another: ``python -m benchmarks.promises.isolation``.

Eight users have workflows under way; one of them, two, or all eight have one kind of trouble at a
time. Another user posts workflows of two steps over HTTP, fewer than AppService can start. Measured
are the times from the POST to the first ``start_app2``, from the first job's end to the second
``start_app2``, and to the workflow's end, beside the same without any trouble in the same run.

Every trouble has its turn in each round, and quiet two; the percentiles are those of all rounds
together. The first posts of a round compete with a hundred jobs of the first two users for
AppService's five workers, in quiet as well.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from benchmarks.latency import send, started
from benchmarks.throughput import clear
from benchmarks.tools.measure import Row, percentile, result, table
from benchmarks.tools.product import Product, chain, flat, genuine, product, wait_for_processes
from devstack.processes import wait_until
from workflows.store import documents
from workflows.store.mongo import collection

Waits = dict[str, list[float]]
"""Seconds of each posted workflow: to its first start, to its second one, to its end."""
FOR_EVER = 600
"""Seconds that a call hangs: longer than the benchmark looks."""


def main() -> None:
    asked = arguments()
    settings = {"executor.polling_interval_seconds": asked.interval}
    with (
        result("isolation", vars(asked)) as found,
        product(asked.workers, apis=1, users=9, settings=settings) as running,
    ):
        once(running, nothing, asked)  # the engine learns how many calls AppService bears
        chosen = [name for name in TROUBLES if name in {"nothing", *asked.troubles}]
        waits: dict[str, list[Waits]] = {name: [] for name in chosen}
        for _ in range(asked.runs):  # so what the engine learns in time meets each of them
            for name in [*chosen, "nothing"]:  # all are compared with that one
                waits[name].append(once(running, TROUBLES[name], asked))
        found["cases"] = {name: percentiles(waits[name]) for name in chosen}
        quiet = found["cases"]["nothing"]
        found["ratios"] = {
            name: {key: round(case[key] / quiet[key], 2) for key in quiet}
            for name, case in found["cases"].items()
        }
        table([{"trouble": name, **case} for name, case in found["cases"].items()])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--posts", type=int, default=20)
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two posts")
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between two polls")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--troubles", nargs="+", choices=list(TROUBLES), default=list(TROUBLES))
    return parser.parse_args()


def percentiles(rounds: Sequence[Waits]) -> Row:
    """Milliseconds."""
    return {
        f"{name}_p{percent}_ms": round(
            1000 * percentile([wait for each in rounds for wait in each[name]], percent), 1
        )
        for name in rounds[0]
        for percent in (50, 95)
    }


def once(
    running: Product, trouble: Callable[[Product, Sequence[str]], None], asked: argparse.Namespace
) -> Waits:
    """With fresh workers and tokens: calls that hang, and a token's refusal, outlive a run."""
    *troubled, other = running.users
    clear(running)
    renew(running)
    genuine(running)
    for user in troubled:
        running.stack.simulator.app(user=user, run_seconds=None)
        burden(running, user, 10 if user == troubled[0] else 1)
    wait_until(lambda: all(map(in_flight, troubled)), "their jobs are in flight", seconds=120)
    trouble(running, troubled)
    for user in troubled[:2]:
        burden(running, user, 5)
    begun, posted = time.time(), dict[str, float]()
    for number in range(asked.posts):
        at = time.time()
        posted[send(running, other, chain(f"posted{begun:.3f}_{number}", 2))] = at
        time.sleep(asked.pause)
    wait_until(lambda: len(took(posted)) == len(posted), "the other user's end", seconds=120)
    arrived = started(running, begun, posted)
    return {
        "start": [arrived[workflow] - at for workflow, at in posted.items()],
        "next": successors(running, begun, posted),
        "end": [each / timedelta(seconds=1) for each in took(posted)],
    }


def renew(running: Product) -> None:
    for worker in running.stack.workers:
        worker.kill()
        worker.start()
    collection(documents.Heartbeat).delete_many({})
    wait_for_processes(running.stack)
    running.tokens.update({user: running.stack.simulator.token(user) for user in running.users})


def burden(running: Product, user: str, count: int) -> None:
    """Workflows of ten steps that do not wait for each other."""
    running.tell([running.submit(flat(f"burden{time.time():.6f}", 10), user) for _ in range(count)])


def in_flight(user: str) -> int:
    return int(collection(documents.Job).count_documents({"owner": user, "state": "active"}))


def took(posted: Mapping[str, float]) -> list[timedelta]:
    """From its submission to its end, of each that has succeeded."""
    ended = {"_id": {"$in": list(posted)}, "state": "succeeded"}
    return [
        row["finished_at"] - row["submitted_at"]
        for row in collection(documents.Workflow).find(ended, {"submitted_at": 1, "finished_at": 1})
    ]


def successors(running: Product, since: float, posted: Mapping[str, float]) -> list[float]:
    """Seconds from the end of each workflow's first job to the ``start_app2`` of its second one."""
    began: dict[str, list[float]] = {}
    for call in running.stack.simulator.calls("start_app2", since=f"{since}"):
        workflow = str(call["user_metadata"]).partition("/")[0]
        if workflow in posted:
            began.setdefault(workflow, []).append(float(call["began"]))
    ended: dict[str, list[float]] = {}
    for job in running.stack.simulator.jobs():
        workflow = str(job["user_metadata"]).partition("/")[0]
        if workflow in began and job["finished"]:
            ended.setdefault(workflow, []).append(float(job["finished"]))
    return [max(began[each]) - min(ended[each]) for each in ended if len(began[each]) > 1]


# --- troubles: of the first user, where none says otherwise


def nothing(_running: Product, _users: Sequence[str]) -> None:
    """The yardstick."""


def polls_that_hang(running: Product, users: Sequence[str]) -> None:
    running.stack.simulator.fault("hang", "query_tasks", user=users[0], seconds=FOR_EVER)


def calls_that_hang(running: Product, users: Sequence[str]) -> None:
    running.stack.simulator.fault("hang", "AppService.*", user=users[0], seconds=FOR_EVER)


def calls_of_two_that_hang(running: Product, users: Sequence[str]) -> None:
    for user in users[:2]:
        running.stack.simulator.fault("hang", "AppService.*", user=user, seconds=FOR_EVER)


def polls_of_all_that_hang(running: Product, users: Sequence[str]) -> None:
    for user in users:
        running.stack.simulator.fault("hang", "query_tasks", user=user, seconds=FOR_EVER)


def submissions_that_hang(running: Product, users: Sequence[str]) -> None:
    running.stack.simulator.fault("hang", "start_app2", user=users[0], seconds=FOR_EVER)


def submissions_in_vain(running: Product, users: Sequence[str]) -> None:
    running.stack.simulator.fault("error", "start_app2", user=users[0])


def refused_token(running: Product, users: Sequence[str]) -> None:
    running.stack.simulator.expire(users[0])


def spoilt_documents(_running: Product, users: Sequence[str]) -> None:
    """One in two of the user's workflows and jobs holds what nobody can read."""
    for kind, field in ((documents.Workflow, "cap"), (documents.Job, "outcome")):
        rows = [row["_id"] for row in collection(kind).find({"owner": users[0]}, {"_id": 1})]
        collection(kind).update_many({"_id": {"$in": rows[::2]}}, {"$set": {field: "nonsense"}})


TROUBLES = {
    "nothing": nothing,
    "polls that hang": polls_that_hang,
    "every call hangs": calls_that_hang,
    "every call of two users hangs": calls_of_two_that_hang,
    "polls of eight users hang": polls_of_all_that_hang,
    "submissions that hang": submissions_that_hang,
    "submissions in vain": submissions_in_vain,
    "a refused token": refused_token,
    "spoilt documents": spoilt_documents,
}


if __name__ == "__main__":
    main()
