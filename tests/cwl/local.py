"""A target that runs leaf tools on the spot with cwltool: the conformance tests' counterpart of
BV-BRC. All that makes a workflow a workflow is done by the production planner.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from cwltool.context import LoadingContext, RuntimeContext
from cwltool.errors import WorkflowException
from cwltool.executors import SingleJobExecutor
from cwltool.load_tool import load_tool
from schema_salad.exceptions import ValidationException

from workflows.cwl.model.document import Process, Step
from workflows.cwl.model.problems import Report
from workflows.cwl.model.scope import Scope
from workflows.cwl.model.tree import Node
from workflows.cwl.model.types import Type
from workflows.cwl.model.values import Ref, Value, Wrong, is_file
from workflows.cwl.plan.expand import Job
from workflows.cwl.plan.plan import Document, Expanded, expand
from workflows.cwl.sandbox.sandbox import Sandbox
from workflows.model.values import Json

for name in ("cwltool", "salad", "rdflib.term"):
    logging.getLogger(name).setLevel(logging.CRITICAL)
MOST = 64 * 1024


class Disk(Mapping[str, str]):
    """Files by absolute path without the leading slash, read when they are asked for."""

    def __getitem__(self, path: str) -> str:
        try:
            return Path("/", path).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            raise KeyError(path) from None

    def __contains__(self, path: object) -> bool:
        return Path("/", str(path)).is_file()

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def path_of(location: str) -> Path:
    return Path(unquote(location.removeprefix("file://")))


def uri_of(path: Path) -> str:
    return "file://" + quote(str(path))


class OneTool(SingleJobExecutor):
    """Runs a tool as a workflow's step is run: secondary files are not looked for."""

    def run_jobs(self, process: Any, order: Any, logger: Any, context: RuntimeContext) -> None:
        context.toplevel = False
        super().run_jobs(process, order, logger, context)


class Failed(Exception):
    """A tool did not succeed."""


class LocalTarget:
    """Files are on this disk; tools are whatever cwltool can run."""

    null_references = True
    apps: tuple[str, ...] = ()

    def app_process(self, name: str) -> Process | None:  # noqa: ARG002 - as the protocol has it
        return None

    def check(self, process: Process, step: Step | None, scope: Scope, report: Report) -> None:  # noqa: ARG002 - as the protocol has it
        if process.kind == "Operation":
            report.problem(process.node, "cwl.not_an_app", "an Operation cannot be run here")

    def accepts(self, source: Type, sink: Type, process: Process) -> bool:  # noqa: ARG002 - as the protocol has it
        return False

    def coerce(self, value: Value, wanted: Type, process: Process) -> Value:  # noqa: ARG002 - as the protocol has it
        return value

    def file(self, value: dict[str, Json], place: Node) -> dict[str, Json]:
        out = dict(value)
        where = out.pop("path", None) or out.get("location")
        if where is None:
            return out
        path = path_of(where)
        if not where.startswith("file://"):
            path = Path(os.path.normpath(Path("/", place.file).parent / where))
        out["location"] = uri_of(path)
        out.setdefault("basename", path.name)
        root, dot, ext = out["basename"].rpartition(".")
        out["nameroot"], out["nameext"] = (root, dot + ext) if root else (out["basename"], "")
        if out["class"] == "File" and path.is_file():
            out.setdefault("size", path.stat().st_size)
        for key in ("secondaryFiles", "listing"):
            if out.get(key):
                out[key] = [self.file(item, place) for item in out[key]]
        return out

    def result(self, value: Json, declared: Type) -> Json:  # noqa: ARG002 - as the protocol has it
        return value

    def contents(self, file: Mapping[str, Json]) -> str:
        path = path_of(file["location"])
        if not path.is_file() or path.stat().st_size > MOST:
            raise Wrong("cwl.contents", f"{path} is missing or larger than 64 KiB")
        return path.read_text("utf-8")

    def listing(self, directory: Mapping[str, Json], *, deep: bool) -> list[Json]:
        found = []
        for path in sorted(path_of(directory["location"]).iterdir()):
            item = {"class": "Directory" if path.is_dir() else "File", "location": uri_of(path)}
            item = self.file(item, Node(None, ""))
            if deep and path.is_dir():
                item["listing"] = self.listing(item, deep=True)
            found.append(item)
        return found

    def exists(self, location: str) -> bool:
        return path_of(location).exists()


class Tools:
    """Runs leaf jobs with cwltool, each in a folder of its own below ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._loaded: dict[tuple[int, str], Any] = {}

    def run(self, job: Job, inputs: Mapping[str, Json]) -> dict[str, Json]:
        context = RuntimeContext(
            {
                "rm_tmpdir": False,
                "tmpdir_prefix": str(self.folder / "tmp"),
                "tmp_outdir_prefix": str(self.folder / "out"),
                "basedir": str(self.folder),
                "use_container": False,
                "compute_checksum": True,
                "select_resources": lambda request, _context: {
                    **{
                        key.replace("Min", ""): value
                        for key, value in request.items()
                        if "Min" in key
                    },
                    "cores": request["coresMin"],
                },
            }
        )
        given = {key: value for key, value in inputs.items() if value is not None}
        try:
            out, status = OneTool()(self._tool(job), given, context)
        except (WorkflowException, ValidationException) as error:
            raise Failed(str(error)) from error
        if status != "success":
            raise Failed(f"{job.name}: {status}")
        return dict(out or {})

    def _tool(self, job: Job) -> Any:
        requirements = [_with_class(k, v) for k, v in job.scope.requirements.items()]
        hints = [_with_class(k, v) for k, v in job.scope.hints.items() if ":" not in k]
        key = (id(job.process.node), json.dumps([requirements, hints]))
        if key not in self._loaded:
            context = LoadingContext({"requirements": requirements, "hints": hints})
            self._loaded[key] = load_tool(self._document(job.process), context)
        return self._loaded[key]

    def _document(self, process: Process) -> str:
        """Where cwltool finds the tool: its own file, or a copy if it is inside of a step."""
        node = process.node
        if node.parent is None:
            return f"file:///{quote(node.file)}"
        if node.parent.key == "$graph":
            return f"file:///{quote(node.file)}#{process.name}"
        copy = self.folder / f"tool{len(self._loaded)}.cwl"
        document = {"cwlVersion": process.version, **_absolute(node)}
        document.pop("id", None)
        copy.write_text(json.dumps(document))
        return uri_of(copy)


def _with_class(name: str, node: Node) -> dict[str, Json]:
    return {**_absolute(node), "class": name}


def _absolute(node: Node) -> Json:
    """The plain value, files made absolute and named types looked up by their bare name."""
    if isinstance(node.value, list):
        return [_absolute(item) for item in node.value]
    if not isinstance(node.value, dict):
        return node.value
    out = {key: _absolute(item) for key, item in node.value.items()}
    if is_file(out) and ("location" in out or "path" in out):
        return LocalTarget().file(out, node)
    if isinstance(out.get("type"), str) and "#" in out["type"]:
        out["type"] = "#" + out["type"].rpartition("#")[2]
    return out


def resolved(value: Value, results: Mapping[str, Mapping[str, Json]]) -> Json:
    if isinstance(value, Ref):
        return results[value.step].get(value.output)
    if isinstance(value, dict):
        return {key: resolved(item, results) for key, item in value.items()}
    if isinstance(value, list):
        return [resolved(item, results) for item in value]
    return value


class Run:
    """One workflow from its document to its outputs."""

    def __init__(self, document: Document, folder: Path) -> None:
        self.document = document
        self.tools = Tools(folder)
        self.results: dict[str, dict[str, Json]] = {}
        self.plans: list[Expanded] = []

    def plan(self) -> Expanded:
        with Sandbox() as sandbox:
            plan = expand(self.document, LocalTarget(), sandbox.evaluate, self.results)
        if plan.problems:
            raise Failed("\n".join(map(str, plan.problems)))
        if self.plans:  # what was planned once stays as it was
            now = {job.name: (dict(job.inputs), job.after) for job in plan.jobs}
            for job in self.plans[-1].jobs:
                assert now[job.name] == (dict(job.inputs), job.after), job.name
        self.plans.append(plan)
        return plan

    def outputs(self) -> dict[str, Json]:
        plan = self.plan()
        while ready := [
            j for j in plan.jobs if j.name not in self.results and j.after <= set(self.results)
        ]:
            for job in ready:
                self.results[job.name] = self.tools.run(job, resolved(job.inputs, self.results))
            if plan.waits_for & set(self.results):
                plan = self.plan()
        assert not plan.waits_for, plan.waits_for
        return {name: resolved(value, self.results) for name, value in plan.outputs.items()}


def delivered(value: Json, outdir: Path) -> Json:
    """The outputs with their files copied into ``outdir`` under their own names."""
    if isinstance(value, list):
        return [delivered(item, outdir) for item in value]
    if not isinstance(value, dict):
        return value
    if not is_file(value):
        return {key: delivered(item, outdir) for key, item in value.items()}
    home = Path(tempfile.mkdtemp(dir=outdir))
    return _copied(value, home)


def _copied(value: dict[str, Json], home: Path) -> dict[str, Json]:
    target = home / (value.get("basename") or "file")
    out = {**value, "location": uri_of(target), "path": str(target), "basename": target.name}
    if value["class"] == "Directory":
        target.mkdir(exist_ok=True)
        listing = value.get("listing")
        if listing is None and "location" in value:
            listing = LocalTarget().listing(value, deep=True)
        out["listing"] = [_copied(item, target) for item in listing or []]
        return out
    if "contents" in value and "location" not in value:
        target.write_text(value["contents"], "utf-8")
    elif path_of(value["location"]) != target:
        shutil.copyfile(path_of(value["location"]), target)
    content = target.read_bytes()
    out["size"] = len(content)
    out["checksum"] = "sha1$" + hashlib.sha1(content, usedforsecurity=False).hexdigest()
    if value.get("secondaryFiles"):
        out["secondaryFiles"] = [_copied(item, home) for item in value["secondaryFiles"]]
    return out
