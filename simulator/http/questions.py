"""Reads requests as calls, and calls for what faults and the call log select them by."""

from __future__ import annotations

from typing import Any

from simulator.appservice import methods as appservice
from simulator.http import rpc
from simulator.http.rpc import Envelope, Question, RpcError
from simulator.http.server import Request
from simulator.tokens import user_in
from simulator.triggers import Subject

Json = Any
ABOUT_A_JOB = frozenset({"kill_task", "rerun_task", "query_task_details"})


def parse_request(request: Request) -> Question:
    """Reads a request as a call. Raises ``RpcError`` if it is not JSON-RPC."""
    if request.verb == "GET":
        raise RpcError("HTTP GET not allowed.", rpc.NO_GET, inside=False)
    if request.verb != "POST":
        raise rpc.unparsable(f"Unsupported HTTP request method {request.verb}")
    return rpc.parse(request.body)


def no_question(request: Request) -> Question:
    """The call that stands for a request which could not be read."""
    marks: dict[str, Json] = {"version": "1.1", "id": "1"}
    if request.verb != "POST":
        marks = {"version": "1.1"}
    if request.verb == "GET" and not request.query:
        marks["id"] = None
    return Question(Envelope("1.1", tuple(marks.items())), "unparsable", [])


def no_method(text: str) -> RpcError:
    return RpcError(text, rpc.NO_METHOD, inside=False)


def subject_of(question: Question, token: str) -> Subject:
    """The fields by which faults and the call log select a call."""
    subject = {"method": question.method, "user": user_in(token)}
    first, second, third = (appservice.argument(question.params, index) for index in range(3))
    short = question.method.partition(".")[2]
    name = "app" if short.startswith("start_app") else "job_id" if short in ABOUT_A_JOB else ""
    if name and isinstance(first, (str, int)):
        subject[name] = str(first)
    if isinstance(second, dict):
        names = ("output_path", "output_file")
        subject |= {name: str(second[name]) for name in names if name in second}
    if isinstance(third, dict) and third.get("user_metadata"):
        subject["user_metadata"] = str(third["user_metadata"])
    return subject


def job_id_in(values: list[Json]) -> str:
    """The id of a job that was created, else empty."""
    first = values[0] if values else None
    return str(first["id"]) if isinstance(first, dict) and "state_code" in first else ""


def traced_argument(problem: RpcError, question: Question, token: str) -> str:
    """The argument that a trace shows: of a submit tool that did not run, it is the token."""
    if "IPC/Run" in problem.place:
        return token
    return appservice.perl_text(appservice.argument(question.params, 0))
