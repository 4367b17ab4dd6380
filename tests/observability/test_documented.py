"""docs/operations.md lists exactly the metrics that the code declares."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.shared import ROOT

_KINDS = {
    "_counter": ("counter", "_total"),
    "_seconds": ("histogram", "_seconds"),
    "gauge": ("gauge", ""),
    "_by": ("gauge", ""),
    "GaugeMetricFamily": ("gauge", ""),
}


def test_the_operators_guide_lists_each_declared_metric() -> None:
    guide = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (counter|gauge|histogram) \| (.*?) \| (.*) \|$", guide, re.M)

    assert sorted(rows) == sorted(declarations())


def declarations() -> list[tuple[str, str, str, str]]:
    """Name, type, labels and meaning of each metric that ``observability`` declares."""
    sources = [ROOT / "observability" / name for name in ("metrics.py", "gauges.py")]
    return [row for file in sources for row in _declared(ast.parse(file.read_text("utf-8")))]


def _declared(tree: ast.AST) -> Iterator[tuple[str, str, str, str]]:
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            continue
        if call.func.id not in _KINDS or len(texts := _texts(call)) < 2:
            continue
        kind, suffix = _KINDS[call.func.id]
        labels = ", ".join(f"`{label}`" for label in texts[2:]) or "–"
        yield texts[0] + suffix, kind, labels, texts[1]


def _texts(call: ast.Call) -> list[str]:
    return [
        node.value
        for argument in call.args
        for node in ([argument] if isinstance(argument, ast.Constant) else _starred(argument))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def _starred(argument: ast.expr) -> list[ast.expr]:
    starred = isinstance(argument, ast.Starred) and isinstance(argument.value, ast.Tuple)
    return argument.value.elts if starred else []  # type: ignore[attr-defined]
