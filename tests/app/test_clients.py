"""The calls of today's real clients, made as they make them: same headers, bodies and reads.

``bvbrc/protocol.md`` section 7.1: the MCP server (aiohttp), the BV-BRC website (dojo/request from
another origin) and the Copilot (axios).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.app.conftest import ALICE, ROOT, Api
from tests.engine.conftest import document

ORIGIN = "https://www.bv-brc.org"
MCP = {"Accept": "*/*", "Accept-Encoding": "gzip, deflate", "User-Agent": "Python/3.11 aiohttp/3.9"}
WEB = {
    "Accept": "application/json",
    "Origin": ORIGIN,
    "X-Requested-With": "XMLHttpRequest",
    "Content-Type": "application/json",
}
COPILOT = {"Accept": "application/json, text/plain, */*", "User-Agent": "axios/1.7.2"}
MANIFEST = document("", "a")
WRAPPED = {"workflow_json": MANIFEST, "workflow_description": "Two steps."}
PLACEHOLDERS = copy.deepcopy(MANIFEST) | {"workflow_id": "<scheduler_generated_id>"}
PLACEHOLDERS["steps"][0]["step_id"] = "<scheduler_generated_id>"


@dataclass(frozen=True)
class Call:
    """One call of one client."""

    name: str
    method: str
    path: str
    """Below ``/api/v1``; ``{planned}``, ``{running}`` and ``{done}`` are workflows' ids."""
    headers: Mapping[str, str]
    code: int
    body: Any = None
    """None: no body at all."""
    token: bool = True
    reads: Sequence[str] = ()
    """Fields that the client looks at; ``a.b`` in an object, ``a[].b`` in each of a list."""
    says: Mapping[str, Any] = field(default_factory=dict)
    """What they must be for the client to see a success."""


SUBMITTED = ("workflow_id", "status", "message")
STATUS = (
    *("workflow_id", "workflow_name", "status", "created_at", "updated_at"),
    *("steps[].step_id", "steps[].step_name", "steps[].name", "steps[].status", "steps[].app"),
)
WHOLE = (
    *("workflow_id", "workflow_name", "status", "submitted_at", "created_at", "completed_at"),
    *("updated_at", "base_context.workspace_output_folder", "workflow_outputs", "step_count"),
    *("steps[].step_name", "steps[].app", "steps[].params", "steps[].outputs"),
    *("steps[].depends_on", "steps[].status", "steps[].task_id", "steps[].step_id"),
)
CHECKED = ("valid", "workflow_json", "warnings", "auto_fixes", "message")

CALLS = [
    Call("mcp plan", "POST", "/workflows/plan", MCP, 201, MANIFEST,
         reads=("workflow_id",), says={"status": "planned"}),
    Call("mcp plan of a wrapped manifest", "POST", "/workflows/plan", MCP, 201, WRAPPED,
         reads=("workflow_id",), says={"status": "planned", "problems": []}),
    Call("mcp plan with placeholders", "POST", "/workflows/plan", MCP, 201, PLACEHOLDERS,
         reads=("workflow_id",), says={"status": "planned", "problems": []}),
    Call("mcp register", "POST", "/workflows/register", MCP, 201, MANIFEST,
         reads=("workflow_id",), says={"status": "planned"}),
    Call("mcp validate", "POST", "/workflows/validate", MCP, 200, MANIFEST,
         reads=CHECKED, says={"valid": True}),
    Call("mcp validate of nonsense", "POST", "/workflows/validate", MCP, 400, {"steps": []},
         reads=("detail",)),
    Call("mcp submit", "POST", "/workflows/submit", MCP, 201, MANIFEST,
         reads=SUBMITTED, says={"status": "pending"}),
    Call("mcp submit of nonsense", "POST", "/workflows/submit", MCP, 400, {"steps": []},
         reads=("detail",)),
    Call("mcp submit by id", "POST", "/workflows/{planned}/submit", MCP, 200,
         reads=SUBMITTED, says={"status": "pending"}),
    Call("mcp submit of an unknown id", "POST", "/workflows/wf_0/submit", MCP, 404,
         reads=("detail",)),
    Call("mcp status", "GET", "/workflows/{running}/status", MCP, 200, token=False,
         reads=STATUS, says={"status": "running"}),
    Call("mcp status of an unknown id", "GET", "/workflows/wf_0/status", MCP, 404, token=False,
         reads=("detail",)),
    Call("mcp get", "GET", "/workflows/{done}", MCP, 200, token=False, reads=WHOLE,
         says={"status": "succeeded"}),
    Call("mcp health", "GET", "/health", MCP, 200, token=False,
         reads=("status", "version"), says={"mongodb": "connected"}),
    Call("web submit", "POST", "/workflows/submit", WEB, 201, MANIFEST,
         reads=SUBMITTED, says={"status": "pending"}),
    Call("web submit by id", "POST", "/workflows/{planned}/submit", WEB, 200,
         reads=SUBMITTED, says={"status": "pending"}),
    Call("web status", "GET", "/workflows/{running}/status", WEB, 200, reads=STATUS),
    Call("web status as a link", "GET", "/workflows/{running}/status", {"Accept": "text/html"},
         200, token=False, reads=STATUS),
    Call("web get", "GET", "/workflows/{running}", WEB, 200, reads=WHOLE),
    Call("web display", "GET", "/workflows/{planned}", WEB, 200, token=False, reads=WHOLE,
         says={"status": "planned"}),
    Call("copilot submit by id", "POST", "/workflows/{planned}/submit", COPILOT, 200, {},
         reads=SUBMITTED, says={"status": "pending"}),
    Call("copilot get", "GET", "/workflows/{done}", COPILOT, 200, reads=WHOLE),
    Call("original cancel", "POST", "/workflows/{running}/cancel", {}, 200,
         reads=SUBMITTED, says={"status": "cancelled"}),
    Call("original cancel of a finished one", "POST", "/workflows/{done}/cancel", {}, 400,
         reads=("detail",)),
    Call("original submit by body", "POST", "/workflows/submit", {}, 201,
         {"workflow_id": "{planned}"}, reads=SUBMITTED, says={"status": "pending"}),
]  # fmt: skip


@pytest.fixture
def site(make_api: Callable[..., Api]) -> Api:
    return make_api(api={"cors_origins": (ORIGIN,)})


def planned(site: Api) -> str:
    return str(site("POST", f"{ROOT}/plan", json=MANIFEST).json["workflow_id"])


def running(site: Api) -> str:
    site.simulator.app(queue_seconds=0, run_seconds=1000, lag_seconds=0)
    workflow, engine = site.submit(document("", "a")), site.engine()
    engine.until(lambda: engine.status(workflow) == "running")
    return workflow


def done(site: Api) -> str:
    workflow = site.submit(document("", "a"))
    site.engine().ends(workflow)
    return workflow


WORKFLOWS: Mapping[str, Callable[[Api], str]] = {
    make.__name__: make for make in (planned, running, done)
}


def made_for(site: Api, call: Call) -> dict[str, str]:
    """Ids of the workflows of Alice's that the call names."""
    named = f"{call.path} {call.body}"
    return {name: make(site) for name, make in WORKFLOWS.items() if f"{{{name}}}" in named}


def made(site: Api, call: Call) -> TestResponse:
    ids = made_for(site, call)
    headers = dict(call.headers)
    if call.token:
        headers["Authorization"] = site.token(ALICE)
    body = call.body
    if isinstance(body, dict) and list(body) == ["workflow_id"]:
        body = {"workflow_id": body["workflow_id"].format(**ids)}
    sent = {} if body is None else {"json": body}
    path = "/api/v1" + call.path.format(**ids)
    return site.client.open(path, method=call.method, headers=headers, **sent)


def read(found: Any, path: str) -> list[Any]:
    """The values at a path; raises where one is missing."""
    name, _, rest = path.partition(".")
    values = found[name.removesuffix("[]")]
    values = values if name.endswith("[]") else [values]
    return [each for value in values for each in (read(value, rest) if rest else [value])]


@pytest.mark.usefixtures("patient_health")
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_todays_clients_find_what_they_look_for(site: Api, call: Call) -> None:
    answer = made(site, call)

    assert answer.status_code == call.code, answer.text
    assert answer.mimetype == "application/json"
    for path in call.reads:
        assert read(answer.json, path) is not None
    assert {name: answer.json[name] for name in call.says} == call.says
    assert "error" not in answer.json  # shown as a failure even beside 200
    if call.code >= 400:
        assert isinstance(answer.json["detail"], str)
        assert answer.json["detail"]
    if call.path.endswith("/status") and call.code == 200:
        assert all(
            isinstance(value, str) for step in answer.json["steps"] for value in step.values()
        )
    if "Origin" in call.headers:
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


@pytest.mark.parametrize("call", [c for c in CALLS if "Origin" in c.headers], ids=lambda c: c.name)
def test_a_browser_may_make_the_websites_calls(site: Api, call: Call) -> None:
    asked = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": call.method,
        "Access-Control-Request-Headers": "authorization,content-type,x-requested-with",
    }

    answer = site.client.options(
        "/api/v1" + call.path.format(planned="wf_1", running="wf_2"), headers=asked
    )

    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert call.method in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    assert all(name in allowed for name in ("authorization", "content-type", "x-requested-with"))


def test_pages_of_other_origins_may_not_call(site: Api, api: Api) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}

    for each in (site, api):
        answer = each.client.options(f"{ROOT}/submit", headers=asked)
        assert "Access-Control-Allow-Origin" not in answer.headers
        plain = each.client.get(ROOT, headers={"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in plain.headers


def test_every_origin_may_call_where_that_is_configured(make_api: Callable[..., Api]) -> None:
    answer = make_api(api={"cors_origins": ("*",)}).client.get(
        ROOT, headers={"Origin": "https://a.b"}
    )

    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_warnings_and_fixes_that_a_client_prints_raw_can_be_read(site: Api) -> None:
    manifest = document("")
    manifest["steps"][0]["app"] = "date"
    manifest["steps"][0]["params"]["größe"] = 1

    answer = site("POST", f"{ROOT}/validate", json=manifest)

    [fix], warnings = answer.json["auto_fixes"], answer.json["warnings"]
    assert str(fix) == (
        "{'path': 'steps[0].app', 'code': 'app_corrected', "
        "'message': \"'date' became 'Date'\", 'suggestion': ''}"
    )
    assert "größe" in answer.text
    assert all(list(warning) == list(fix) for warning in warnings)
