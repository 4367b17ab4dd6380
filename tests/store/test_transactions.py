"""What is written in a transaction is written or not with all of it.

A write that leaves out the session would stay where the transaction is given up: a crash between
the two would be seen. The source is read, since a test of each crash would take minutes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shared import ROOT

STORE = ROOT / "workflows/store"
STATEMENTS = {
    *("aggregate", "bulk_write", "count_documents", "distinct", "find", "find_one"),
    *("delete_many", "delete_one", "insert_many", "insert_one", "update_many", "update_one"),
    *("find_one_and_delete", "find_one_and_update", "replace_one"),
}
MODULES = sorted(STORE.rglob("*.py"))
Function = ast.FunctionDef | ast.Lambda


def functions_with_session(tree: ast.AST) -> Iterator[Function]:
    """Those that are always called with one: ``work`` of a transaction, and what it calls."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            named = [each for each in node.args.args if each.arg == "session"]
            if named and ast.unparse(named[0].annotation or node) == "ClientSession":
                yield node
        if isinstance(node, ast.Lambda) and [each.arg for each in node.args.args] == ["session"]:
            yield node


TREES = {module: ast.parse(module.read_text()) for module in MODULES}
CALLEES = {
    node.name
    for tree in TREES.values()
    for node in functions_with_session(tree)
    if isinstance(node, ast.FunctionDef)
}
"""Functions of the store that take the session."""


def passes_session(call: ast.Call) -> bool:
    given = [*call.args, *(each.value for each in call.keywords)]
    return any(isinstance(each, ast.Name) and each.id == "session" for each in given)


def name_of(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def calls_of(function: Function) -> Iterator[ast.Call]:
    """Of MongoDB, and of what writes in the same transaction."""
    body = function.body if isinstance(function.body, list) else [function.body]
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and name_of(node) in STATEMENTS | CALLEES:
                yield node


USERS = [
    pytest.param(function, id=f"{module.relative_to(STORE)}:{function.lineno}")
    for module, tree in TREES.items()
    for function in functions_with_session(tree)
]


@pytest.mark.parametrize("function", USERS)
def test_every_statement_of_a_transaction_is_in_it(function: Function) -> None:
    outside = [ast.unparse(call) for call in calls_of(function) if not passes_session(call)]

    assert outside == []


def test_there_are_transactions_to_be_read() -> None:
    assert {"_write", "insert", "append"} <= CALLEES
    assert isinstance(STORE, Path)
