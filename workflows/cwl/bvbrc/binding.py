"""Which app a leaf process is bound to: by GoWe's hint, or as a helper by its name."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.cwl.bvbrc.apps import AppFacts, Apps
from workflows.cwl.model.document import Process
from workflows.cwl.model.scope import Scope
from workflows.cwl.model.tree import Node
from workflows.cwl.model.values import Wrong
from workflows.cwl.read.requirement_reader import EXECUTION


@dataclass(frozen=True, slots=True)
class Binding:
    """A process and its app."""

    app: AppFacts
    is_helper: bool
    """A step that the engine runs itself: what the document says about how is passed over."""


def binding(process: Process, scope: Scope, apps: Apps, helpers: Apps) -> Binding:
    """Raises ``Wrong`` where the process is bound to no app, or to one that does not exist."""
    hint = scope.requirements.get(EXECUTION) or scope.hints.get(EXECUTION)
    named = hint.get("bvbrc_app_id") if hint is not None else None
    if named is None:
        return _by_name(process, helpers)
    name = str(named.plain()).strip()
    helper = helpers.find(name)
    app = helper or apps.find(name)
    if app is None:
        raise Wrong("cwl.unknown_app", f"BV-BRC has no app '{name}'", apps.suggestion(name), named)
    return Binding(app, is_helper=helper is not None)


def _by_name(process: Process, helpers: Apps) -> Binding:
    """GoWe's helper tools run scripts of their own; they are known by their file or id."""
    for name in (process.name, _stem(process.node)):
        helper = helpers.find(name) if name else None
        if helper is not None:
            return Binding(helper, is_helper=True)
    raise Wrong(
        "cwl.not_an_app",
        f"this {process.kind} is bound to no BV-BRC app, and nothing else can be run here",
        "use 'run: bvbrc://AppName', or the hint gowe:Execution with bvbrc_app_id;"
        " GET /api/v1/cwl/tools has a tool for each app",
    )


def _stem(node: Node) -> str:
    return node.file.rpartition("/")[2].rpartition(".")[0] if node.parent is None else ""
