"""A JSON-RPC service whose methods a test writes as functions of their params."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from tests.bvbrc.loopback import Received, reply
from workflows.model.errors import MethodMissing, Rejected

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["5", "id", "status", "msg", "killed", "parameters", "exitcode"]), inner
        ),
    ),
    max_leaves=12,
)
"""Any JSON value, with a liking for the keys that mean something to us."""

Methods = dict[str, Callable[..., list[Any]]]


class Service:
    """Methods to functions from params to return values; what they raise is an error answer."""

    def __init__(self, methods: Methods) -> None:
        self.methods = methods
        self.calls: list[tuple[str, list[Any]]] = []

    def __call__(self, request: Received) -> bytes:
        asked = request.json()
        method = asked["method"].partition(".")[2]
        self.calls.append((method, asked["params"]))
        try:
            answer: dict[str, Any] = {"result": self.methods[method](*asked["params"])}
        except MethodMissing as missing:
            answer = {"error": {"code": -32601, "message": str(missing)}}
        except Rejected as failure:
            answer = {"error": {"code": -32603, "message": str(failure)}}
        status = 500 if "error" in answer else 200
        return reply(status, json.dumps({"jsonrpc": "2.0", "id": asked["id"], **answer}))

    def params(self, method: str) -> list[list[Any]]:
        return [params for called, params in self.calls if called == method]


def raising(error: Exception) -> Callable[..., list[Any]]:
    def method(*_: Any) -> list[Any]:
        raise error

    return method
