"""Parses request bodies into unambiguous JSON values, or raises problems with their paths."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from itertools import islice
from typing import Any, Final, NoReturn

from werkzeug.exceptions import UnsupportedMediaType
from werkzeug.wrappers import Request

from app.http.errors import TooLarge
from workflows.model.errors import Invalid, Problem
from workflows.model.values import Json

_ENCODINGS: Final = ("", "identity")
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[,\[{]', re.DOTALL)
"""A string, or what stands before a value."""
MOST_VALUES: Final = 500_000
"""Of a document; a workflow of 10,000 steps with ten parameters each has 200,000."""


def read_json(request: Request) -> Json:
    """The body of a request that must have one. Raises ``Invalid``, ``UnsupportedMediaType``."""
    check_media_type(request)
    return parse(request.get_data(cache=True))


def read_text(request: Request) -> str:
    """The body as text; raises ``Invalid``."""
    try:
        return request.get_data(cache=True).decode()
    except UnicodeDecodeError as error:
        _refuse("bad_encoding", f"The body is no UTF-8: bad byte at position {error.start}")


def read_optional_object(request: Request) -> dict[str, Json]:
    """The object in the body, or ``{}`` if there is no body, for any media type."""
    raw = request.get_data(cache=True)
    if not raw.strip():
        return {}
    found = read_json(request)
    if not isinstance(found, dict):
        raise Invalid([Problem("", "not_an_object", "The body must be a JSON object, or empty.")])
    return found


def parse(raw: bytes) -> Json:
    """The JSON value; texts on which parsers disagree are refused (NaN, a key twice)."""
    _check_count(raw)
    try:
        return json.loads(raw, object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as error:
        _refuse("bad_json", f"The body is no JSON: {error.msg} at {_place(error)}")
    except UnicodeDecodeError as error:
        _refuse("bad_encoding", f"The body is no UTF-8: bad byte at position {error.start}")
    except RecursionError:
        _refuse("too_deep", "The body is nested too deeply")
    except ValueError:  # the interpreter's own bound on the digits of an integer
        _refuse("bad_number", "The body holds a number with too many digits")


def _check_count(raw: bytes) -> None:
    """Raises ``TooLarge`` before anything is made of it: a value takes up to 300 bytes of memory,
    and 3 in the body. Commas in strings are only set aside where the count matters.
    """
    roughly = raw.count(b",") + raw.count(b"[") + raw.count(b"{")
    if roughly <= MOST_VALUES:
        return
    separators = (found for found in _TOKEN.finditer(raw) if found.end() - found.start() == 1)
    if next(islice(separators, MOST_VALUES, None), None) is not None:
        message = f"The body holds more than {MOST_VALUES} numbers, texts, lists and objects"
        suggestion = "Put long lists into files in the Workspace and give their paths."
        raise TooLarge(Problem("", "too_many_values", message, suggestion))


def _place(error: json.JSONDecodeError) -> str:
    return f"line {error.lineno}, column {error.colno}"


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        _refuse("duplicate_key", f"The key {twice[:80]!r} stands twice in one object")
    return found


def _constant(word: str) -> NoReturn:
    _refuse("bad_number", f"{word} is no JSON number")


def _refuse(code: str, message: str) -> NoReturn:
    raise Invalid([Problem("", code, message)])


def check_media_type(request: Request, also: Collection[str] = ()) -> None:
    """Accepts every media type of JSON; a body without a media type counts as JSON."""
    kind = request.mimetype
    known = not kind or kind == "application/json" or kind.endswith("+json") or kind in also
    if not known:
        words = " or ".join(["application/json", *sorted(also)])
        raise UnsupportedMediaType(f"The body must come with Content-Type: {words}.")
    if request.headers.get("Content-Encoding", "").strip().lower() not in _ENCODINGS:
        raise UnsupportedMediaType("The body must not be compressed.")
