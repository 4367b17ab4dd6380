"""``POST /runs``: reads the parts of a form; every problem is reported at once, nothing is fetched.

A part is a form field or a file, with any Content-Type: clients send both.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Request

from app.http import request_bodies
from workflows.model.errors import Invalid, Problem
from workflows.model.json_path import Path, format_path
from workflows.model.values import Json
from workflows.spec.checks.suggestions import did_you_mean

ENGINE: Final = "bvbrc-workflow-engine"
CWL, NATIVE = "CWL", "BVBRC"
VERSIONS: Final[Mapping[str, Sequence[str]]] = {CWL: ("v1.0", "v1.1", "v1.2"), NATIVE: ("1.0",)}
PARAMETERS: Final = ("workspace_output_folder", "max_parallel_steps", "on_failure", "reuse", "name")
"""Of ``workflow_engine_parameters``."""
ATTACHMENT: Final = "workflow_attachment"
_TEXTS: Final = (
    *("workflow_params", "workflow_type", "workflow_type_version", "tags", "workflow_url"),
    *("workflow_engine", "workflow_engine_version", "workflow_engine_parameters"),
)
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_INTO_THE_WORKSPACE: Final = "put data into the Workspace, and name its path in workflow_params"
_MOST_LEVELS: Final = 100


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A request to run a workflow; its parts agree with each other."""

    type: str
    """``CWL`` or ``BVBRC``."""
    main: str
    """The attachment that is the workflow."""
    entry: str
    """The fragment of ``workflow_url``: which process of the document; may be empty."""
    params: str
    """``workflow_params``: the text of a JSON object, or empty."""
    files: Mapping[str, str]
    """The attachments by name."""
    tags: Mapping[str, str]
    parameters: Mapping[str, str]
    """``workflow_engine_parameters``."""
    sent: Mapping[str, Json] = field(repr=False)
    """The fields as ``GET /runs/{id}`` repeats them, without ``workflow_params``."""


def read_run_request(request: Request, engine_version: str) -> RunRequest:
    """Raises ``Invalid`` with every problem."""
    reader = _Reader(dict(_texts(request)))
    attached = request.files.getlist(ATTACHMENT)
    files = reader.attachments(attached, request.form.getlist(ATTACHMENT))
    reader.refuse_unknown([*request.form, *request.files])
    kind = reader.kind()
    reader.check_engine(engine_version)
    main, entry = reader.url(files)
    params = reader.json_object("workflow_params")
    reader.refuse_data(params, files)
    tags = reader.text_map("tags")
    parameters = reader.engine_parameters()
    if reader.problems:
        raise Invalid(reader.problems)
    sent: dict[str, Json] = {
        **{name: text for name, text in reader.texts.items() if text},
        "workflow_type": kind,
        "tags": tags,
    }
    sent.pop("workflow_params", None)
    if "workflow_engine_parameters" in sent:
        sent["workflow_engine_parameters"] = parameters
    text = reader.texts.get("workflow_params", "")
    return RunRequest(kind, main, entry, text, files, tags, parameters, sent)


def _texts(request: Request) -> Iterator[tuple[str, str]]:
    for name in _TEXTS:
        if name in request.files:
            yield name, request.files[name].read().decode("utf-8", "replace").strip()
        elif name in request.form:
            yield name, request.form[name].strip()


class _Reader:
    """Collects the problems of one form."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = texts
        self.problems: list[Problem] = []

    def problem(self, path: str, code: str, message: str, suggestion: str = "") -> None:
        self.problems.append(Problem(path, code, message, suggestion))

    def refuse_unknown(self, names: Collection[str | None]) -> None:
        """A part without a name is None."""
        known = (*_TEXTS, ATTACHMENT)
        for name in dict.fromkeys(names):
            if name is None:
                message = "a part of the form has no name"
                self.problem("", "unknown_field", message, f"the names are {', '.join(known)}")
            elif name not in known:
                hint = did_you_mean(name, known)
                self.problem(name[:80], "unknown_field", "there is no such part", hint)

    def attachments(self, sent: Sequence[FileStorage], nameless: Collection[str]) -> dict[str, str]:
        """The attached files by name. ``nameless``: those that came without a file name."""
        if any(nameless):
            message = "an attachment needs a file name"
            self.problem(ATTACHMENT, "bad_argument", message, 'send it with filename="main.cwl"')
        found: dict[str, str] = {}
        for file in sent:
            name: str = posixpath.normpath(file.filename or ".")
            path = format_path((ATTACHMENT, (file.filename or "")[:80]))
            if (
                name.startswith(("/", ".."))
                or name == "."
                or "\\" in name
                or not name.isprintable()
            ):
                message = "it must be a relative path that stays in its folder"
                self.problem(path, "bad_argument", message, "such as tools/annotate.cwl")
            elif name in found:
                self.problem(path, "duplicate_key", "two attachments have this name")
            else:
                found[name] = self._decode(file, path)
        return found

    def _decode(self, file: FileStorage, path: str) -> str:
        content: bytes = file.read()
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            message = "it is no text in UTF-8; data that is attached is not used"
            self.problem(path, "bad_encoding", message, _INTO_THE_WORKSPACE)
            return ""

    def kind(self) -> str:
        """The type in our spelling; Toil writes ``cwl``."""
        sent = self._require("workflow_type")
        kind = sent.upper()
        if sent and kind not in VERSIONS:
            self._choice("workflow_type", sent, list(VERSIONS))
        version = self._require("workflow_type_version")
        if version and kind in VERSIONS and version not in VERSIONS[kind]:
            self._choice("workflow_type_version", version, VERSIONS[kind])
        return kind

    def check_engine(self, version: str) -> None:
        engine = self.texts.get("workflow_engine", "")
        asked = self.texts.get("workflow_engine_version", "")
        if engine and engine != ENGINE:
            self._choice("workflow_engine", engine, [ENGINE])
        if asked and not engine:
            message = "it needs workflow_engine beside it"
            self.problem("workflow_engine", "missing_field", message, f"send {ENGINE!r}")
        if asked and asked != version:
            self._choice("workflow_engine_version", asked, [version])

    def url(self, files: Collection[str]) -> tuple[str, str]:
        """The attachment that ``workflow_url`` names, and the fragment."""
        sent = self._require("workflow_url")
        path, _, fragment = sent.partition("#")
        name = posixpath.normpath(path) if path else ""
        if _SCHEME.match(sent) or sent.startswith("//"):
            message = "it must be the name of an attachment: the engine fetches nothing"
            self.problem("workflow_url", "bad_argument", message, "attach the file, and name it")
        elif sent and name not in files:
            hint = did_you_mean(name, files) or f"attached are: {', '.join(sorted(files)[:20])}"
            message = f"no attachment is named {name[:80]!r}"
            self.problem("workflow_url", "bad_argument", message, hint if files else "attach it")
        return name, fragment

    def json_object(self, name: str) -> dict[str, Json]:
        """The JSON object in a part; an absent or empty one is empty."""
        text = self.texts.get(name, "")
        if not text:
            return {}
        try:
            found = request_bodies.parse(text.encode("utf-8", "replace"))
        except Invalid as error:
            message = error.problems[0].message.replace("The body", "It")
            self.problem(name, error.problems[0].code, message)
            return {}
        if not isinstance(found, dict):
            self.problem(name, "not_an_object", "it must be a JSON object")
            return {}
        return found

    def text_map(self, name: str) -> dict[str, str]:
        found = self.json_object(name)
        for key, value in found.items():
            if not isinstance(value, str):
                self.problem(format_path((name, key)), "wrong_type", "it must be a text")
        return {key: value for key, value in found.items() if isinstance(value, str)}

    def engine_parameters(self) -> dict[str, str]:
        """Null counts as absent, and ``--name`` as ``name``: Toil passes its options like that."""
        found: dict[str, str] = {}
        for key, value in self.json_object("workflow_engine_parameters").items():
            if value is None:
                continue
            name = key.removeprefix("--")
            path = format_path(("workflow_engine_parameters", key))
            if name not in PARAMETERS:
                hint = did_you_mean(name, PARAMETERS) or f"known are: {', '.join(PARAMETERS)}"
                self.problem(path, "unknown_field", "there is no such parameter", hint)
            elif not isinstance(value, str):
                self.problem(path, "wrong_type", "it must be a text", "write it in quotes")
            else:
                found[name] = value
        return found

    def refuse_data(self, params: Json, files: Collection[str]) -> None:
        """Attachments are documents: an input that is one of them would not reach BV-BRC."""
        for path, location in _locations(params, ("workflow_params",)):
            if posixpath.normpath(location) in files:
                message = f"the attached file {location[:80]!r} is not sent to BV-BRC"
                self.problem(format_path(path), "bad_argument", message, _INTO_THE_WORKSPACE)

    def _require(self, name: str) -> str:
        found = self.texts.get(name, "")
        if not found:
            self.problem(name, "missing_field", "this part is missing")
        return found

    def _choice(self, name: str, sent: str, known: Sequence[str]) -> None:
        listed = f"known are: {', '.join(known)}"
        self.problem(name, "invalid_choice", f"{sent[:80]!r} is not known", listed)


def _locations(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """The locations of all files in an object or list of an input object."""
    if len(path) > _MOST_LEVELS:
        return
    if isinstance(value, dict) and value.get("class") in ("File", "Directory"):
        for name in ("location", "path"):
            if isinstance(value.get(name), str):
                yield (*path, name), value[name]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(item, (dict, list)):
            yield from _locations(item, (*path, key))


def as_stored(request: RunRequest) -> str:
    """The fields as they are kept; a CWL workflow's parameters are kept with its source."""
    params = {"workflow_params": json.loads(request.params or "{}")}
    return json.dumps({**request.sent, **(params if request.type == NATIVE else {})})
