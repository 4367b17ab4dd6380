"""What the API is asked is counted by its rules, never by ids."""

from __future__ import annotations

from flask import Flask, g
from prometheus_client import CollectorRegistry

from app.http import traffic
from observability.metrics import Counts, Meters


def test_requests_are_counted_by_rule_and_answer() -> None:
    app, counts = Flask("test"), Counts(Meters())
    traffic.register(app, counts)
    app.before_request(lambda: setattr(g, "begun", 0.0))
    app.add_url_rule("/workflows/<workflow_id>", view_func=lambda workflow_id: workflow_id)
    registry = CollectorRegistry()
    registry.register(counts.meters.requests)

    client = app.test_client()
    for path in ("/workflows/wf_1", "/workflows/wf_2", "/nowhere", "/somewhere"):
        client.get(path)
    client.open("/workflows/wf_1", method="BREW")

    def counted(method: str, route: str, status: str) -> float | None:
        labels = {"method": method, "route": route, "status": status}
        return registry.get_sample_value("http_requests_total", labels)

    assert counted("GET", "/workflows/<workflow_id>", "200") == 2
    assert counted("GET", "none", "404") == 2
    assert counted("other", "none", "405") == 1
