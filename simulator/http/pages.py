"""The pages of AppService and the login service besides JSON-RPC (protocol.md 1.5 and 5.1)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from simulator.appservice.jobs import Job, Jobs
from simulator.appservice.methods import decimal
from simulator.http.rpc import RpcError
from simulator.http.server import Reply, Request
from simulator.switches import Switches
from simulator.tokens import Identity, Tokens
from simulator.workspace.objects import Item

Check = Callable[[str], Identity]
PLAIN = "text/plain"


def public_key(tokens: Tokens) -> Reply:
    return Reply(body=json.dumps({"pubkey": tokens.public_pem, "valid": 1}).encode())


def ping() -> Reply:
    return Reply(body=b"OK\n", content_type=PLAIN)


def auth_ping(request: Request, check: Check) -> Reply:
    token = request.headers.get("authorization")
    if not token:
        return Reply(401, b"Authentication required", PLAIN)
    try:
        return Reply(body=f"OK {check(token).user}\n".encode(), content_type=PLAIN)
    except RpcError:
        return Reply(403, b"", PLAIN)


def log_in(request: Request, tokens: Tokens, switches: Switches) -> Reply:
    """A token for a user name, with or without its realm, and the password of all users."""
    sent = dict(parse_qsl(request.body.decode("utf-8", "replace")))
    if not sent.get("username") or sent.get("password") != switches.password:
        return Reply(401, b"Invalid username or password", PLAIN)
    user = sent["username"] if "@" in sent["username"] else f"{sent['username']}@bvbrc"
    return Reply(body=tokens.issue(user, switches.renewed_seconds).encode(), content_type=PLAIN)


def refresh(request: Request, check: Check, tokens: Tokens, switches: Switches) -> Reply:
    """A new token for a valid one; the old one stays valid (protocol.md 5.3)."""
    try:
        user = switches.renewed_user or check(request.headers.get("authorization", "")).user
    except RpcError:
        return Reply(401, b"Unauthorized", PLAIN)
    fresh = tokens.issue(user, switches.renewed_seconds, kind=switches.renewed_kind)
    return Reply(body=fresh.encode(), content_type=PLAIN)


def download(item: Item | None) -> Reply:
    """An object by its uuid; the address alone is enough to read it."""
    if item is None:
        return Reply(404, b"", PLAIN)
    return Reply(body=item.text.encode(), content_type="application/octet-stream")


def cors(request: Request) -> Reply:
    asked = request.headers.get("access-control-request-headers", "")
    headers = (
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, DELETE, OPTIONS"),
        ("Access-Control-Allow-Headers", asked),
        ("Access-Control-Max-Age", "86400"),
    )
    return Reply(200, b"", PLAIN, headers)


def task_info(request: Request, rest: list[str], jobs: Jobs, check: Check) -> Reply:
    """What a job's wrapper posted; ``rest`` is what follows task_info: id, file, data or eof."""
    job = jobs.get(decimal(rest[0])) if rest else None
    name = rest[1] if len(rest) > 1 else ""
    if refusal := refuse_reader(request, job, check):
        return refusal
    if job is None:
        return Reply(404, b"", PLAIN)
    if request.verb == "POST":
        added = request.body.decode(errors="replace")
        job.files[name] = job.files.get(name, "") + added if "data" in rest[2:] else added
        return Reply(200, b"", PLAIN)
    if name not in job.files:
        return Reply(404, b"", PLAIN)
    return Reply(200, re.sub(r"sig=[0-9a-f]+", "sig=XXX", job.files[name]).encode(), PLAIN)


CHALLENGE = (("WWW-Authenticate", 'Basic realm="PATRIC Login"'),)


def refuse_reader(request: Request, job: Job | None, check: Check) -> Reply | None:
    """The answer to a user who may not read a job's files."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "oauth":
        return Reply(401, b"", PLAIN, CHALLENGE)
    try:
        who = check(token)
    except RpcError:
        return Reply(500, b"", PLAIN)
    foreign = job is not None and job.owner != who.user and not who.admin
    return Reply(403, b"", PLAIN) if foreign else None


def job_files(job: Job) -> Mapping[str, str]:
    """What a job's wrapper has posted by its end."""
    good = job.cluster_status == "COMPLETED"
    code = exit_code(job)
    return {
        "stdout": job.course.stdout or f"Running {job.app}\n",
        "stderr": job.course.stderr or ("" if good else f"{job.app} failed\n"),
        **({} if code is None else {"exitcode": f"{code}\n"}),
        "hostname": "node01",
        "pid": "4242",
    }


def exit_code(job: Job) -> int | None:
    """None where the cluster killed the wrapper too, before it could report one."""
    if job.course.exit_code is not None:
        return job.course.exit_code
    usual = {"COMPLETED": 0, "FAILED": 1, "OUT_OF_MEMORY": 137}
    return usual.get(job.cluster_status)
