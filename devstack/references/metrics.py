"""The table of metrics in docs/operations.md, from the declarations in ``observability``."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from devstack.records import ROOT
from devstack.references.tables import table

SOURCES = ("metrics.py", "gauges.py")
_KINDS = {
    "_counter": ("counter", "_total"),
    "_seconds": ("histogram", "_seconds"),
    "gauge": ("gauge", ""),
    "_by": ("gauge", ""),
    "GaugeMetricFamily": ("gauge", ""),
}


def render() -> str:
    lines = [(f"`{name}`", *others) for name, *others in sorted(declarations())]
    return table(("metric", "type", "labels", "meaning"), lines)


def declarations() -> list[tuple[str, str, str, str]]:
    """Name, type, labels and meaning of each metric that ``observability`` declares."""
    files = [ROOT / "observability" / name for name in SOURCES]
    return [
        each for file in files for each in _find_declarations(ast.parse(file.read_text("utf-8")))
    ]


def _find_declarations(tree: ast.AST) -> Iterator[tuple[str, str, str, str]]:
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            continue
        if call.func.id not in _KINDS or len(texts := _texts(call)) < 2:  # noqa: PLR2004
            continue
        kind, suffix = _KINDS[call.func.id]
        labels = ", ".join(f"`{label}`" for label in texts[2:]) or "–"
        yield texts[0] + suffix, kind, labels, texts[1]


def _texts(call: ast.Call) -> list[str]:
    return [
        node.value
        for argument in call.args
        for node in ([argument] if isinstance(argument, ast.Constant) else _unpack_star(argument))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def _unpack_star(argument: ast.expr) -> list[ast.expr]:
    if isinstance(argument, ast.Starred) and isinstance(argument.value, ast.Tuple):
        return argument.value.elts
    return []
