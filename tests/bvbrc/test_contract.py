"""The client and a whole service: the simulator, and with BVBRC_TOKEN the genuine one (-m live).

Only what takes nothing from anybody is asked of the genuine service: no job is started there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from simulator.client import Simulator
from tests.simulated import simulator_process
from workflows.backends.appservice.client import AppService, JobWord
from workflows.bvbrc.minhash import Minhash, Search
from workflows.bvbrc.rpc import Rpc
from workflows.bvbrc.signers import SignerKeys
from workflows.bvbrc.token import Verifier, parse
from workflows.bvbrc.wire import Wire
from workflows.bvbrc.workspace import Workspace, group_path
from workflows.model.errors import InDoubt, NotFound, Rejected, ServiceAway, Unauthorized

TIMEOUT = timedelta(seconds=60)
SINCE = datetime.now(UTC) - timedelta(minutes=1)
GENUINE = "https://p3.theseed.org/services"


@dataclass(frozen=True)
class Party:
    """A service and a user that it knows."""

    service: AppService
    workspace: Workspace
    minhash: Minhash
    token: str
    signer: str

    @property
    def home(self) -> str:
        return f"/{parse(self.token).user}/home"


def party(services: str, token: str, signer: str) -> Party:
    rpc = Rpc(Wire())
    return Party(
        AppService(rpc, f"{services}/app_service", timeout=TIMEOUT, submit_timeout=TIMEOUT),
        Workspace(rpc, f"{services}/Workspace", timeout=TIMEOUT),
        Minhash(rpc, f"{services}/minhash_service", timeout=TIMEOUT),
        token,
        signer,
    )


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with simulator_process() as simulator:
        yield simulator


@pytest.fixture
def simulated(simulator: Simulator) -> Party:
    simulator.reset()
    return party(f"{simulator.url}/services", simulator.token("alice@bvbrc"), simulator.signer)


@pytest.fixture(params=["simulated", pytest.param("genuine", marks=pytest.mark.live)])
def either(request: pytest.FixtureRequest) -> Party:
    if request.param == "simulated":
        found: Party = request.getfixturevalue("simulated")
        return found
    token = os.environ.get("BVBRC_TOKEN")
    if not token:
        pytest.skip("needs BVBRC_TOKEN, a token of the genuine BV-BRC")
    return party(GENUINE, token, "https://user.patricbrc.org/public_key")


def key() -> str:
    return f"{uuid4().hex}/0/1"


def params(name: str) -> dict[str, str]:
    return {"output_path": "/alice@bvbrc/home/out", "output_file": name}


def start(party: Party, submission: str, name: str = "now") -> str:
    return party.service.start(
        party.token, "Date", params(name), key=submission, base_url="https://www.bv-brc.org"
    )


def find(party: Party, submission: str, name: str = "now") -> tuple[str, ...]:
    return party.service.find(party.token, submission, app="Date", since=SINCE, **params(name))


def test_a_token_verifies_with_its_signers_key(either: Party) -> None:
    keys = SignerKeys(Wire(), [either.signer])
    identity = Verifier(keys=keys, trusted=[either.signer])(either.token, datetime.now(UTC))
    assert "@" in identity.user


def test_the_service_says_whether_it_takes_jobs(either: Party) -> None:
    enabled, _ = either.service.status(either.token)
    assert enabled in (True, False)


def test_the_service_describes_its_apps(either: Party) -> None:
    apps = {app["id"]: app for app in either.service.apps(either.token)}
    assert any(parameter["id"] == "contigs" for parameter in apps["GenomeAnnotation"]["parameters"])


def test_an_unknown_job_is_absent_and_nothing_left_to_kill(either: Party) -> None:
    assert either.service.query(either.token, ["1"]) == {}
    assert either.service.kill(either.token, ["1"])["1"].gone


def test_a_key_that_was_never_used_finds_nothing(either: Party) -> None:
    assert find(either, key(), uuid4().hex) == ()


def test_a_token_that_proves_nothing_is_refused(either: Party) -> None:
    with pytest.raises(Unauthorized):
        either.service.query("garbage", ["1"])


def test_a_home_is_listed_and_what_is_not_there_is_not_found(either: Party) -> None:
    assert either.workspace.item(either.token, either.home).is_folder
    assert either.workspace.ls(either.token, f"{either.home}/{uuid4().hex}") == ()
    with pytest.raises(NotFound):
        either.workspace.item(either.token, f"{either.home}/{uuid4().hex}")
    with pytest.raises(NotFound):
        either.workspace.job_result(either.token, f"{either.home}/{uuid4().hex}")


def test_genomes_like_one_are_found(either: Party) -> None:
    hits = either.minhash.similar(either.token, Search(genome_id="83332.12", max_distance=0.5))
    assert all(hit.genome_id and 0 <= hit.distance <= 0.5 for hit in hits)


def test_a_job_is_started_found_reported_and_killed(simulated: Party, simulator: Simulator) -> None:
    simulator.app("Date", run_seconds=None)
    submission = key()
    known = start(simulated, submission)
    assert find(simulated, submission) == (known,)
    assert find(simulated, key()) == ()
    report = simulated.service.query(simulated.token, [known])[known]
    assert report.state in (JobWord.QUEUED, JobWord.RUNNING)
    assert report.submitted_at is not None
    assert report.output_file == "now"
    assert simulated.service.kill(simulated.token, [known])[known].killed


def test_a_job_that_ended_shows_its_texts_and_its_exit_code(
    simulated: Party, simulator: Simulator
) -> None:
    simulator.app("Date", stdout="the date\n")
    known = start(simulated, key())
    simulator.act("finish", known)
    simulator.advance(60)
    report = simulated.service.query(simulated.token, [known])[known]
    assert report.state is JobWord.SUCCEEDED
    assert report.finished_at is not None
    assert simulated.service.exit_code(simulated.token, known) == "0"
    shown = simulated.service.text(simulated.token, known, "stdout", limit_bytes=100)
    assert shown == "the date\n"
    with pytest.raises(NotFound):
        simulated.service.text(simulated.token, "99999999", "stdout", limit_bytes=100)


@pytest.mark.parametrize("qstat", [True, False])
@pytest.mark.parametrize("kind", ["lost", "reset", "cut", "garbage"])
def test_a_start_whose_answer_is_lost_is_in_doubt_and_found(
    simulated: Party, simulator: Simulator, kind: str, qstat: bool
) -> None:
    simulator.switch(qstat=qstat)
    simulator.fault(kind, "AppService.start_app2", count=1)
    submission = key()
    with pytest.raises(InDoubt) as loss:
        start(simulated, submission)
    assert not loss.value.answered
    [job] = simulator.jobs()
    assert find(simulated, submission) == (str(job["id"]),)


def test_two_submissions_to_the_same_place_are_told_apart_without_a_search(
    simulated: Party, simulator: Simulator
) -> None:
    simulator.switch(qstat=False)
    keys = [key(), key()]
    started = [start(simulated, submission) for submission in keys]
    assert [find(simulated, submission) for submission in keys] == [(one,) for one in started]


@pytest.mark.parametrize(
    ("kind", "settings", "raised"),
    [
        ("no_reason", {}, InDoubt),
        ("status", {"status": 502}, InDoubt),
        ("html", {}, InDoubt),
        ("cloudflare", {}, ServiceAway),
        ("disabled", {}, ServiceAway),
        ("expired", {}, Unauthorized),
        ("db_lost", {}, InDoubt),
    ],
)
def test_every_fault_of_a_start_is_sorted_by_what_it_leaves(
    simulated: Party,
    simulator: Simulator,
    kind: str,
    settings: dict[str, int],
    raised: type[Exception],
) -> None:
    simulator.fault(kind, "AppService.start_app2", count=1, **settings)
    with pytest.raises(raised):
        start(simulated, key())
    assert simulator.jobs() == []


def test_a_missing_parameter_is_the_users_to_fix(simulated: Party) -> None:
    with pytest.raises(Rejected, match=r"\(contigs\) missing") as refusal:
        simulated.service.start(
            simulated.token, "GenomeAnnotation", params("ann"), key=key(), base_url=""
        )
    assert not refusal.value.maybe_transient


def test_a_group_is_stored_once_and_left_alone_if_it_is_another(simulated: Party) -> None:
    path = group_path("alice@bvbrc", "genome_group", "My group")
    for _ in range(2):
        simulated.workspace.save_group(simulated.token, path, "genome_group", ["83332.12"])
    assert simulated.workspace.group(simulated.token, path) == ("83332.12",)
    with pytest.raises(Rejected, match="Overwriting object"):
        simulated.workspace.save_group(simulated.token, path, "genome_group", ["511145.12"])
    assert [item.name for item in simulated.workspace.ls(simulated.token, path[:-9])] == [
        "My group"
    ]


def test_a_folder_is_made_with_those_above_it_and_again_without_harm(simulated: Party) -> None:
    folder = f"{simulated.home}/{uuid4().hex}/a b"
    for _ in range(2):
        simulated.workspace.create_folder(simulated.token, folder)
    assert simulated.workspace.item(simulated.token, folder).is_folder


def test_an_object_that_lost_its_way_in_a_missing_workspace_is_stored(simulated: Party) -> None:
    path = f"/alice@bvbrc/{uuid4().hex}/x"
    simulated.workspace.save(simulated.token, path, "json", {"a": 1})
    assert simulated.workspace.job_result(simulated.token, path) == {"a": 1}


def test_somebody_elses_things_are_neither_seen_nor_absent(
    simulated: Party, simulator: Simulator
) -> None:
    bob = simulator.token("bob@bvbrc")
    simulated.workspace.create_folder(bob, "/bob@bvbrc/home/private")
    with pytest.raises(Rejected):
        simulated.workspace.item(simulated.token, "/bob@bvbrc/home/private")


def test_the_result_of_a_job_is_read(simulated: Party, simulator: Simulator) -> None:
    known = start(simulated, key(), "result")
    simulator.act("finish", known)
    simulator.advance(60)
    simulated.service.query(simulated.token, [known])
    result = simulated.workspace.job_result(simulated.token, f"{simulated.home}/out/result")
    assert result["success"] == 1
    assert str(result["id"]) == known
