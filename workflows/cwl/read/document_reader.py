"""Files of a bundle → processes. Reports all that is wrong with a document by itself.

What depends on how the parts are connected is ``wiring``'s; the steps are read by ``stepreader``.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping

from workflows.cwl.model.document import Process
from workflows.cwl.model.problems import Report, did_you_mean, refuse
from workflows.cwl.model.tree import Node, kind
from workflows.cwl.model.types import Parameter
from workflows.cwl.read import shapes
from workflows.cwl.read.bundle import Bundle
from workflows.cwl.read.fields import VERSIONS, classes
from workflows.cwl.read.requirement_reader import hints, namespaces, requirements
from workflows.cwl.read.step_reader import StepReader, nothing
from workflows.cwl.read.type_reader import TypeReader
from workflows.model.values import Json

AppProcess = Callable[[str], Process | None]
"""The process that stands for an app of that name or alias; None where there is no such app."""
GOWE = "gowe://"
APP_SCHEMES = ("bvbrc://", GOWE)
TOOLS = ("CommandLineTool", "Operation", "ExpressionTool")


class Reader:
    """Reads processes; each is read once."""

    def __init__(
        self, bundle: Bundle, report: Report, app_process: AppProcess, apps: tuple[str, ...]
    ):
        self.bundle = bundle
        self.report = report
        self.app_process = app_process
        self.apps = apps
        self.types = TypeReader(bundle, report)
        self._read: dict[int, Process] = {}
        self._reading: list[int] = []

    def entry(self, file: str, name: str) -> Process:
        """The process to run: the one named, else ``main``, else the only one there is.

        Raises ``Refused`` if it is ambiguous or the file cannot be read.
        """
        root = self.bundle.tree(file)
        graph = _graph(root)
        found = self._choose_process(root, graph, name)
        for node in graph.values():  # a packed document is checked as a whole
            if node is not found:
                self._process(node, root, "", _version(root, ""))
        return self._process(found, root, "", _version(root, ""))

    def _choose_process(self, root: Node, graph: Mapping[str, Node], name: str) -> Node:
        if not graph:
            if name and name != _own_name(root):
                raise refuse(root, "cwl.unknown_entry", f"there is no process '{name}' here")
            return root
        wanted = name or ("main" if "main" in graph or len(graph) > 1 else next(iter(graph)))
        if wanted not in graph:
            raise refuse(
                root.map["$graph"],
                "cwl.unknown_entry",
                f"there is no process '#{wanted}' in '$graph'",
                did_you_mean(wanted, graph) or 'name one as "entry"',
            )
        return graph[wanted]

    def reference(self, text: str, place: Node, version: str) -> Process | None:
        """What a step's ``run`` names: a process of the bundle, or an app's own tool."""
        for scheme in APP_SCHEMES:
            if text.startswith(scheme):
                name = text.removeprefix(scheme)
                tool = self._submitted_tool(name, place) if scheme == GOWE else None
                if tool is None:
                    return self._app(name, place)
                return self._process(tool, tool, "", _version(tool, version))
        file, fragment = self.bundle.resolve(text, place)
        root = self.bundle.tree(file, place)
        graph = _graph(root)
        node = graph.get(fragment or "main") if graph else root
        if node is None or (not graph and fragment and fragment != _own_name(root)):
            message = f"'{text}' names no process of '{file}'"
            self.report.problem(
                place, "cwl.unknown_process", message, did_you_mean(fragment or "main", graph)
            )
            return None
        return self._process(node, root, "", _version(root, version))

    def _submitted_tool(self, name: str, place: Node) -> Node | None:
        """The tool in the submitted file ``NAME.cwl``, in any folder: what ``gowe://NAME`` means
        where that file is sent along.
        """
        for file in sorted(self.bundle.files):
            if posixpath.basename(file) == f"{name}.cwl" and file != place.file:
                root = self.bundle.tree(file, place)
                written = root.get("class")
                if written is not None and written.text in TOOLS:
                    return root
        return None

    def _app(self, name: str, place: Node) -> Process | None:
        process = self.app_process(name.strip("/"))
        if process is None:
            message = f"BV-BRC has no app '{name}'"
            suggestion = did_you_mean(name, self.apps) or "GET /api/v1/apps lists the apps"
            self.report.problem(place, "cwl.unknown_app", message, suggestion)
        return process

    def read_embedded(self, node: Node, scope: str, version: str) -> Process:
        """A process written inside a step."""
        own = _version(node, version) if "cwlVersion" in node.map else version
        return self._process(node, _root(node), scope, own)

    def _process(self, node: Node, root: Node, scope: str, version: str) -> Process:
        if id(node) in self._reading:
            raise refuse(node, "cwl.run_cycle", "a workflow cannot run itself")
        if id(node) not in self._read:
            self._reading.append(id(node))
            self._read[id(node)] = self._read_process(node, root, scope, version)
            self._reading.pop()
        return self._read[id(node)]

    def _read_process(self, node: Node, root: Node, scope: str, version: str) -> Process:
        if not shapes.is_map(node, "a process", self.report):
            return nothing(node, version)
        what = self._class(node, version)
        if not what:
            return nothing(node, version)
        shapes.known_fields(node, what, version, self.report)
        own = _own_name(node)
        inside = _parts_scope(node) or (own if "#" in _id(node) or not scope else scope)
        complete = ("inputs", "outputs", *_ALSO.get(what, ()))
        shapes.require_fields(node, complete, what, self.report)
        prefixes = namespaces(root) | namespaces(node)
        needs = requirements(node.get("requirements"), version, prefixes, self.types)
        process = Process(
            kind=what,
            name=own,
            scope=inside,
            version=version,
            node=node,
            inputs=self._parameters(node.get("inputs"), f"{what} input", version, inside),
            outputs=self._parameters(node.get("outputs"), f"{what} output", version, inside),
            requirements=needs,
            hints=hints(node.get("hints"), prefixes, self.report),
            expression=node.get("expression"),
        )
        if what == "Workflow":
            return StepReader(self, process, prefixes).complete()
        return process

    def _class(self, node: Node, version: str) -> str:
        if "class" not in node.map:
            self.report.problem(node, "cwl.missing_field", "a process needs the field 'class'")
            return ""
        return shapes.one_of(node.map["class"], classes(version), "class of process", self.report)

    def _parameters(
        self, node: Node | None, what: str, version: str, scope: str
    ) -> dict[str, Parameter]:
        return {
            name: self._parameter(name, entry, what, version)
            for name, entry in shapes.entries(node, "type", self.report, "id", scope)
        }

    def _parameter(self, name: str, node: Node, what: str, version: str) -> Parameter:
        shapes.known_fields(node, what, version, self.report)
        if not (version == "v1.0" and what.endswith("output")):
            shapes.require_fields(node, ("type",), what, self.report)
        for binding in ("inputBinding", "outputBinding"):
            bound = node.get(binding)
            if bound is not None and shapes.is_map(bound, binding, self.report):
                words = "input binding" if binding == "inputBinding" else "output binding"
                shapes.known_fields(bound, words, version, self.report)
        return self.types.parameter(name, node, version, node.map.get("default"))


_ALSO = {"Workflow": ("steps",), "ExpressionTool": ("expression",)}


def read_generated(file: str, document: Json) -> Process:
    """The process of a document of our own, which has no problems."""
    return Reader(Bundle({file: document}), Report(), lambda _name: None, ()).entry(file, "")


def _graph(root: Node) -> dict[str, Node]:
    """The processes of a ``$graph`` by name; empty where the file is a single process."""
    graph = root.get("$graph")
    if graph is None:
        return {}
    return {_own_name(node): node for node in graph.items if isinstance(node.value, dict)}


def _id(node: Node) -> str:
    written = node.get("id")
    return written.text if written is not None else ""


def _own_name(node: Node) -> str:
    return _id(node).rpartition("#")[2]


def _parts_scope(node: Node) -> str:
    """The scope that a process's own inputs and outputs are named under; empty if none is written.

    ``cwltool --pack`` names the process ``#tool.cwl`` and its parts ``#tool.cwl/ID/name``, where
    ``ID`` is the ``id`` that the file of the process had.
    """
    for part in (node.get("inputs"), node.get("outputs")):
        items = part.items if part is not None and isinstance(part.value, list) else []
        for item in items:
            _, mark, fragment = _id(item).rpartition("#")
            if mark and "/" in fragment:
                return fragment.rpartition("/")[0]
    return ""


def _root(node: Node) -> Node:
    while node.parent is not None:
        node = node.parent
    return node


def _version(root: Node, inherited: str) -> str:
    """The CWL version of a file, ``-dev`` endings dropped; a file without one inherits it."""
    if not isinstance(root.value, dict):
        message = f"a CWL document must be a map, this is {kind(root)}"
        raise refuse(root, "cwl.wrong_shape", message)
    written = root.map.get("cwlVersion")
    if written is None:
        if not inherited:
            raise refuse(
                root, "cwl.missing_version", "'cwlVersion' is missing", "add: cwlVersion: v1.2"
            )
        return inherited
    version = written.text.partition(".0-dev")[0].partition("-dev")[0]
    if version not in VERSIONS:
        raise refuse(
            written,
            "cwl.unsupported_version",
            f"CWL version '{written.plain()}' is not supported",
            did_you_mean(version, VERSIONS),
        )
    return version
