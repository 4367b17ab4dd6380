"""How far workflows are: the status, the whole document, the list."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.app.conftest import BOB, ROOT, Api
from tests.engine.conftest import ALICE, document


@pytest.mark.parametrize("named", [True, False])
def test_the_results_have_addresses(api: Api, named: bool) -> None:
    found = document("", "a")
    for step in found["steps"]:
        step["outputs"] = {"out": "${params.output_path}/.${params.output_file}/x.txt"}
    if named:
        found["workflow_outputs"] = ["${steps.a.outputs.out}"]
    workflow_id = api.submit(found)

    answer = api("GET", f"{ROOT}/{workflow_id}/outputs").json

    path = f"/{ALICE}/home/run/.o{0 if named else 1}/x.txt"
    (result,) = answer["workflow_outputs"]
    assert result["value"] == path
    assert result["url"] == f"https://www.bv-brc.org/workspace{path}"
    assert result.get("step_name") == (None if named else "b")
    assert answer["a"]["out"]["value"] == f"/{ALICE}/home/run/.o0/x.txt"
    assert api("GET", f"{ROOT}/{workflow_id}/outputs", None).status_code == 401


def test_a_status_is_not_sent_again_before_it_changes(api: Api) -> None:
    workflow_id = api.submit(document(""))
    first = api("GET", f"{ROOT}/{workflow_id}/status", None)
    again = {"If-None-Match": first.headers["ETag"]}

    same = api("GET", f"{ROOT}/{workflow_id}/status", None, headers=again)
    api("POST", f"{ROOT}/{workflow_id}/cancel")
    changed = api("GET", f"{ROOT}/{workflow_id}/status", None, headers=again)

    assert (same.status_code, same.data) == (304, b"")
    assert same.headers["ETag"] == first.headers["ETag"]
    assert changed.status_code == 200
    assert changed.json["status"] == "cancelled"


def test_times_are_iso_8601_in_utc(api: Api) -> None:
    before = datetime.now(UTC)
    workflow_id = api.submit(document(""))

    created = api("GET", f"{ROOT}/{workflow_id}/status", None).json["created_at"]

    assert created.endswith("Z")
    assert abs((datetime.fromisoformat(created) - before).total_seconds()) < 60


def test_a_step_shows_appservices_id_once_there_is_one(api: Api) -> None:
    workflow_id = api.submit(document("", "a"))
    api.simulator.app(queue_seconds=0, run_seconds=1000, lag_seconds=0)
    engine = api.engine()

    engine.until(lambda: engine.states(workflow_id)[0] == "running")

    steps = api("GET", f"{ROOT}/{workflow_id}/status", None).json["steps"]
    assert steps[0]["step_id"] == api.simulator.jobs()[0]["id"]
    assert steps[1]["step_id"] == ""


def test_the_document_can_be_submitted_again(api: Api) -> None:
    workflow_id = api.submit(document("", "a", labels={"project": "x"}))
    engine = api.engine()
    engine.ends(workflow_id)

    whole = api("GET", f"{ROOT}/{workflow_id}", None).json

    assert whole["status"] == "succeeded"
    assert whole["execution_metadata"]["attempts"][0]["outcome"] == "succeeded"
    again = api.submit(whole)
    assert api("GET", f"{ROOT}/{again}", None).json["status"] == "pending"


def test_the_list_is_the_callers_own_newest_first(api: Api) -> None:
    ids = [api.submit(document("", workflow_name=f"w{number}")) for number in range(3)]
    api.submit(document(""), BOB)

    found = api("GET", ROOT).json

    assert [each["workflow_id"] for each in found["workflows"]] == ids[::-1]
    assert found["next_page_token"] is None


def test_pages_hold_each_workflow_once_while_others_are_submitted(api: Api) -> None:
    ids = [api.submit(document("")) for _ in range(5)]
    seen, token = [], ""

    while token is not None:
        page = api("GET", ROOT, query_string={"page_size": 2, "page_token": token}).json
        seen += [each["workflow_id"] for each in page["workflows"]]
        token = page["next_page_token"]
        api.submit(document(""))

    assert seen == ids[::-1]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"status": "pending"}, ["new", "old"]),
        ({"status": "cancelled"}, ["gone"]),
        ({"status": ["cancelled", "pending"]}, ["gone", "new", "old"]),
        ({"status": "running"}, []),
        ({"app": "Sleep"}, ["new"]),
        ({"name": "old"}, ["old"]),
        ({"label": "a b:c:d"}, ["gone"]),
        ({"label": "a b:c"}, []),
        ({"label": ["a b:c:d", "e:f"]}, []),
        ({"until": "2020-01-01T00:00:00Z"}, []),
        ({"since": "2020-01-01"}, ["gone", "new", "old"]),
        ({"since": "2999-01-01T00:00:00+02:00"}, []),
        ({"_": "1768816800"}, ["gone", "new", "old"]),
    ],
)
def test_the_list_is_filtered(api: Api, query: dict[str, object], names: list[str]) -> None:
    sleeping = document("")
    sleeping["steps"][0]["app"] = "Sleep"
    api.submit(document("", workflow_name="old"))
    api.submit(sleeping | {"workflow_name": "new"})
    gone = api.submit(document("", workflow_name="gone", labels={"a b": "c:d"}))
    api("POST", f"{ROOT}/{gone}/cancel")

    found = api("GET", ROOT, query_string=query).json["workflows"]

    assert sorted(each["workflow_name"] for each in found) == names


def test_a_cancel_that_the_engine_has_not_seen_yet_counts_in_the_list(api: Api) -> None:
    from workflows.store.workflows.user_commands import request_cancel  # noqa: PLC0415

    workflow_id = api.submit(document(""))
    request_cancel(workflow_id)

    for status, count in (("cancelled", 1), ("pending", 0)):
        found = api("GET", ROOT, query_string={"status": status}).json["workflows"]
        assert [each["status"] for each in found] == ["cancelled"] * count


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("status=done", "status[0]"),
        ("page_size=0", "page_size"),
        ("page_size=501", "page_size"),
        ("page_size=x", "page_size"),
        ("page_token=x", "page_token"),
        ("page_token=W10", "page_token"),
        ("page_token=WzFlOTk5LCAieCJd", "page_token"),
        ("label=x", "label[0]"),
        ("page_token=WzEsIlx1ZDgwMCJd", "page_token"),
        ("since=yesterday", "since"),
        ("since=0001-01-01T00:00:00%2B14:00", "since"),
        ("until=9999-12-31T23:59:59-14:00", "until"),
    ],
)
def test_an_argument_that_cannot_be_is_named(api: Api, query: str, place: str) -> None:
    answer = api("GET", f"{ROOT}?{query}")

    assert answer.status_code == 400
    assert [error["path"] for error in answer.json["errors"]] == [place]
    assert place in answer.json["detail"]


@pytest.mark.parametrize(
    ("query", "path", "meant"),
    [
        ("state=running", "state", "'status'"),
        ("labels=a:b", "labels", "'label'"),
        ("pageSize=2", "pageSize", "'page_size'"),
    ],
)
def test_an_argument_that_is_a_slip_is_told_instead_of_passed_over(
    api: Api, query: str, path: str, meant: str
) -> None:
    answer = api("GET", f"{ROOT}?{query}")

    assert answer.status_code == 400
    assert [each["path"] for each in answer.json["errors"]] == [path]
    assert meant in answer.json["detail"]


def test_workflows_with_a_failed_step_are_found_while_they_run(api: Api) -> None:
    quick = {"queue_seconds": 0, "run_seconds": 0, "lag_seconds": 0}
    api.simulator.app(output_file="o0", **quick, outcome="failed")
    api.simulator.app(output_file="o1", **quick | {"run_seconds": 1000})
    failing = api.submit(document("", ""))
    engine = api.engine()
    engine.until(lambda: engine.states(failing) == ["failed", "running"])
    well = api.submit(document(""))

    (found,) = api("GET", f"{ROOT}?has_failed_step=true").json["workflows"]
    others = api("GET", f"{ROOT}?has_failed_step=false").json["workflows"]

    assert (found["workflow_id"], found["status"]) == (failing, "running")
    assert found["error_message"].startswith("Step 'a' failed: ")
    assert [each["workflow_id"] for each in others] == [well]


@pytest.mark.parametrize("query", ["_=1", "dojo.preventCache=17", "utm_source=mail"])
def test_what_browsers_and_proxies_add_is_passed_over(api: Api, query: str) -> None:
    assert api("GET", f"{ROOT}?{query}").status_code == 200
