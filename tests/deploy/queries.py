"""What dashboards and alert rules ask Prometheus."""

from __future__ import annotations

import json
import re

import yaml

from tests.shared import ROOT

_DEPLOY = ROOT / "deploy"
_NOT_NAMES = frozenset({"by", "le", "bool", "and", "or", "without", "on", "ignoring"})


def dashboard_queries() -> list[str]:
    found = json.loads((_DEPLOY / "grafana/dashboards/workflows.json").read_text())
    return [target["expr"] for panel in found["panels"] for target in panel.get("targets", ())]


def rule_queries() -> list[str]:
    found = yaml.safe_load((_DEPLOY / "prometheus/rules.yml").read_text())
    return [rule["expr"] for group in found["groups"] for rule in group["rules"]]


def queries() -> list[str]:
    return [*dashboard_queries(), *rule_queries()]


def names_in(query: str) -> set[str]:
    """The metrics that a query names: words that are neither functions, labels nor numbers."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|by \([^)]*\)", " ", query)
    words = set(re.findall(r"\b[a-z_]+\b(?!\s*\()", bare))
    return words - _NOT_NAMES
