"""The three forms in which a CWL workflow may be sent → a submission.

(a) a bare document, (b) ``{"workflow": …, "inputs": …, "files": …, …}``, (c) the parts of a form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workflows.cwl.bvbrc.submission import BASE_URL, Submission
from workflows.cwl.model.limits import LIMITS
from workflows.cwl.model.problems import CwlProblem, Refused, did_you_mean
from workflows.cwl.read.yaml_tree import Budget, parse
from workflows.model.values import Json

MAIN = "workflow.cwl"
"""What the workflow is called among the files, if it came without a name."""
SETTINGS = ("labels", "max_parallel_steps", "on_failure", "reuse")
"""Fields of the native workflow document that a CWL submission takes as they are."""
_DOCUMENTS = ("workflow", "cwl")
_FIELDS = (
    *_DOCUMENTS,
    "inputs",
    "files",
    "entry",
    "workspace_output_folder",
    "name",
    "base_url",
    "base_context",
    *SETTINGS,
)
_TEXTS = ("entry", "workspace_output_folder", "name", "base_url")
_CWL = ("cwlVersion", "$graph", "class")


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a submission takes from where it came from."""

    folder: str
    """The workspace_output_folder where none is sent, e.g. ``/user@bvbrc/home``."""
    now: int
    """The time of submission in milliseconds since 1970."""
    name: str = ""
    """The workflow's name, where the body gives none."""
    settings: Mapping[str, Json] = field(default_factory=dict)
    """Values for ``SETTINGS``, where the body gives none."""


def from_text(body: str, around: Circumstances) -> Submission:
    """Forms (a) and (b) as they came, YAML or JSON; raises ``Refused``.

    A bare document keeps its lines. Parsing here is bounded like the planning's own.
    """
    if len(body.encode()) > 2 * LIMITS.bundle_bytes:
        raise _refusal("cwl.too_large", f"more than {2 * LIMITS.bundle_bytes} bytes were sent")
    root = parse(body, MAIN, Budget())
    if not isinstance(root.value, dict):
        raise _refusal("cwl.wrong_shape", "a CWL document or a map with 'workflow' is expected")
    if any(word in root.map for word in _CWL):
        return _submission({MAIN: body}, MAIN, {}, around)
    return from_object(root.plain(), around)


def from_object(body: Mapping[str, Any], around: Circumstances) -> Submission:
    """Forms (a) and (b) as an object; raises ``Refused``."""
    if any(word in body for word in _CWL):
        return _submission({MAIN: dict(body)}, MAIN, {}, around)
    for name in body:
        if name not in _FIELDS:
            raise _refusal(
                "cwl.unknown_field", f"'{name}' is not known", did_you_mean(name, _FIELDS)
            )
    sent = [name for name in _DOCUMENTS if body.get(name) is not None]
    if len(sent) != 1:
        raise _refusal("cwl.missing_field", "send the CWL document as 'workflow'")
    for name in _TEXTS:
        if not isinstance(body.get(name, ""), (str, type(None))):
            raise _refusal("cwl.wrong_shape", f"'{name}' must be a string")
    files = {} if body.get("files") is None else body["files"]
    if not isinstance(files, dict) or not isinstance(body.get("base_context", {}), dict):
        raise _refusal("cwl.wrong_shape", "'files' and 'base_context' must be maps")
    bundle, main = _with_main(files, body[sent[0]])
    return _submission(bundle, main, body, around)


def from_parts(
    workflow: tuple[str, str],
    inputs: str | None,
    files: Mapping[str, str],
    fields: Mapping[str, Json],
    around: Circumstances,
) -> Submission:
    """Form (c): ``workflow`` as ``(file name, text)``, further files by name, other form fields."""
    name, text = workflow
    bundle: dict[str, Json] = {**files}
    main = name or MAIN
    bundle[main] = text
    return _submission(bundle, main, {**fields, "inputs": inputs}, around)


def _with_main(files: dict[str, Json], document: Json) -> tuple[dict[str, Json], str]:
    """The files with the document among them; it may also name one of them."""
    if isinstance(document, str) and document in files:
        return files, document
    if not isinstance(document, (str, dict)):
        raise _refusal("cwl.wrong_shape", "'workflow' must be a document: text or an object")
    main = MAIN
    while main in files:
        main = f"main-{main}"
    return {**files, main: document}, main


def _submission(
    files: Mapping[str, Json], main: str, body: Mapping[str, Any], around: Circumstances
) -> Submission:
    _check_characters({**files, **body})
    return Submission(
        files=files,
        main=main,
        inputs=body.get("inputs"),
        entry=(body.get("entry") or "").removeprefix("#"),
        workspace_output_folder=body.get("workspace_output_folder") or around.folder,
        name=(body.get("name") or around.name)[:200],
        base_url=body.get("base_url") or BASE_URL,
        now=around.now,
        base_context=body.get("base_context") or {},
        settings={**around.settings, **{key: body[key] for key in SETTINGS if key in body}},
    )


def settings_from_texts(texts: Mapping[str, Sequence[str]]) -> dict[str, Json]:
    """The settings that a form or a query gives as text.

    ``labels`` may be repeated, each ``key:value``, or be one JSON object. A text that does not
    read as its setting stays a text, which validation refuses with its reason.
    """
    found: dict[str, Json] = {}
    for key in SETTINGS:
        if given := texts.get(key):
            found[key] = _read_labels(given) if key == "labels" else given[0]
    if str(found.get("max_parallel_steps", "")).isdecimal():
        found["max_parallel_steps"] = int(str(found["max_parallel_steps"])[:9])
    return found


def _read_labels(given: Sequence[str]) -> Json:
    if given[0].lstrip().startswith("{"):
        try:
            return json.loads(given[0])
        except (ValueError, RecursionError):
            return given[0]
    return dict(text.partition(":")[::2] for text in given)


def _check_characters(values: Mapping[str, Any]) -> None:
    """JSON can say half of a surrogate pair, which no text in UTF-8 can hold."""
    for name, value in values.items():
        try:
            json.dumps([name, value], ensure_ascii=False).encode()
        except UnicodeEncodeError:
            message = f"{name!a} holds half of a surrogate pair, which is no character"
            raise _refusal("cwl.syntax", message, "write the whole character") from None


def _refusal(code: str, message: str, suggestion: str = "") -> Refused:
    problem = CwlProblem(path="", code=code, message=message, suggestion=suggestion, file=MAIN)
    return Refused([problem])
