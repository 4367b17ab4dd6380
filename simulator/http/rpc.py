"""The JSON-RPC envelopes of the BV-BRC services, with their quirks (protocol.md 1.3 and 1.4)."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = Any

SHOWN = 64
"""So many characters of an argument are in a stack trace."""
INTERNAL, NO_METHOD, UNPARSABLE, NO_GET = -32603, -32601, -32700, -32300


class RpcError(Exception):
    """An answer that is an error."""

    def __init__(
        self, message: str, code: int = INTERNAL, *, inside: bool = True, place: str = ""
    ) -> None:
        self.message = message
        self.code = code
        self.inside = inside
        """Thrown inside a method: the text is repeated in ``data`` or ``error``."""
        self.place = place
        """File and line of a Perl stack trace; empty: none."""
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Envelope:
    """How a request was wrapped, and so how its answer is."""

    version: str = "1.1"
    """``2.0``, ``1.1`` or ``1.0``."""
    marks: tuple[tuple[str, Json], ...] = (("version", "1.1"), ("id", "1"))
    """What is sent back beside the result."""

    @property
    def content_type(self) -> str:
        return "application/json-rpc" if self.version == "2.0" else "application/json"


@dataclass(frozen=True, slots=True)
class Question:
    """A parsed request."""

    envelope: Envelope
    method: str
    params: list[Json]


def parse(body: bytes) -> Question:
    """Raises ``RpcError``, to be answered in the default envelope."""
    if not body:
        raise RpcError(
            "You did not supply any JSON to parse in the POST body.", UNPARSABLE, inside=False
        )
    try:
        document = json.loads(body.decode())
    except ValueError as error:
        reason = (
            "malformed UTF-8 character in JSON string" if "utf-8" in str(error) else "malformed"
        )
        raise unparsable(f"{reason}, at character offset 0") from error
    if not isinstance(document, dict):
        raise unparsable("Single parameters to inflate() must be a HASH ref")
    params = document.get("params", [])
    if not isinstance(params, (list, dict)):
        value = "undef" if params is None else json.dumps(params)
        raise unparsable(
            "Attribute (params) does not pass the type constraint because: Validation failed for"
            f" 'Ref' with value {value}"
        )
    if isinstance(params, dict):
        params = [params]
    return Question(envelope_of(document), str(document.get("method") or ""), params)


def unparsable(reason: str) -> RpcError:
    text = f"Error while parsing JSON HTTP request: {reason}"
    place = "/usr/share/perl5/JSON/RPC/Common/Message.pm line 22"
    return RpcError(text, UNPARSABLE, inside=False, place=place)


def envelope_of(document: Mapping[str, Json]) -> Envelope:
    mark = {"id": document["id"]} if "id" in document else {}
    if "2.0" in (document.get("jsonrpc"), document.get("version")):
        return Envelope("2.0", (*mark.items(), ("jsonrpc", "2.0")))
    if document.get("version") == "1.1":
        return Envelope("1.1", (*mark.items(), ("version", "1.1")))
    return Envelope("1.0", (*mark.items(),))


def success(envelope: Envelope, values: list[Json], rng: random.Random | None) -> bytes:
    """The answer with a method's return values; keys in random order where there is an ``rng``."""
    answer = {**dict(envelope.marks), "result": values}
    if envelope.version == "1.0":
        answer["error"] = None
    return encode(rotate_keys(answer, rng))


def failure(envelope: Envelope, error: RpcError, message: str, rng: random.Random | None) -> bytes:
    """The answer that is ``error``; ``message`` is its text with or without a trace."""
    described: dict[str, Json] = {"code": error.code, "message": message}
    answer = dict(envelope.marks)
    if envelope.version == "1.0":
        answer["result"] = None
        answer["error"] = message if error.inside else described
    elif envelope.version == "2.0":
        answer["error"] = rotate_keys(
            {**described, **({"data": message} if error.inside else {})}, rng
        )
    else:
        repeated = {"error": message} if error.inside else {}
        answer["error"] = rotate_keys({**described, "name": "JSONRPCError", **repeated}, rng)
    return encode(rotate_keys(answer, rng))


class Verbatim:
    """A long text that is sent again and again: encoded once, and put in where its mark is."""

    def __init__(self, name: str, text: str) -> None:
        self.mark = f"\ue000{name}\ue001"
        KEPT[self.mark] = json.dumps(text)


KEPT: dict[str, str] = {}
"""JSON texts by the marks that stand for them."""
MARKED = re.compile('"(\ue000[^\ue001]*\ue001)"')


def encode(answer: dict[str, Json]) -> bytes:
    text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
    if "\ue000" in text:
        text = MARKED.sub(lambda found: KEPT.get(found[1], found[0]), text)
    return text.encode()


def rotate_keys(mapping: dict[str, Json], rng: random.Random | None) -> dict[str, Json]:
    """The same mapping, begun at a random key: cheaper than a shuffle and as unpredictable."""
    if rng is None or not mapping:
        return mapping
    items = list(mapping.items())
    start = int(rng.random() * len(items))
    return dict(items[start:] + items[:start])


def add_stack_trace(error: RpcError, method: str, argument: str) -> str:
    """The message as Carp::Always extends it: the place of the error and the stack of its callers.

    ``argument`` is printed as the first argument of the method, cut at 64 characters: that is how
    heads of tokens get into error texts.
    """
    if not error.place:
        return error.message
    folder = "/opt/bvbrc/deploy/lib/Bio/KBase/AppService"
    shown = argument.replace("@", "\\@")
    shown = f'"{shown[:SHOWN]}"...' if len(shown) > SHOWN else f'"{shown}"'
    impl = f"Bio::KBase::AppService::AppServiceImpl::{method}"
    return (
        f"{error.message} at {error.place}.\n"
        f"\t{impl}(Bio::KBase::AppService::AppServiceImpl=HASH(0x55a932920060), {shown},"
        f" HASH(0x55a93366f2b0)) called at {folder}/Service.pm line 342\n"
        f"\teval {{...}} called at {folder}/Service.pm line 336\n"
        "\tBio::KBase::AppService::Service::call_method(Bio::KBase::AppService::Service="
        "HASH(0x55a93344f5f0), HASH(0x55a93348edd0), HASH(0x55a92fd2a140))"
        " called at /opt/bvbrc/perl/lib/RPC/Any/Server.pm line 33\n"
    )
