"""Templates over the API: store, share, read, deprecate, submit; a real engine behind it."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.app.conftest import ADMIN, ALICE, BOB, Api
from tests.app.conftest import ROOT as WORKFLOWS
from workflows.engine.batches.advance import advance_batch
from workflows.store import documents
from workflows.store.mongo import collection

ROOT = "/api/v1/templates"
FOLDER = "/alice@patricbrc.org/home/run"


def template(name: str = "dates", **fields: Any) -> dict[str, Any]:
    """One step that writes a file of a given name."""
    return {
        "name": name,
        "title": "The date",
        "description": "Writes the date into a file.",
        "labels": {"topic": "time"},
        "workflow": {
            "workflow_name": "dates",
            "steps": [
                {
                    "step_name": "first",
                    "app": "Date",
                    "params": {
                        "output_path": "${workspace_output_folder}",
                        "output_file": "${inputs.file}",
                    },
                }
            ],
        },
        "inputs": {"properties": {"file": {"title": "File", "examples": ["date"]}}},
        **fields,
    }


CWL = {
    "cwlVersion": "v1.2",
    "class": "Workflow",
    "inputs": {
        "reads": {"type": "string[]", "label": "Runs"},
        "recipe": {
            "type": {"type": "enum", "symbols": ["auto", "spades"]},
            "default": "auto",
            "doc": "How to assemble",
        },
        "contigs": "File?",
    },
    "steps": {
        "assemble": {
            "run": "bvbrc://GenomeAssembly2",
            "in": {"srr_ids": "reads", "recipe": "recipe"},
            "out": ["contigs"],
        }
    },
    "outputs": {"contigs": {"type": "File", "outputSource": "assemble/contigs"}},
}


def store(api: Api, user: str = ALICE, code: int = 201, **fields: Any) -> dict[str, Any]:
    answer = api("POST", ROOT, user, json=template(**fields))
    assert answer.status_code == code, answer.text
    return dict(answer.json)


def names(api: Api, user: str = ALICE, query: str = "") -> list[str]:
    """The names of the templates of users that are listed."""
    answer = api("GET", f"{ROOT}?page_size=500&{query}", user)
    assert answer.status_code == 200, answer.text
    return [each["name"] for each in answer.json["templates"] if not each["builtin"]]


def submit(api: Api, user: str = ALICE, path: str = "dates@1", **sent: Any) -> Any:
    body = {"inputs": {"file": "now"}, "workspace_output_folder": FOLDER, **sent}
    return api("POST", f"{ROOT}/{path}/submit", user, json=body)


def test_a_workflow_is_made_of_a_template_and_runs(api: Api) -> None:
    stored = store(api)
    assert (stored["version"], stored["visibility"]) == (1, "private")
    assert stored["inputs"]["properties"]["file"]["title"] == "File"
    assert stored["inputs"]["required"] == ["file"]

    answer = submit(api, labels={"run": "7"})
    workflow = answer.json["workflow_id"]
    engine = api.engine()
    engine.until(lambda: api("GET", f"{WORKFLOWS}/{workflow}/status").json["status"] == "succeeded")

    assert answer.status_code == 201
    whole = api("GET", f"{WORKFLOWS}/{workflow}").json
    assert whole["template"] == {"name": "dates", "version": 1}
    assert whole["labels"] == {"run": "7"}
    assert whole["execution_metadata"]["attempts"][0]["params"]["output_file"] == "now"
    status = api("GET", f"{WORKFLOWS}/{workflow}/status").json
    assert status["template"] == {"name": "dates", "version": 1}
    for query, found in (("dates", 1), ("dates@1", 1), ("dates@2", 0), ("date", 0)):
        page = api("GET", f"{WORKFLOWS}?template={query}").json["workflows"]
        assert len(page) == found, query
    again = api("POST", f"{WORKFLOWS}/validate", json=whole)
    assert again.status_code == 200, again.text


def test_versions_never_change_and_the_same_content_is_stored_once(api: Api) -> None:
    first = store(api)
    assert store(api, code=200)["version"] == 1
    second = store(api, title="The date again")
    exported = api("GET", f"{ROOT}/dates@1").json

    assert second["version"] == 2
    assert exported["title"] == first["title"]
    assert api("POST", ROOT, json=exported).status_code == 200
    changed = api("POST", ROOT, json={**exported, "title": "another"})
    assert changed.status_code == 409
    assert "never change" in changed.json["detail"]
    assert api("GET", f"{ROOT}/dates").json["version"] == 2
    assert api("GET", f"{ROOT}/dates@latest").json["version"] == 2
    assert [each["version"] for each in exported["versions"]] == [2, 1]
    assert api("GET", f"{ROOT}/dates@3").status_code == 404
    imported = api("POST", ROOT, json={**exported, "name": "copy", "version": 5})
    assert (imported.status_code, imported.json["version"]) == (201, 5)


def test_of_many_who_store_a_version_at_once_each_gets_one_of_its_own(api: Api) -> None:
    api("GET", ROOT)

    def post(number: int) -> int:
        client = Api(api.client.application.test_client(), api.simulator, api.settings, api.tokens)
        answer = client("POST", ROOT, json=template(title=f"number {number}"))
        return int(answer.json["version"]) if answer.status_code == 201 else 0

    with ThreadPoolExecutor(4) as pool:
        versions = [version for version in pool.map(post, range(8)) if version]

    assert len(versions) == len(set(versions))
    rows = list(collection(documents.TemplateVersion).find({"template": "dates"}))
    assert sorted(row["version"] for row in rows) == sorted(versions)
    assert max(versions) == api("GET", f"{ROOT}/dates").json["latest"]


def test_a_template_is_for_its_owner_those_it_is_shared_with_and_admins(api: Api) -> None:
    store(api)
    mine, theirs = api("GET", f"{ROOT}/dates").json, api("GET", f"{ROOT}/dates", BOB)
    assert "shared_with" in mine
    assert theirs.status_code == 404
    assert submit(api, BOB).status_code == 404
    assert names(api, BOB) == []

    shared = api("PATCH", f"{ROOT}/dates", json={"shared_with": [BOB]})
    assert shared.json["shared_with"] == [BOB]
    assert "shared_with" not in api("GET", f"{ROOT}/dates", BOB).json
    assert submit(api, BOB, workspace_output_folder="/bob@bvbrc/home").status_code == 201
    assert names(api, BOB) == ["dates"]
    assert api("PATCH", f"{ROOT}/dates", BOB, json={"shared_with": []}).status_code == 403
    assert api("PATCH", f"{ROOT}/dates@1", BOB, json={"deprecated": "x"}).status_code == 403
    assert api("POST", ROOT, BOB, json=template()).status_code == 409

    assert api("PATCH", f"{ROOT}/dates", json={"visibility": "public"}).status_code == 403
    assert api("POST", ROOT, json=template("open", visibility="public")).status_code == 403
    opened = api("PATCH", f"{ROOT}/dates", ADMIN, json={"visibility": "public", "shared_with": []})
    assert opened.status_code == 200
    assert names(api, BOB) == ["dates"]
    assert api("POST", ROOT, json=template(title="slipped in")).status_code == 403


def test_a_deprecated_template_warns_and_is_not_listed(api: Api) -> None:
    store(api)
    store(api, title="two")
    api("PATCH", f"{ROOT}/dates@1", json={"deprecated": "use version 2"})

    warned = [
        {each["code"] for each in submit(api, path=path).json.get("warnings", ())}
        for path in ("dates@1", "dates@2")
    ]
    assert ["deprecated_template" in codes for codes in warned] == [True, False]
    assert names(api) == ["dates"]

    api("PATCH", f"{ROOT}/dates", json={"deprecated": "use clocks"})
    assert names(api) == []
    assert names(api, query="deprecated") == ["dates"]
    assert api("GET", f"{ROOT}/dates@2").json["deprecated"] == "use clocks"
    api("PATCH", f"{ROOT}/dates", json={"deprecated": None})
    assert names(api) == ["dates"]


def test_templates_are_found_by_words_labels_and_owner_page_by_page(api: Api) -> None:
    for name in ("b-dates", "a-clocks", "c-dates"):
        store(api, name=name, title=name, labels={"topic": name[0]})

    assert names(api) == ["a-clocks", "b-dates", "c-dates"]
    assert names(api, query="query=DATE+file") == ["a-clocks", "b-dates", "c-dates"]
    assert names(api, query="query=clocks") == ["a-clocks"]
    assert names(api, query="query=.*") == []
    assert names(api, query="label=topic:b") == ["b-dates"]
    assert names(api, query=f"owner={BOB}") == []
    seen, token = [], ""
    while token is not None:
        page = api("GET", f"{ROOT}?owner={ALICE}&page_size=2&page_token={token}").json
        seen += [each["name"] for each in page["templates"]]
        token = page["next_page_token"]
    assert seen == ["a-clocks", "b-dates", "c-dates"]


def test_every_problem_of_a_submission_is_at_its_input(api: Api) -> None:
    store(api)

    answer = submit(api, inputs={"fil": "x"}, workspace_output_folder=None, wrong=1)

    assert answer.status_code == 400
    assert {(each["path"], each["code"]) for each in answer.json["errors"]} == {
        ("wrong", "unknown_field"),
        ("workspace_output_folder", "missing_field"),
        ("inputs.fil", "unknown_input"),
        ("inputs.file", "missing_input"),
    }
    slash = submit(api, inputs={"file": "a/b"}).json["errors"]
    assert [(each["path"], each["code"]) for each in slash] == [("inputs.file", "bad_output_file")]
    assert collection(documents.Workflow).count_documents({}) == 0


def test_a_dry_run_stores_nothing(api: Api) -> None:
    checked = api("POST", f"{ROOT}?dry_run", json=template())
    assert checked.status_code == 200
    assert api("GET", f"{ROOT}/dates").status_code == 404
    store(api)

    shown = api(
        "POST",
        f"{ROOT}/dates@1/submit?dry_run",
        json={"inputs": {"file": "x"}, "workspace_output_folder": FOLDER},
    )

    assert shown.json["workflow_json"]["base_context"]["inputs"] == {"file": "x"}
    assert collection(documents.Workflow).count_documents({}) == 0


def test_the_same_key_submits_once(api: Api) -> None:
    store(api)
    headers = {"Idempotency-Key": "night-7"}
    body = {"inputs": {"file": "x"}, "workspace_output_folder": FOLDER}
    path = f"{ROOT}/dates@1/submit"

    first = api("POST", path, json=body, headers=headers)
    second = api("POST", path, json=body, headers=headers)
    other = api("POST", path, json={**body, "labels": {"a": "b"}}, headers=headers)

    assert (first.status_code, second.status_code, other.status_code) == (201, 200, 409)
    assert first.json["workflow_id"] == second.json["workflow_id"]


def test_a_template_in_cwl_has_the_types_of_its_inputs(api: Api) -> None:
    declared = {"properties": {"reads": {"examples": [["SRR1"]], "minItems": 1}}}
    document = {"name": "cwl", "cwl": CWL, "inputs": declared}
    answer = api("POST", ROOT, json=document)
    assert answer.status_code == 201, answer.text
    properties = answer.json["inputs"]["properties"]
    assert properties == {
        "reads": {
            "title": "Runs",
            "type": "array",
            "items": {"type": "string"},
            "examples": [["SRR1"]],
            "minItems": 1,
        },
        "recipe": {
            "description": "How to assemble",
            "type": "string",
            "enum": ["auto", "spades"],
            "default": "auto",
        },
        "contigs": {"type": "string", "format": "workspace-path"},
    }
    assert answer.json["inputs"]["required"] == ["reads"]

    bad = submit(api, path="cwl@1", inputs={"reads": [], "recipe": "velvet"})
    good = submit(api, path="cwl@1", inputs={"reads": ["SRR1234567"], "recipe": "spades"})

    assert {(each["path"], each["code"]) for each in bad.json["errors"]} == {
        ("inputs.reads", "out_of_range"),
        ("inputs.recipe", "invalid_choice"),
    }
    assert good.status_code == 201, good.text
    whole = api("GET", f"{WORKFLOWS}/{good.json['workflow_id']}").json
    assert whole["template"] == {"name": "cwl", "version": 1}
    assert whole["steps"][0]["params"]["recipe"] == "spades"
    assert api("POST", ROOT, json={"name": "bad", "cwl": {**CWL, "steps": {"a": {}}}}).json[
        "errors"
    ]
    assert (
        "cwl.steps"
        in api("POST", ROOT, json={"name": "bad", "cwl": {**CWL, "steps": {"a": {}}}}).json[
            "errors"
        ][0]["path"]
    )


ROUTES = [
    ("POST", "/templates"),
    ("GET", "/templates"),
    ("GET", "/templates/{name}"),
    ("PATCH", "/templates/{name}"),
    ("GET", "/templates/{name}@{version}"),
    ("PATCH", "/templates/{name}@{version}"),
    ("POST", "/templates/{name}@{version}/submit"),
    ("POST", "/templates/{name}@{version}/batches"),
]


def test_no_template_is_anothers_by_any_route(api: Api) -> None:
    store(api)
    before = api("GET", f"{ROOT}/dates").json

    for method, path in ROUTES:
        sent = {"samples": []} if "batches" in path else {"deprecated": "x"}
        body: dict[str, Any] = {"json": sent} if method != "GET" else {}
        mine = f"/api/v1{path.format(name='dates', version=1)}"
        assert api(method, mine, None, **body).status_code == 401
        headers = {"Authorization": "garbage"}
        assert api(method, mine, None, headers=headers, **body).status_code == 401
        if "{name}" in path:
            assert api(method, mine, BOB, **body).status_code == 404, path
            none = f"/api/v1{path.format(name='none', version=1)}"
            assert api(method, none, **body).status_code == 404, path
    assert api("GET", f"{ROOT}/dates").json == before
    assert api("GET", f"{ROOT}/dates", ADMIN).status_code == 200


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ([], "", "not_an_object"),
        ({}, "name", "missing_field"),
        ({"name": "My Template"}, "name", "bad_name"),
        ({"name": 5}, "name", "wrong_type"),
        ({"name": "a"}, "workflow", "missing_field"),
        ({"name": "a", "workflow": {}, "cwl": {}}, "workflow", "missing_field"),
        ({"name": "a", "workflow": {}, "version": 0}, "version", "wrong_type"),
        ({"name": "a", "workflow": {}, "labels": []}, "labels", "wrong_type"),
        ({"name": "a", "workflow": {}, "labels": {"a": 1}}, "labels.a", "wrong_type"),
        ({"name": "a", "workflow": {}, "visibility": "all"}, "visibility", "invalid_choice"),
        ({"name": "a", "workflow": {}, "shared_with": "bob"}, "shared_with", "wrong_type"),
        ({"name": "a", "workflow": {}, "titel": "x"}, "titel", "unknown_field"),
        ({"name": "a", "workflow": {}}, "workflow.steps", "missing_field"),
        ({"name": "a", "workflow": 5}, "workflow", "not_an_object"),
        (
            {"name": "a", "workflow": {"base_context": 5, "steps": []}},
            "workflow.base_context",
            "wrong_type",
        ),
    ],
)
def test_what_is_no_template_is_refused_with_its_place(
    api: Api, body: Any, path: str, code: str
) -> None:
    answer = api("POST", ROOT, json=body)

    assert answer.status_code == 400, answer.text
    assert (path, code) in {(each["path"], each["code"]) for each in answer.json["errors"]}


def test_a_user_has_no_more_templates_than_allowed(make_api: Any) -> None:
    api = make_api(templates={"per_user": 1})
    store(api)

    assert store(api, title="two")["version"] == 2
    answer = api("POST", ROOT, json=template("other"))

    assert answer.status_code == 409
    assert answer.json["errors"][0]["code"] == "quota_exceeded"


def test_the_rows_of_a_table_give_the_inputs_of_a_template(api: Api) -> None:
    store(api)
    parts = {
        "samples": (io.BytesIO(b"sample,target,note\nS1,one,x\nS2,,y\n"), "samples.csv"),
        "map": '{"file": "target"}',
        "inputs": '{"file": "usual"}',
        "workspace_output_folder": FOLDER,
    }

    answer = api("POST", f"{ROOT}/dates@1/batches", data=parts, content_type="multipart/form-data")
    assert answer.status_code == 201, answer.text
    batch, engine = answer.json["batch_id"], api.engine()
    path = f"/api/v1/batches/{batch}"
    engine.until(
        lambda: (
            bool(advance_batch(engine.context, batch))
            and api("GET", path).json["status"] == "succeeded"
        )
    )

    # While the list of apps is not at hand, that is one more warning.
    (unused,) = (each for each in answer.json["warnings"] if each["code"] == "unused_column")
    assert "map" in unused["suggestion"]
    assert api("GET", path).json["template"] == {"name": "dates", "version": 1}
    assert names(api) == ["dates"]
    rows = api("GET", f"{path}/workflows").json["workflows"]
    wholes = [api("GET", f"{WORKFLOWS}/{row['workflow_id']}").json for row in rows]
    assert [each["template"]["version"] for each in wholes] == [1, 1]
    sent = [each["execution_metadata"]["attempts"][0]["params"] for each in wholes]
    assert [each["output_file"] for each in sent] == ["one", "usual"]
    assert [each["output_path"] for each in sent] == [FOLDER, FOLDER]


def test_every_cell_is_held_against_its_input(api: Api) -> None:
    schema = {"properties": {"file": {"maxLength": 3, "type": "string"}}}
    store(api, inputs=schema)
    samples = [{"file": "ab"}, {"file": "abcd"}, {"file": ""}, {"file": "a/b"}]
    body = {"samples": samples, "workspace_output_folder": FOLDER, "inputs": {"fil": 1}}

    answer = api("POST", f"{ROOT}/dates@1/batches", json=body)
    dry = api("POST", f"{ROOT}/dates@1/batches?dry_run", json={**body, "inputs": {}})

    assert answer.status_code == 400
    assert {(each["path"], each["code"]) for each in answer.json["errors"]} == {
        ("inputs.fil", "unknown_input"),
        ("samples[1].file", "out_of_range"),
        ("samples[2].file", "missing_input"),
        ("samples[3].file", "bad_output_file"),
    }
    assert dry.json["valid"] is False
    assert {each["row"] for each in dry.json["problems"]} == {2, 3, 4}
    some = api("POST", f"{ROOT}/dates@1/batches", json={**body, "inputs": {}, "skip_invalid": True})
    assert (some.status_code, some.json["count"]) == (201, 1)
    assert collection(documents.Batch).count_documents({"template.name": "dates"}) == 1


@pytest.mark.parametrize(
    ("fields", "path", "code"),
    [
        ({"map": {"fil": "file"}}, "map.fil", "unknown_input"),
        ({"map": {"file": "fil"}}, "map.file", "unknown_column"),
        ({"map": []}, "map", "wrong_type"),
        ({"inputs": 5}, "inputs", "wrong_type"),
        ({"workspace_output_folder": None}, "workspace_output_folder", "missing_field"),
        ({"samples": [{"other": "x"}]}, "inputs.file", "missing_input"),
        ({"workflow": {}}, "workflow", "unknown_field"),
    ],
)
def test_a_batch_of_a_template_that_cannot_be_is_refused_with_its_place(
    api: Api, fields: dict[str, Any], path: str, code: str
) -> None:
    store(api)
    body = {"samples": [{"file": "x"}], "workspace_output_folder": FOLDER, **fields}

    answer = api("POST", f"{ROOT}/dates@1/batches", json=body)

    assert answer.status_code == 400, answer.text
    assert (path, code) in {(each["path"], each["code"]) for each in answer.json["errors"]}


def test_an_input_name_is_the_name_of_the_row_where_nothing_else_is(api: Api) -> None:
    found = template("named")
    found["workflow"]["steps"][0]["params"]["output_file"] = "${inputs.name}.txt"
    found["inputs"] = {}
    assert api("POST", ROOT, json=found).status_code == 201
    body = {"samples": [{"sample": "S 1"}], "workspace_output_folder": FOLDER}

    shown = api("POST", f"{ROOT}/named@1/batches?dry_run", json=body).json

    assert shown["valid"], shown
    assert shown["workflows"][0]["steps"][0]["params"]["output_file"] == "S_1.txt"
