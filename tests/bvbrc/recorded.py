"""Recorded requests and answers of the genuine AppService, and how answers are compared."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from simulator.client import Simulator
from tests.shared import found_shared, shared_path

Json = Any

FOLDER = "bvbrc/captures"
RECORDED_AT = 1_763_000_000
OPAQUE = frozenset({"app_spec", "params", "parameters", "_preflight", "maxrss"})
"""What differs for good reasons: only that it is there, and of the same kind, is compared."""
TOKENS = {
    "078": {"kind": "tampered"},
    "079": {"kind": "unknown_signer"},
    "080": {"kind": "unsigned"},
    "085": {"kind": "unreachable_signer"},
    "077": {"kind": "forged"},
}


def names() -> list[str]:
    """The recorded exchanges, none where the reference material is missing."""
    folder = found_shared(FOLDER)
    return sorted(path.stem for path in folder.glob("*.json")) if folder else []


@dataclass(frozen=True, slots=True)
class Exchange:
    """One recorded request and its answer."""

    name: str
    request: Mapping[str, Json]
    response: Mapping[str, Json]

    @property
    def body(self) -> bytes:
        text = self.request.get("body") or ""
        try:
            return text.encode("latin-1")
        except UnicodeEncodeError:
            return text.encode()


def read(name: str) -> Exchange:
    document = json.loads((shared_path(FOLDER) / f"{name}.json").read_text())
    return Exchange(name, document["request"], document["response"])


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str


def replay(simulator: Simulator, exchange: Exchange) -> Answer:
    """Sends the recorded request to the simulator, with a token of the same sort."""
    url = urlsplit(exchange.request["url"])
    headers = {
        name: value
        for name, value in (exchange.request["headers"] or {}).items()
        if name not in {"Host", "Content-Length"}
    }
    if headers.get("Authorization"):
        headers["Authorization"] = token_like(headers["Authorization"], simulator, exchange.name)
    connection = http.client.HTTPConnection(urlsplit(simulator.url).netloc, timeout=30)
    target = f"{url.path}?{url.query}" if url.query else url.path
    connection.request(exchange.request["method"], target, exchange.body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return Answer(answer.status, dict(answer.getheaders()), text)


def token_like(recorded: str, simulator: Simulator, name: str) -> str:
    """A token of the same user that is broken in the same way, in the same wrapping."""
    user, expiry = re.search(r"un=([^|]+)", recorded), re.search(r"expiry=(\d+)", recorded)
    if not user or not expiry:
        return recorded
    seconds = 3600 if int(expiry[1]) > RECORDED_AT else -3600
    roles = re.search(r"\|roles=([^|]+)", recorded)
    settings = {"roles": roles[1] if roles else "", **TOKENS.get(name[:3], {})}
    token = simulator.token(user[1], seconds, **settings)
    if name.startswith("081"):
        return token[:-20]
    before, after = recorded.split("un=", maxsplit=1)[0], recorded[len(recorded.rstrip()) :]
    return f"{before}{token}{after}"


def differences(theirs: Json, ours: Json, path: str = "$") -> Iterator[str]:
    """Where two answers differ in shape: kinds, keys, emptiness, numbers of values."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        yield from different_keys(theirs, ours, path)
    elif isinstance(theirs, list) and isinstance(ours, list):
        if bool(theirs) != bool(ours):
            yield f"{path}: {len(theirs)} values there, {len(ours)} here"
        for index, (one, other) in enumerate(zip(theirs, ours, strict=False)):
            yield from differences(one, other, f"{path}[{index}]")
    elif type(theirs) is not type(ours):
        yield f"{path}: {theirs!r} there, {ours!r} here"


def different_keys(theirs: dict[str, Json], ours: dict[str, Json], path: str) -> Iterator[str]:
    if is_counts(theirs) and is_counts(ours):
        return
    if is_by_id(theirs) and is_by_id(ours):
        theirs, ours = by_position(theirs), by_position(ours)
    if set(theirs) != set(ours):
        yield f"{path}: {sorted(theirs)} there, {sorted(ours)} here"
    for key in set(theirs) & set(ours):
        if key in OPAQUE:
            if (theirs[key] is None) != (ours[key] is None):
                yield f"{path}.{key}: {theirs[key]!r} there, {ours[key]!r} here"
        else:
            yield from differences(theirs[key], ours[key], f"{path}.{key}")


def is_counts(value: dict[str, Json]) -> bool:
    """A summary: words to numbers."""
    return (
        bool(value)
        and all(isinstance(each, int) for each in value.values())
        and ("killed" not in value and "code" not in value)
    )


def is_by_id(value: dict[str, Json]) -> bool:
    return bool(value) and all(key.isdigit() for key in value)


def by_position(value: dict[str, Json]) -> dict[str, Json]:
    """Only the first of each: how many there are depends on what was submitted."""
    return {"id": next(iter(value.values()))}


def message_head(message: str) -> str:
    """An error text without its trace, addresses and labels, which are not ours to have."""
    head = re.split(r"\n? at (?:inline|/)", message, maxsplit=1)[0]
    head = re.sub(r"0x[0-9a-f]+", "0x", head)
    head = re.sub(r"http://127\.0\.0\.1:\d+|https://user[.\w]*", "<url>", head)
    head = re.sub(r"Required parameter .* \((\w+)\)", r"Required parameter (\1)", head)
    if head.startswith("Error while parsing JSON HTTP request"):
        return head.partition(":")[0]
    return head.partition("' at line")[0].replace("\t", "").strip()
