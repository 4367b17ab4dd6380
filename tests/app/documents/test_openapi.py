"""The OpenAPI document and the page that shows it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.app.conftest import Api

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def openapi(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = api.client.get("/openapi.json").json
    return found


def test_every_operation_is_documented_in_full(openapi: dict[str, Any]) -> None:
    for path, item in openapi["paths"].items():
        for method in METHODS & set(item):
            operation, name = item[method], f"{method} {path}"
            assert operation["summary"], name
            assert operation["operationId"], name
            assert "security" in operation, name
            codes = set(operation["responses"])
            assert any(code.startswith("2") for code in codes), name
            if operation["security"]:
                assert {"401", "429", "503"} <= codes, name
            if "{workflow_id}" in path or "{batch_id}" in path:
                assert {"403", "404"} <= codes, name
            if method not in ("get", "delete"):
                assert {"400", "413", "415"} <= codes, name
                assert operation["requestBody"]["content"], name


def test_every_error_has_the_one_body_with_an_example(openapi: dict[str, Any]) -> None:
    for path, item in openapi["paths"].items():
        for method in METHODS & set(item):
            for code, answer in item[method]["responses"].items():
                if code >= "400" and not path.startswith("/api/v1/health"):
                    content = answer["content"]["application/json"]
                    wes = path.startswith("/ga4gh/")
                    name = "WesError" if wes else "Error"
                    assert content["schema"] == {"$ref": f"#/components/schemas/{name}"}
                    assert isinstance(content["example"]["detail"], str)


STORES = {
    *("submit_workflow", "submit_by_id", "plan_workflow", "register_workflow", "submit_cwl"),
    *("retry_workflow", "submit_batch", "retry_batch", "wes_run"),
}
"""Operations that a quota of what is stored may refuse."""


def test_each_refusal_by_a_limit_is_documented_with_when_to_come_again(
    openapi: dict[str, Any],
) -> None:
    operations = {
        item[method]["operationId"]: item[method]["responses"]
        for item in openapi["paths"].values()
        for method in METHODS & set(item)
    }
    for name, responses in operations.items():
        for code in {"429", "503"} & set(responses):
            assert "Retry-After" in responses[code].get("headers", {}), (name, code)
    assert {name for name in operations if name in STORES} == STORES
    assert all("quota" in operations[name]["409"]["description"] for name in STORES)


def test_every_route_is_in_the_document(api: Api, openapi: dict[str, Any]) -> None:
    application = api.client.application
    there = {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in application.url_map.iter_rules()
        if rule.rule != "/" and not rule.rule.startswith(("/docs", "/openapi.json", "/ui"))
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    told = {
        (method, path) for path, item in openapi["paths"].items() for method in METHODS & {*item}
    }
    assert told == there
    assert len(told) > 20


def test_operation_ids_are_unique(openapi: dict[str, Any]) -> None:
    ids = [
        item[method]["operationId"]
        for item in openapi["paths"].values()
        for method in METHODS & set(item)
    ]

    assert len(ids) == len(set(ids)) > 15


def test_the_page_needs_nothing_from_elsewhere(api: Api) -> None:
    page = api.client.get("/docs")

    assert page.status_code == 200
    assert page.mimetype == "text/html"
    assert "http" not in page.text.replace("http-equiv", "")
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(links) == 4
    for link in links:
        with api.client.get(link) as answer:
            assert answer.status_code == 200, link
    with api.client.get("/docs/") as answer:
        assert answer.status_code == 200
    assert "/openapi.json" in api.client.get("/docs/start.js").text


@pytest.mark.parametrize("path", ["/docs/../auth.py", "/docs/%2e%2e/__init__.py", "/docs/none.js"])
def test_no_other_file_is_served(api: Api, path: str) -> None:
    assert api.client.get(path).status_code == 404
