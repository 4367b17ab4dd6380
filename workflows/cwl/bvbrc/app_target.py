"""BV-BRC as the target of a plan: leaves are apps, files are in the Workspace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from workflows.cwl.bvbrc import workspace_paths
from workflows.cwl.bvbrc.apps import Apps
from workflows.cwl.bvbrc.binding import Binding, binding
from workflows.cwl.bvbrc.coerce import coerce, convertible
from workflows.cwl.bvbrc.groups import is_member
from workflows.cwl.bvbrc.tools import FOLDER_OUTPUT, tool
from workflows.cwl.model.document import Process, Step
from workflows.cwl.model.problems import Report, did_you_mean
from workflows.cwl.model.scope import Scope
from workflows.cwl.model.tree import Node
from workflows.cwl.model.types import DIRECTORY, FILE, Array, Parameter, Type, members
from workflows.cwl.model.values import Value, Wrong
from workflows.cwl.read.document_reader import read_generated
from workflows.model.values import Json
from workflows.spec.catalogue import AppSpec

_REFUSED = (
    "DockerRequirement",
    "InitialWorkDirRequirement",
    "ShellCommandRequirement",
    "EnvVarRequirement",
    "InplaceUpdateRequirement",
)
"""Requirements that ask for how a program is run; BV-BRC decides that for its apps."""


class AppTarget:
    """The apps of BV-BRC; ``specs`` from AppService, or the project's own table."""

    null_references = False

    def __init__(
        self,
        specs: Iterable[AppSpec],
        known: Iterable[AppSpec] = (),
        helpers: Iterable[AppSpec] = (),
    ) -> None:
        self.catalogue = Apps(specs, known)
        self.helpers = Apps(helpers)
        self._processes: dict[str, Process] = {}

    @property
    def apps(self) -> tuple[str, ...]:
        return tuple(self.catalogue.all)

    def app_process(self, name: str) -> Process | None:
        app = self.helpers.find(name) or self.catalogue.find(name)
        if app is None:
            return None
        if app.id not in self._processes:
            self._processes[app.id] = read_generated(f"bvbrc:{app.id}", tool(app))
        return self._processes[app.id]

    def binding(self, process: Process, scope: Scope) -> Binding:
        """The app of a leaf; raises ``Wrong``."""
        return binding(process, scope, self.catalogue, self.helpers)

    def check(self, process: Process, step: Step | None, scope: Scope, report: Report) -> None:
        place = step.node.map.get("run", step.node) if step is not None else process.node
        if isinstance(place.value, dict):
            place = place.map.get("class", place)
        try:
            bound = self.binding(process, scope)
        except Wrong as wrong:
            report.problem(wrong.node or place, wrong.code, wrong.message, wrong.suggestion)
            return
        if not bound.is_helper:
            _requirements(scope, report)
        for name, parameter in process.inputs.items():
            _input(name, parameter, bound, report)
        for output in process.outputs.values():
            _output(output, bound, report)

    def accepts(self, source: Type, sink: Type, process: Process) -> bool:
        return is_leaf(process) and convertible(source, sink)

    def coerce(self, value: Value, wanted: Type, process: Process) -> Value:
        return coerce(value, wanted, everything=is_leaf(process))

    def file(self, value: dict[str, Json], place: Node) -> dict[str, Json]:  # noqa: ARG002 - paths are absolute here
        return workspace_paths.resolve_location(value)

    def result(self, value: Json, declared: Type) -> Json:
        """Jobs report paths; a declared File or Directory is made of one."""
        if isinstance(value, list):
            items = [m.items for m in members(declared) if isinstance(m, Array)]
            return [self.result(item, items[0] if items else declared) for item in value]
        if isinstance(value, str):
            for kind in (FILE, DIRECTORY):
                if kind in members(declared):
                    return workspace_paths.value(kind.name, workspace_paths.path(value))
        return value

    def contents(self, file: Mapping[str, Json]) -> str:
        raise Wrong(
            "cwl.contents",
            f"the contents of '{file.get('path')}' cannot be loaded: files stay in the Workspace",
        )

    def listing(self, directory: Mapping[str, Json], *, deep: bool) -> list[Json]:  # noqa: ARG002 - neither can be had
        raise Wrong(
            "cwl.listing",
            f"'{directory.get('path')}' cannot be listed: folders stay in the Workspace",
        )

    def exists(self, location: str) -> bool:
        raise Wrong(
            "cwl.secondary_files",
            f"secondary files ('{location}') are not looked for in the Workspace",
            "give them as inputs of their own",
        )


def is_leaf(process: Process) -> bool:
    return process.kind in ("CommandLineTool", "Operation")


def _requirements(scope: Scope, report: Report) -> None:
    for name in _REFUSED:
        node = scope.requirements.get(name)
        if node is not None:
            report.problem(
                node,
                "cwl.unsupported_requirement",
                f"{name} cannot be met: BV-BRC decides how its apps run",
                "move it to 'hints', where it is ignored",
            )


def _input(name: str, parameter: Parameter, bound: Binding, report: Report) -> None:
    if name not in bound.app.parameters and not is_member(name, bound.app):
        report.warning(
            parameter.node,
            "cwl.unknown_parameter",
            f"the app {bound.app.id} knows no parameter '{name}'",
            did_you_mean(name, bound.app.parameters),
        )
    if parameter.load_contents:
        report.problem(
            parameter.node,
            "cwl.contents",
            f"'{name}': the contents of a file cannot be loaded for an app",
        )
    if any(secondary.required is not False for secondary in parameter.secondary_files):
        report.problem(
            parameter.node.map.get("secondaryFiles", parameter.node),
            "cwl.secondary_files",
            f"'{name}': an app takes no secondary files",
            "give them as inputs of their own",
        )


def _output(output: Parameter, bound: Binding, report: Report) -> None:
    app = bound.app
    written = output.node.get("outputBinding")
    glob = written.get("glob") if written is not None else None
    known = {*app.outputs, *app.other_outputs, *app.later, FOLDER_OUTPUT}
    evaluated = written.get("outputEval") if written is not None else None
    if evaluated is not None and not bound.is_helper:
        report.problem(
            evaluated,
            "cwl.output_eval",
            f"'{output.name}': the result of an app cannot be computed by an expression",
            "use an ExpressionTool step, or valueFrom where it is used",
        )
    elif output.name not in known and glob is None:
        report.problem(
            output.node,
            "cwl.unknown_output",
            f"the app {app.id} is known to leave no '{output.name}'",
            did_you_mean(output.name, known) or "say where it is with outputBinding.glob",
        )
