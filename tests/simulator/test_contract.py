"""The simulator answers recorded requests as AppService did: the same keys, kinds and texts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import pytest

from simulator.client import Simulator
from tests.bvbrc import recorded
from tests.shared import shared_path
from tests.simulated import simulator_process

USER, OTHER = "fakeuser@patricbrc.org", "otheruser@patricbrc.org"

LEFT_OUT = {
    "199c": "compares a recorded time of day with now: right in the mornings only",
    "008": "texts of applications are our own; tests/bvbrc/test_app_table.py compares the facts",
    "270": "the envelope of an unreadable request is that of the worker's last one",
    "288": "a job that posted its exit code and nothing else is not simulated",
    "048b": "texts beyond ASCII in latin-1 columns come back mangled or not; not simulated",
    "060": "a cluster without containers: the reason of a refusal is lost on the way",
    "300": "p3x-terminate missing at the server is not simulated",
    "301": "p3x-submit-job missing at the server is not simulated",
    "305": "an outage of Redis is not simulated; fault `error` says any text",
    "306": "an outage of Redis is not simulated; fault `error` says any text",
    "319": "no answer was recorded; see test_simulator_faults.py",
}


def empty_reads(simulator: Simulator) -> None:
    path = f"/{USER}/home/reads/empty.fastq"
    token = simulator.token(USER)
    simulator.rpc(token, "Workspace.create", {"objects": [[path, "reads", {}, ""]]})


def kill(simulator: Simulator, job_id: str) -> None:
    simulator.rpc(simulator.token(USER), "AppService.kill_task", job_id)


def gone(simulator: Simulator, method: str) -> None:
    simulator.fault("error", method, text="DBD::mysql::st execute failed: Server has gone away")


def start(simulator: Simulator, token: str, app: str, name: str, key: str | None = None) -> None:
    params: dict[str, Any] = {
        "output_path": f"/{USER}/home/out",
        "output_file": name,
        "contigs": f"/{USER}/home/contigs/s1.contigs.fasta",
        "scientific_name": "Escherichia coli",
    }
    start_params = {"base_url": "https://www.bv-brc.org", "user_metadata": key}
    simulator.rpc(token, "AppService.start_app2", app, params, start_params)


NAMES = {1: "asm1", 2: "ann1", 7: "finished", 28: "private-name", 32: "asm1", 33: "private-name"}
RUNNING, SUCCEEDED, FAILED = (23, 26, 31), (1, 36, 37), (2, 24, 25)


Before = Callable[[Simulator], object]
BEFORE: Mapping[str, Before] = {
    "004": lambda it: it.switch(enabled=False, message="The BV-BRC services are down\n"),
    "005": lambda it: it.switch(enabled=False),
    "007": lambda it: it.switch(disabled_apps=["GenomeAssembly2"]),
    "031": empty_reads,
    "049b": lambda it: it.switch(latin1_only=False),
    "049d": lambda it: it.switch(latin1_only=False),
    "051b": lambda it: it.switch(oversize="truncate"),
    "109": lambda it: kill(it, "21000022"),
    "156": lambda it: kill(it, "21000030"),
    "160": lambda it: it.switch(cancel_fails=True),
    "280": lambda it: it.switch(status_file=False),
    "294": lambda it: it.act("archive", "21000036"),
    "295": lambda it: it.act("archive", "21000036"),
    "302": lambda it: it.fault("status", "Workspace.get"),
    "303": lambda it: it.fault("status", "Workspace.get"),
    "308": lambda it: it.fault("no_reason", "start_app2"),
    "310": lambda it: it.fault("db_lost", "query_tasks"),
    "311": lambda it: it.fault("db_lost", "query_tasks"),
    "312": lambda it: gone(it, "query_tasks"),
    "313": lambda it: gone(it, "query_tasks"),
    "314": lambda it: gone(it, "query_tasks"),
    "315": lambda it: gone(it, "query_tasks"),
    "316": lambda it: gone(it, "query_task_summary"),
    "320": lambda it: it.fault("no_reason", "start_app2", done=True),
}
"""What had been done to the genuine service when the answer was recorded."""


class World:
    """A simulator with the jobs 21000001 to 21000037 as they were at the recording."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.touched = True

    def made(self, exchange: recorded.Exchange) -> Simulator:
        """The simulator, made again if this or the last exchange changes what others need."""
        number = exchange.name.partition("-")[0]
        changing = ("kill_task", "start_app", "rerun_task")
        touching = number in BEFORE or any(each in exchange.name for each in changing)
        if touching or self.touched:
            self.simulator.reset()
            put_inputs(self.simulator)
            if "start_app" not in exchange.name or "parent_id" in exchange.name:
                populate(self.simulator)
        self.touched = touching
        BEFORE.get(number, lambda _it: None)(self.simulator)
        return self.simulator


def put_inputs(simulator: Simulator) -> None:
    names = ("contigs/s1.contigs.fasta", "reads/s1_R1.fastq", "reads/s1_R2.fastq")
    objects = [[f"/{USER}/home/{name}", "contigs", {}, ">c\nA\n"] for name in names]
    simulator.rpc(simulator.token(USER), "Workspace.create", {"objects": objects})


def populate(simulator: Simulator) -> None:
    simulator.app(queue_seconds=None, run_seconds=None)
    user, other = simulator.token(USER), simulator.token(OTHER)
    for number in range(1, 38):
        app = {1: "GenomeAssembly2", 28: "Date", 32: "GenomeAssembly2", 33: "Date"}.get(number)
        key = "FAKE-CORRELATION-0001" if number == 2 else None
        name = NAMES.get(number, f"ann{number}")
        token = other if number == 28 else user
        start(simulator, token, app or "GenomeAnnotation", name, key)
    simulator.act("release", job(28), job(34))
    simulator.act("start", *(job(number) for number in RUNNING))
    simulator.act("finish", *(job(number) for number in SUCCEEDED))
    simulator.act("fail", *(job(number) for number in FAILED))
    simulator.act("mark_deleted", job(27))
    for name, text in {"stdout": "hello\n", "stderr": "sig=abcdef0123456789\n"}.items():
        post_file(simulator, user, name, text)


@pytest.fixture(scope="module")
def world(contract_server: Simulator) -> World:
    return World(contract_server)


def post_file(simulator: Simulator, token: str, name: str, text: str) -> None:
    headers = {"Authorization": f"OAuth {token}"}
    url = f"http://x/task_info/{job(1)}/{name}"
    request = {"method": "POST", "url": url, "headers": headers, "body": text}
    assert recorded.replay(simulator, recorded.Exchange("", request, {})).status == 200


def job(number: int) -> str:
    return str(21_000_000 + number)


@pytest.fixture(scope="module")
def contract_server() -> Iterator[Simulator]:
    with simulator_process() as simulator:
        yield simulator


def test_there_are_recorded_exchanges() -> None:
    assert shared_path(recorded.FOLDER)
    assert len(recorded.names()) > 250


@pytest.mark.parametrize("name", recorded.names())
def test_a_recorded_request_gets_such_an_answer(world: World, name: str) -> None:
    number = name.partition("-")[0]
    if number in LEFT_OUT:
        pytest.skip(LEFT_OUT[number])
    exchange = recorded.read(name)

    answer = recorded.replay(world.made(exchange), exchange)

    assert answer.status == exchange.response["status"]
    theirs = {key.lower(): value for key, value in exchange.response["headers"].items()}
    if exchange.response["body"].startswith("{"):
        assert answer.headers["Content-Type"] == theirs["content-type"]
        compare(exchange.response["body"], answer.text)
    else:
        compare_texts(exchange.response["body"], answer.text)
        for header in ("www-authenticate", "access-control-allow-origin"):
            assert (header in theirs) == (header in map(str.lower, answer.headers))


def compare(theirs: str, ours: str) -> None:
    """Two JSON answers: shapes, and what an error says."""
    there, here = json.loads(theirs), json.loads(ours)
    assert list(recorded.differences(there, here)) == []
    if error := there.get("error"):
        assert error["code"] == here["error"]["code"]
        messages = [each["error"]["message"] for each in (there, here)]
        heads = [recorded.message_head(message) for message in messages]
        assert heads[0] == heads[1]
        theirs_traced, ours_traced = ("\n\t" in message for message in messages)
        assert theirs_traced == ours_traced
    elif is_short(there["result"]):
        assert masked(there["result"]) == masked(here["result"])


def compare_texts(theirs: str, ours: str) -> None:
    assert bool(theirs) == bool(ours)
    assert ("sig=XXX" in theirs) == ("sig=XXX" in ours)


def is_short(result: list[Any]) -> bool:
    """Answers such as ``[1, "Terminated"]``, which are compared word for word."""
    return all(isinstance(each, (int, str)) for each in result)


def masked(result: list[Any]) -> list[Any]:
    return [re.sub(r"\d+", "N", each) if isinstance(each, str) else each for each in result]


def test_keys_come_in_no_particular_order(contract_server: Simulator) -> None:
    contract_server.reset()
    token = contract_server.token(USER)
    exchange = recorded.Exchange(
        "",
        {
            "method": "POST",
            "url": "http://x/",
            "headers": {"Authorization": token},
            "body": '{"jsonrpc":"2.0","id":1,"method":"AppService.version"}',
        },
        {},
    )

    orders = [list(json.loads(recorded.replay(contract_server, exchange).text)) for _ in range(40)]

    assert any(one != other for one, other in pairwise(orders))
