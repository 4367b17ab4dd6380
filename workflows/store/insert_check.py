"""New rows are what their document declares; MongoDB itself would store anything."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, cast

from mongoengine import (
    BooleanField,
    DateTimeField,
    Document,
    IntField,
    ObjectIdField,
    StringField,
    ValidationError,
)

_VALUES: Final[Mapping[type, type]] = {
    BooleanField: bool,
    DateTimeField: datetime,
    IntField: int,
    StringField: str,
}
_LIMITS: Final = (
    *("choices", "validation", "regex", "min_length", "max_length", "min_value", "max_value"),
)


def check_insert(
    document: type[Document], row: Mapping[str, Any], later: Collection[str] = ()
) -> None:
    """Raise ``ValidationError`` for a new row that is not what its document declares.

    ``later``: fields that MongoDB sets as it writes the row. Each value is checked by its field, as
    ``Document.validate`` does; making a document first would take ten times as long.
    """
    declared = _read_declaration(cast("Hashable", document))
    for name, value in row.items():
        if name not in declared.fields:
            raise ValidationError(f"{document.__name__} declares no {name}")
        if value is not None and type(value) is not declared.exact.get(name):
            declared.fields[name]._validate(value)
    for name in declared.required:
        if row.get(name) is None and name not in later:
            raise ValidationError(f"{document.__name__} needs {name}")


@dataclass(frozen=True, slots=True)
class _Declaration:
    """What a document declares, by the names of the row."""

    fields: Mapping[str, Any]
    exact: Mapping[str, type]
    """Types whose every value the field accepts: most values need no further look."""
    required: Collection[str]


@cache
def _read_declaration(document: Any) -> _Declaration:
    fields = {field.db_field: field for field in document._fields.values()}
    return _Declaration(
        fields,
        {
            name: _VALUES[type(field)]
            for name, field in fields.items()
            if type(field) in _VALUES
            and all(getattr(field, each, None) is None for each in _LIMITS)
        },
        [
            name
            for name, field in fields.items()
            if field.required and not isinstance(field, ObjectIdField)
        ],
    )
