"""A parameter's value as its process sees it: defaults, contents and listings, files, types."""

from __future__ import annotations

from collections.abc import Callable

from workflows.cwl.check.value_types import Key, Misfit, misfits
from workflows.cwl.model.document import Process
from workflows.cwl.model.target import Target
from workflows.cwl.model.tree import Node
from workflows.cwl.model.types import Array, Parameter, Record, Type, members, nullable
from workflows.cwl.model.values import Value, Wrong, blame, is_file
from workflows.cwl.plan.merge import is_null
from workflows.cwl.plan.parameter_references import Look
from workflows.model.values import Json


class Completion:
    """What is done to every value that enters a process."""

    def __init__(self, target: Target, look: Look) -> None:
        self.target = target
        self.look = look
        self._defaults: dict[int, Json] = {}

    def input(self, parameter: Parameter, value: Value, process: Process) -> Value:
        """The value with its default and record defaults, loaded as declared, of its type.

        Raises ``Open`` where that depends on what is not known, ``Wrong`` where it does not fit.
        """
        if value is None and parameter.default is None:
            if nullable(parameter.type):
                return None
            raise Wrong("cwl.missing_step_input", f"'{parameter.name}' has no value")
        if parameter.default is not None and is_null(value, self.look):
            value = self.default(parameter.default)
        value = self.target.coerce(
            _fill_records(value, parameter.type, self), parameter.type, process
        )
        value = resolve_files(value, parameter.node, self.target)
        if value is None and not nullable(parameter.type):
            raise Wrong("cwl.missing_step_input", f"'{parameter.name}' has no value")
        wrong = next(misfits(value, parameter.type), None)
        if wrong is not None:
            raise Wrong(
                "cwl.wrong_type",
                f"'{place(parameter.name, wrong)}': {wrong.message}",
                wrong.suggestion,
            )
        return self.load(value, contents=parameter.load_contents, listing=parameter.load_listing)

    def default(self, node: Node) -> Json:
        """A default, its files resolved as seen from the file it is written in."""
        if id(node) not in self._defaults:
            with blame(node):
                self._defaults[id(node)] = resolve_files(node.plain(), node, self.target)
        return self._defaults[id(node)]

    def load(self, value: Value, *, contents: bool, listing: str = "") -> Value:
        """The value, its files with ``contents``, its directories with ``listing``."""
        if contents:
            value = _with(self._look_up(value), "File", "contents", self.target.contents)
        if listing in ("shallow_listing", "deep_listing"):
            deep = listing == "deep_listing"
            value = _with(
                self._look_up(value),
                "Directory",
                "listing",
                lambda directory: self.target.listing(directory, deep=deep),
            )
        return value

    def _look_up(self, value: Value) -> Value:
        known = self.look(value)
        return [self._look_up(item) for item in known] if isinstance(known, list) else known


def _with(value: Value, cls: str, key: str, load: Callable[[dict[str, Json]], Json]) -> Value:
    """A copy in which every File or Directory has that key."""
    if isinstance(value, list):
        return [_with(item, cls, key, load) for item in value]
    if isinstance(value, dict) and value.get("class") == cls:
        return value if value.get(key) is not None else {**value, key: load(value)}
    return value


def _fill_records(value: Value, wanted: Type, complete: Completion) -> Value:
    """Records with the defaults of their fields (GoWe's documents have them), and with null in
    those that may be missing, as cwltool has it: expressions may then look at them.
    """
    if isinstance(value, list):
        items = [m.items for m in members(wanted) if isinstance(m, Array)]
        return [_fill_records(item, items[0], complete) for item in value] if items else value
    if not isinstance(value, dict) or is_file(value):
        return value
    records = [m for m in members(wanted) if isinstance(m, Record)]
    missing = {
        name: None if field.default is None else complete.default(field.default)
        for record in records[:1]
        for name, field in record.fields.items()
        if value.get(name) is None and (field.default is not None or nullable(field.type))
    }
    return {**value, **missing} if missing else value


def resolve_files(value: Value, node: Node, target: Target) -> Value:
    """A copy with every File and Directory resolved as seen from ``node``'s file."""
    if isinstance(value, list):
        return [resolve_files(item, node, target) for item in value]
    if is_file(value):
        return target.file(value, node)
    if isinstance(value, dict):
        return {key: resolve_files(item, node, target) for key, item in value.items()}
    return value


def place(name: str, wrong: Misfit) -> str:
    """``libs[0].read1``."""
    return name + "".join(_step(key) for key in wrong.path)


def _step(key: Key) -> str:
    return f"[{key}]" if isinstance(key, int) else f".{key}"
