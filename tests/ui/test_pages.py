"""Who gets which page, and what protects the others."""

from __future__ import annotations

import re

import pytest
import requests

from devstack.processes import wait_until
from tests.cwl.planning import EXAMPLES
from tests.cwl.planning import workflow as cwl
from tests.engine.test_replan import IMPOSSIBLE, NEEDS
from tests.product import ALICE, BOB, UI_GROUP, Product, document
from tests.ui.conftest import Visitor

pytestmark = UI_GROUP
PAGES = [
    "",
    "timeline",
    "steps",
    "step?name=a",
    "waiting",
    "log",
    "cancel",
    "retry",
    "delete",
    "live",
]


@pytest.fixture
def workflow(product: Product) -> str:
    return product.submit(document({"a": "", "b": "a"}))


def test_a_stranger_is_led_to_the_sign_in_and_back(visitor: Visitor, workflow: str) -> None:
    answer = visitor.get(f"/workflows/{workflow}/timeline")

    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/ui/sign-in?next=/ui/workflows/{workflow}/timeline"
    back = visitor.post(
        "/sign-in",
        data={"token": visitor.product.token(), "next": f"/ui/workflows/{workflow}/timeline"},
    )
    assert back.headers["Location"] == f"/ui/workflows/{workflow}/timeline"


@pytest.mark.parametrize(
    "place", ["https://evil.example/", "//evil.example", "/ui/\\evil", "/ui//evil", "/api/v1"]
)
def test_the_sign_in_leads_to_no_other_place(visitor: Visitor, place: str) -> None:
    answer = visitor.post("/sign-in", data={"token": visitor.product.token(), "next": place})

    assert answer.headers["Location"] == "/ui/"


def test_the_cookie_is_sealed_and_out_of_reach_of_scripts_and_other_sites(
    visitor: Visitor,
) -> None:
    cookie = visitor.sign_in().headers["Set-Cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path=/ui" in cookie
    assert "Expires=" in cookie
    assert "tokenid" not in cookie
    assert visitor.product.token()[:20] not in cookie


@pytest.mark.parametrize("kind", ["forged", "expired"])
def test_a_token_that_proves_nothing_signs_nobody_in(visitor: Visitor, kind: str) -> None:
    simulator = visitor.product.simulator
    token = {
        "forged": visitor.product.token().replace("un=alice", "un=bob"),
        "expired": simulator.token("carol@bvbrc", seconds=-60),
    }[kind]

    answer = visitor.post("/sign-in", data={"token": token})

    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert 'role="alert"' in answer.text
    assert token not in answer.text


@pytest.mark.parametrize("page", PAGES)
def test_a_workflow_is_shown_to_its_owner_only(visitor: Visitor, workflow: str, page: str) -> None:
    visitor.sign_in(BOB)

    answer = visitor.get(f"/workflows/{workflow}/{page}")

    assert answer.status_code == 403
    assert "belongs to another user" in answer.text


@pytest.mark.parametrize("action", ["cancel", "retry", "start", "token"])
def test_nobody_else_can_steer_it(visitor: Visitor, workflow: str, action: str) -> None:
    visitor.sign_in(BOB)

    answer = visitor.post(f"/workflows/{workflow}/{action}", data={"secret": visitor.secret()})

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        ({}, {}),
        ({"secret": "guessed"}, {}),
        (None, {"Origin": "https://evil.example"}),
        (None, {"Sec-Fetch-Site": "cross-site"}),
    ],
    ids=["no secret", "a wrong secret", "another origin", "another site"],
)
def test_a_form_that_is_not_ours_changes_nothing(
    alice: Visitor, workflow: str, data: dict[str, str] | None, headers: dict[str, str]
) -> None:
    sent = {"secret": alice.secret()} if data is None else data

    answer = alice.post(f"/workflows/{workflow}/cancel", data=sent, headers=headers)

    assert answer.status_code == 403
    assert alice.product.state(workflow) != "cancelled"


def test_another_site_cannot_sign_anybody_in(visitor: Visitor) -> None:
    answer = visitor.post(
        "/sign-in",
        data={"token": visitor.product.token()},
        headers={"Origin": "https://evil.example"},
    )

    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_signing_out_ends_the_session(alice: Visitor) -> None:
    alice.post("/sign-out", data={"secret": alice.secret()})

    assert alice.get("/").status_code == 303


def test_a_cookie_that_was_tampered_with_counts_for_nothing(alice: Visitor) -> None:
    (cookie,) = alice.session.cookies
    cookie.value = f"{(cookie.value or '')[:-8]}AAAAAAA="

    assert alice.get("/").status_code == 303


def test_a_token_that_expires_ends_the_session(visitor: Visitor) -> None:
    short = visitor.product.simulator.token("dora@bvbrc", seconds=3)
    visitor.post("/sign-in", data={"token": short})

    wait_until(lambda: visitor.get("/").status_code == 303, "the session has ended")

    assert "/ui/sign-in" in visitor.get("/").headers["Location"]


def test_a_link_from_another_site_is_asked_for_again_with_the_cookie(visitor: Visitor) -> None:
    answer = visitor.get("/", headers={"Sec-Fetch-Site": "cross-site"})

    assert answer.status_code == 200
    assert 'http-equiv="refresh"' in answer.text


def test_every_page_forbids_what_it_does_not_need(alice: Visitor, workflow: str) -> None:
    for page in ["/", f"/workflows/{workflow}/", "/sign-in", "/nothing"]:
        headers = alice.get(page).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing", 404),
        ("/workflows/wf_none/", 404),
        ("/?since=yesterday", 400),
        ("/?page=nonsense", 400),
        ("/static/nothing", 404),
    ],
)
def test_failures_are_pages_too(alice: Visitor, path: str, status: int) -> None:
    answer = alice.get(path)

    assert answer.status_code == status
    assert answer.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    ("page", "tab"),
    [("step?name=b", "Steps"), ("output?name=b", "Steps"), ("steps", "Steps"), ("", "Graph")],
)
def test_every_page_of_a_workflow_has_a_current_tab(
    alice: Visitor, product: Product, workflow: str, page: str, tab: str
) -> None:
    product.ends(workflow)

    shown = alice.get(f"/workflows/{workflow}/{page}").text

    tabs = shown.partition('<nav class="tabs"')[2].partition("</nav>")[0]
    assert re.findall(r'aria-current="(?:page|true)">(\w+)</a>', tabs) == [tab]


def test_a_plan_takes_no_time_yet(alice: Visitor, product: Product) -> None:
    plan = product.ask("POST", "/workflows/plan", json=document({"a": ""}, name="a plan"))

    shown = alice.get(f"/workflows/{plan['workflow_id']}/").text

    assert "stored" in shown
    assert "so far" not in shown


def test_a_step_that_does_not_exist_is_not_found(alice: Visitor, workflow: str) -> None:
    assert alice.get(f"/workflows/{workflow}/step?name=x").status_code == 404


def test_texts_of_users_are_no_markup(alice: Visitor) -> None:
    evil = "<img src=x onerror=alert(1)>"
    workflow = alice.product.submit(document({evil: ""}, name=evil, labels={evil: evil}))

    for page in ["/", *(f"/workflows/{workflow}/{page}" for page in PAGES[:-1])]:
        assert "<img" not in alice.get(page).text
    shown = alice.get(f"/workflows/{workflow}/step", params={"name": evil})
    assert shown.status_code == 200
    assert "&lt;img src=x" in shown.text


def test_the_filters_of_the_list_hold(alice: Visitor, product: Product) -> None:
    product.submit(document({"a": ""}, name="wanted one"))
    product.submit(document({"a": ""}, name="the other"))

    shown = alice.get("/", params={"name": "wanted one", "app": "Date"}).text

    assert "wanted one" in shown
    assert "the other" not in shown
    assert "No workflow of yours matches" in alice.get("/", params={"app": "Nope"}).text


def test_a_plan_shows_its_problems_or_starts(alice: Visitor, product: Product) -> None:
    good = product.ask("POST", "/workflows/plan", json=document({"a": ""}))["workflow_id"]
    bad = product.ask("POST", "/workflows/plan", json=document({"a": "x"}))["workflow_id"]

    assert "This plan cannot run" in alice.get(f"/workflows/{bad}/").text
    alice.post(f"/workflows/{good}/start", data={"secret": alice.secret()})

    assert product.ends(good) == "succeeded"


def test_what_a_job_wrote_is_shown(alice: Visitor, product: Product, workflow: str) -> None:
    product.ends(workflow)

    stdout, stderr = (
        alice.get(f"/workflows/{workflow}/output", params={"name": "a", "of": name}).text
        for name in ("stdout", "stderr")
    )

    assert "<pre" in stdout
    assert "It wrote nothing to stderr." in stderr


def test_the_provenance_is_saved_by_a_button(
    alice: Visitor, product: Product, workflow: str
) -> None:
    product.ends(workflow)

    page, crate = alice.get(f"/workflows/{workflow}/"), alice.get(f"/workflows/{workflow}/ro-crate")

    assert f"/ui/workflows/{workflow}/ro-crate" in page.text
    assert crate.headers["Content-Type"] == "application/zip"
    assert crate.content.startswith(b"PK")


def test_why_a_step_failed_is_on_every_page(alice: Visitor, product: Product) -> None:
    oom = {"outcome": "failed", "cluster_status": "OUT_OF_MEMORY", "stderr": "<b>the end</b>\n"}
    product.simulator.app("*", output_file="why*", run_seconds=0, **oom)
    workflow = product.submit(document({"why": ""}))
    product.ends(workflow)

    for page in ("/", f"/workflows/{workflow}/", f"/workflows/{workflow}/step?name=why"):
        assert "Ran out of memory (1 GB asked, exit code 137)" in alice.get(page).text, page
    step = alice.get(f"/workflows/{workflow}/step?name=why").text
    assert "&lt;b&gt;the end&lt;/b&gt;" in step
    output = alice.get(f"/workflows/{workflow}/output?name=why&of=stderr&attempt=1").text
    assert "the end" in output


def test_a_failure_that_no_step_is_at_fault_for_is_on_the_page_of_the_workflow(
    alice: Visitor,
) -> None:
    product = alice.product
    body = {"workflow": cwl(IMPOSSIBLE, needs=NEEDS), "inputs": {}}
    workflow = product.ask("POST", "/workflows/submit-cwl", json=body)["workflow_id"]
    assert product.ends(workflow) == "failed"

    assert set(product.steps(workflow).values()) == {"succeeded"}
    for page in ("/", f"/workflows/{workflow}/"):
        assert "Further steps cannot be planned: " in alice.get(page).text, page


def test_results_are_links_to_bvbrc(alice: Visitor, product: Product) -> None:
    found = document({"made": ""})
    found["steps"][0]["outputs"] = {"log": "${params.output_path}/.${params.output_file}/log.txt"}
    workflow = product.submit(found)
    product.ends(workflow)
    url = f"https://www.bv-brc.org/workspace/{ALICE}/home/out/.made"

    assert f'href="{url}/log.txt"' in alice.get(f"/workflows/{workflow}/").text
    step = alice.get(f"/workflows/{workflow}/step?name=made").text
    assert f'href="{url}/log.txt"' in step
    assert f'href="{url}"' in step
    assert 'href="https://www.bv-brc.org/job/' in step


def test_of_a_workflow_that_names_no_outputs_the_folders_of_the_last_jobs_are_linked(
    alice: Visitor, product: Product, workflow: str
) -> None:
    product.ends(workflow)

    shown = alice.get(f"/workflows/{workflow}/results").text

    assert f'<a href="https://www.bv-brc.org/workspace/{ALICE}/home/out/.b"' in shown
    assert "/.a" not in shown


def test_a_retry_takes_the_failed_steps_up_again(alice: Visitor, product: Product) -> None:
    rule = product.simulator.app("*", output_file="b*", outcome="failed", run_seconds=1)
    workflow = product.submit(document({"a": "", "b": "a", "c": "b"}))
    assert product.ends(workflow) == "failed"
    asked = alice.get(f"/workflows/{workflow}/retry").text

    assert rule
    product.simulator.clear_rules()
    alice.post(f"/workflows/{workflow}/retry", data={"secret": alice.secret()})

    assert "2 steps" in asked
    assert "b (failed), c (upstream failed)" in asked
    assert product.ends(workflow) == "succeeded"


def test_reused_steps_are_hatched_in_the_graph_with_a_legend(
    alice: Visitor, product: Product
) -> None:
    assembly = document({"a": "", "b": ""}, reuse="mine")
    assembly["steps"][0] |= {"app": "GenomeAssembly2"}
    assembly["steps"][0]["params"] |= {"srr_ids": ["SRR5121082"]}
    first = product.submit(assembly)
    assert product.ends(first) == "succeeded"

    def page_of_another_run() -> str:
        """What the first run left may not be noted yet."""
        workflow = product.submit(assembly)
        assert product.ends(workflow) == "succeeded"
        return alice.get(f"/workflows/{workflow}/").text

    found: list[str] = []
    wait_until(
        lambda: found.append(page_of_another_run()) or "hatched" in found[-1], "a step is reused",
    )  # fmt: skip

    assert found[-1].count('class="succeeded hatched"') == 1
    assert 'aria-label="a GenomeAssembly2, succeeded, reused"' in found[-1]
    assert 'aria-label="b Date, succeeded"' in found[-1]
    assert "reused: 1 step took the results" in found[-1]
    assert '<pattern id="hatch"' in found[-1]
    assert "hatch" not in alice.get(f"/workflows/{first}/").text


def test_a_live_page_is_told_of_every_event(alice: Visitor, product: Product) -> None:
    workflow = product.submit(document({"a": ""}))

    with alice.get(f"/workflows/{workflow}/live", stream=True) as answer:
        lines = [line for line in answer.iter_lines(decode_unicode=True) if line]

    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert lines[-1].startswith("data:")
    assert '"after": "succeeded"' in lines[-1]


def test_pages_of_a_workflow_that_grows_show_what_is_known(alice: Visitor) -> None:
    product = alice.product
    product.simulator.app("MetagenomeBinning", run_seconds=None)
    body = {
        "workflow": "scatter_annotate.cwl",
        "files": {
            name: (EXAMPLES / name).read_text() for name in ("scatter_annotate.cwl", "bins.cwl")
        },
        "inputs": {"contigs": [], "runs": ["SRR1"], "scientific_name": "E"},
    }
    workflow = product.ask("POST", "/workflows/submit-cwl", json=body)["workflow_id"]
    product.reaches(workflow, "assemble", "running")
    early = alice.get(f"/workflows/{workflow}/waiting").text
    (job,) = product.simulator.jobs(user_metadata=f"{workflow}/0/1")
    product.simulator.act("finish", job["id"])
    assert product.ends(workflow) == "succeeded"

    pages = [
        alice.get(f"/workflows/{workflow}/{page}") for page in ("", "steps", "timeline", "log")
    ]

    assert "follow once step" in early
    results = alice.get(f"/workflows/{workflow}/results").text
    for shown in (pages[0].text, results):  # as a tree, and not as a line of JSON
        assert "genomes" in shown
        assert "&#34;genomes" not in shown
    assert "<summary>object" not in results
    assert [page.status_code for page in pages] == [200] * len(pages)
    assert 'href="?in=annotate"' in pages[0].text
    assert "annotate__1" in alice.get(f"/workflows/{workflow}/?in=annotate").text
    assert all("annotate__1" in page.text for page in pages[1:])
    assert "bin.1.562.fa" in alice.get(f"/workflows/{workflow}/step?name=assemble").text


def test_the_assets_may_be_kept_for_ever(visitor: Visitor) -> None:
    page = visitor.get("/sign-in").text
    href = page.split('<link rel="stylesheet" href="')[1].split('"')[0]

    answer = requests.get(visitor.product.url + href, timeout=60)

    assert answer.status_code == 200
    assert "max-age=31536000" in answer.headers["Cache-Control"]


def test_a_sign_out_ends_every_copy_of_the_session(alice: Visitor) -> None:
    stolen = alice.session.cookies.copy()

    alice.post("/sign-out", data={"secret": alice.secret()})
    alice.session.cookies.update(stolen)

    assert alice.get("/").status_code == 303
    assert alice.sign_in().status_code == 303
    assert alice.get("/").status_code == 200


def test_an_ended_workflow_is_deleted_after_a_page_that_says_what_goes(
    alice: Visitor, product: Product
) -> None:
    product.simulator.app("*", run_seconds=None)
    workflow = product.submit(document({"a": ""}))
    assert "Cancel it first" in alice.get(f"/workflows/{workflow}/delete").text
    product.finish(workflow, "a")
    product.ends(workflow)

    page = alice.get(f"/workflows/{workflow}/delete").text
    done = alice.post(f"/workflows/{workflow}/delete", data={"secret": alice.secret()})

    assert "deleted for good" in page
    assert done.headers["Location"] == "/ui/"
    assert alice.get(f"/workflows/{workflow}/").status_code == 404


def test_the_kept_token_is_forgotten_and_the_session_goes_on(
    alice: Visitor, product: Product, workflow: str
) -> None:
    product.ends(workflow)

    assert "My token" in alice.get("/").text
    assert "Forget my token" in alice.get("/token").text
    done = alice.post("/token", data={"secret": alice.secret()})

    assert done.headers["Location"] == "/ui/"
    assert alice.get("/").status_code == 200
    parked = product.submit(document({"a": ""}))
    # A process that took the token a moment before it was forgotten does not keep it again.
    product.ask("PUT", f"/workflows/{parked}/token")
    assert product.ends(parked) == "succeeded"
