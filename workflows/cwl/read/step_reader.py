"""The steps and outputs of one workflow: what runs, what each input is connected to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from workflows.cwl.model.document import Process, Step, StepInput
from workflows.cwl.model.problems import Report
from workflows.cwl.model.tree import Node, kind
from workflows.cwl.model.types import Link, Parameter, Source
from workflows.cwl.read import shapes
from workflows.cwl.read.requirement_reader import hints, requirements
from workflows.cwl.read.type_reader import LISTINGS, TypeReader

METHODS = ("dotproduct", "nested_crossproduct", "flat_crossproduct")
MERGES = ("merge_nested", "merge_flattened")
PICKS = ("first_non_null", "the_only_non_null", "all_non_null")
_DIALECT = re.compile(r"\$\((?:steps\.([\w-]+)\.([\w-]+)|inputs\.([\w-]+))\)")
"""The dialect of the engine before this one: ``$(steps.S.O)`` as a source."""
_SOURCES = 2


class ProcessReader(Protocol):
    """Reads the processes that steps run, wherever they are written."""

    report: Report
    types: TypeReader

    def read_embedded(self, node: Node, scope: str, version: str) -> Process: ...

    def reference(self, text: str, node: Node, version: str) -> Process | None: ...


def nothing(node: Node, version: str) -> Process:
    """Stands for a process that could not be read; the reason has been reported."""
    return Process("", "", "", version, node, {}, {}, {}, {})


class StepReader:
    """Reads one workflow's steps; ``process`` has all the rest already."""

    def __init__(
        self, reader: ProcessReader, process: Process, prefixes: Mapping[str, str]
    ) -> None:
        self.reader = reader
        self.report = reader.report
        self.process = process
        self.prefixes = prefixes
        self.slugs: set[str] = set()
        self.names: frozenset[str] = frozenset()
        """Of all steps, those that are yet to be read included."""

    def complete(self) -> Process:
        """The workflow with its steps and with the links of its outputs."""
        listed = shapes.entries(
            self.process.node.get("steps"), "run", self.report, "id", self.process.scope
        )
        self.names = frozenset(name for name, _ in listed)
        steps = {name: self._step(name, node) for name, node in listed}
        outputs = {name: self._output(output) for name, output in self.process.outputs.items()}
        return replace(self.process, steps=steps, outputs=outputs)

    def _step(self, name: str, node: Node) -> Step:
        version = self.process.version
        shapes.known_fields(node, "step", version, self.report)
        shapes.require_fields(node, ("in", "out", "run"), "step", self.report)
        scope = f"{self.process.scope}/{name}".strip("/")
        listed = shapes.entries(node.get("in"), "source", self.report, "id", scope)
        scatter = shapes.texts(node.get("scatter"), "scatter", self.report)
        return Step(
            name=name,
            slug=self._slug(name),
            node=node,
            run=self._run(node, f"{scope}/run"),
            inputs={short: self._input(short, entry) for short, entry in listed},
            outputs=self._out(node.get("out"), scope),
            scatter=tuple(shapes.local(item.text, scope) for item in scatter),
            method=self._method(node, len(scatter)),
            when=self._expression(node.get("when"), "when"),
            requirements=requirements(
                node.get("requirements"), version, self.prefixes, self.reader.types
            ),
            hints=hints(node.get("hints"), self.prefixes, self.report),
        )

    def _slug(self, name: str) -> str:
        """A name for native steps that is unique here and holds no ``__``."""
        safe = re.sub(r"_{2,}", "_", re.sub(r"[^A-Za-z0-9_-]", "_", name)).strip("_-")[:60]
        slug, number = safe or "step", 2
        while slug in self.slugs:
            slug, number = f"{safe}-{number}", number + 1
        self.slugs.add(slug)
        return slug

    def _run(self, node: Node, scope: str) -> Process:
        run = node.get("run")
        version = self.process.version
        if run is None:
            return nothing(node, version)
        if isinstance(run.value, dict):
            return self.reader.read_embedded(run, scope, version)
        if not run.text:
            message = f"'run' is a process or names one, this is {kind(run)}"
            self.report.problem(run, "cwl.wrong_shape", message)
            return nothing(node, version)
        return self.reader.reference(run.text, run, version) or nothing(node, version)

    def _method(self, node: Node, width: int) -> str:
        method = shapes.one_of(node.get("scatterMethod"), METHODS, "scatterMethod", self.report)
        if width > 1 and node.get("scatterMethod") is None:
            self.report.problem(
                node.at_key("scatter"),
                "cwl.missing_field",
                "scattering over several inputs needs a 'scatterMethod'",
                f"one of {', '.join(METHODS)}",
            )
        return method or ("dotproduct" if width else "")

    def _out(self, node: Node | None, scope: str) -> dict[str, Node]:
        names: dict[str, Node] = {}
        for item in node.items if node is not None else []:
            named = item.get("id") if isinstance(item.value, dict) else item
            if named is None or not named.text:
                message = f"an output is a name or {{id: name}}, this is {kind(item)}"
                self.report.problem(item, "cwl.wrong_shape", message)
            else:
                names[shapes.local(named.text, scope)] = named
        return names

    def _input(self, name: str, node: Node) -> StepInput:
        shapes.known_fields(node, "step input", self.process.version, self.report)
        return StepInput(
            name=name,
            node=node,
            link=self._link(node, "source"),
            default=node.map.get("default"),
            value_from=self._expression(node.get("valueFrom"), "valueFrom"),
            load_contents=shapes.flag(node.get("loadContents"), "loadContents", self.report),
            load_listing=shapes.one_of(
                node.get("loadListing"), LISTINGS, "loadListing", self.report
            ),
        )

    def _expression(self, node: Node | None, what: str) -> Node | None:
        if node is not None and not isinstance(node.value, (str, bool)):
            self.report.problem(
                node, "cwl.wrong_shape", f"'{what}' must be an expression, this is {kind(node)}"
            )
        return node

    def _output(self, output: Parameter) -> Parameter:
        return replace(output, link=self._link(output.node, "outputSource"))

    def _link(self, node: Node, field: str) -> Link:
        written = node.get(field)
        found = shapes.texts(written, field, self.report)
        return Link(
            sources=tuple(source for item in found if (source := self._source(item, written))),
            is_list=written is not None and isinstance(written.value, list),
            merge=shapes.one_of(node.get("linkMerge"), MERGES, "linkMerge", self.report),
            pick=shapes.one_of(node.get("pickValue"), PICKS, "pickValue", self.report),
        )

    def _source(self, node: Node, written: Node | None) -> Source | None:
        """A source by its two words. Whether it exists is checked when all steps are read."""
        if dialect := _DIALECT.fullmatch(node.text.strip()):
            self._warn_of_dialect(node)
            step, output, name = dialect.groups()
            return Source(step or "", output or name, node)
        text = node.text.partition("#")[2] or node.text
        inside = text.removeprefix(f"{self.process.scope}/") if self.process.scope else text
        step, _, output = inside.rpartition("/")
        if step in self.names:  # which may hold slashes
            return Source(step, output, node)
        pieces = inside.strip("/").split("/")
        if len(pieces) > _SOURCES and inside == text:
            pieces = pieces[-_SOURCES:]
        if len(pieces) > _SOURCES or "$(" in text:
            self.report.problem(
                written if written is not None and not written.items else node,
                "cwl.unknown_source",
                f"'{node.text}' is no source",
                "a source is 'input' or 'step/output'; expressions go into valueFrom",
            )
            return None
        return Source(pieces[0] if len(pieces) == _SOURCES else "", pieces[-1], node)

    def _warn_of_dialect(self, node: Node) -> None:
        self.report.warning(
            node,
            "cwl.dialect",
            f"'{node.text}' is no CWL source; it is understood as the former engine did",
            "write 'step/output' or the input's name",
        )
