"""Finds the secondary files of a workflow's own inputs beside the primary file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from workflows.cwl.check.value_types import format_value
from workflows.cwl.model.target import Target
from workflows.cwl.model.types import Array, Parameter, Record, SecondaryFile, members
from workflows.cwl.model.values import Value, Wrong, blame, is_file
from workflows.cwl.plan.expressions import Around, Language, evaluate, has_code
from workflows.model.values import Json


@dataclass(frozen=True, slots=True)
class Discovery:
    """Where secondary files are looked for, and what the expressions that name them see."""

    target: Target
    language: Language
    around: Around
    """``inputs`` is the whole input object; ``self`` becomes the primary file."""

    def complete(self, value: Value, parameter: Parameter) -> Value:
        """The value, its files with the secondary files that the declaration asks for.

        Raises ``Wrong`` if one is missing or unknown.
        """
        if not parameter.secondary_files:
            return self._inside(value, parameter)
        if isinstance(value, list):
            return [self.complete(item, parameter) for item in value]
        if isinstance(value, dict) and value.get("class") == "File":
            return self._file(value, parameter)
        return self._inside(value, parameter)

    def _inside(self, value: Value, parameter: Parameter) -> Value:
        """Fields of records that declare secondary files of their own."""
        records = [m for m in _flat(parameter) if isinstance(m, Record)]
        if not records or not value:
            return value
        if isinstance(value, list):
            return [self._inside(item, parameter) for item in value]
        if not isinstance(value, dict) or "class" in value:
            return value
        fields = records[0].fields
        return {
            key: self.complete(item, fields[key]) if key in fields else item
            for key, item in value.items()
        }

    def _file(self, file: dict[str, Value], parameter: Parameter) -> dict[str, Value]:
        have = list(file.get("secondaryFiles") or [])
        place = parameter.node.at_key("secondaryFiles")
        around = replace(self.around, roots={**self.around.roots, "self": file})
        for secondary in parameter.secondary_files:
            with blame(place):
                required = self._is_required(secondary, around)
                wanted = list(self._pattern_files(secondary, file, around))
            for item in wanted:
                if _name(item) in map(_name, have):
                    continue
                if has_code(secondary.pattern) and "basename" in item:
                    have.append(item)
                elif self.target.exists(str(item["location"])):
                    have.append(self.target.file(item, place))
                elif required:
                    message = f"'{file.get('basename')}' lacks its secondary file '{_name(item)}'"
                    raise Wrong("cwl.missing_secondary_file", message)
        return {**file, "secondaryFiles": have} if have else file

    def _is_required(self, secondary: SecondaryFile, around: Around) -> bool:
        """An input's secondary file is required unless it is said not to be."""
        if secondary.required is None:
            return True
        answer = evaluate(secondary.required, around, self.language)
        if answer is not None and not isinstance(answer, bool):
            message = f"'required' must come to true or false, not {format_value(answer)}"
            raise Wrong("cwl.secondary_files", message)
        return answer is True

    def _pattern_files(
        self, secondary: SecondaryFile, file: dict[str, Value], around: Around
    ) -> Iterator[dict[str, Value]]:
        """What one pattern comes to: files beside the primary one, or those an expression names."""
        named: Value = derive_name(str(file.get("basename", "")), secondary.pattern)
        if has_code(secondary.pattern):
            named = evaluate(secondary.pattern, around, self.language)
        folder = str(file.get("location", "")).rpartition("/")[0]
        for item in named if isinstance(named, list) else [named]:
            if isinstance(item, str) and item:
                yield {"class": "File", "location": f"{folder}/{item}"}
            elif is_file(item):
                yield item
            elif item:
                message = f"a secondary file is named or a File, this is {format_value(item)}"
                raise Wrong("cwl.secondary_files", message)


def _flat(parameter: Parameter) -> list[object]:
    out: list[object] = []
    for member in members(parameter.type):
        out += members(member.items) if isinstance(member, Array) else [member]
    return out


def _name(item: Mapping[str, Json]) -> str:
    return str(item.get("basename") or str(item.get("location", "")).rpartition("/")[2])


def derive_name(basename: str, pattern: str) -> str:
    """The secondary file's name: each ``^`` drops an extension, the rest is appended."""
    while pattern.startswith("^"):
        stem, dot, _ = basename.rpartition(".")
        basename, pattern = (stem if dot and stem else basename), pattern[1:]
    return basename + pattern
