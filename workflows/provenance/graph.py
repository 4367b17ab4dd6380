"""A JSON-LD graph under construction: entities by id, references, single values bare."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

Entity = dict[str, Any]
Reference = dict[str, str]
CONTEXT: Final = (
    "https://w3id.org/ro/crate/1.1/context",
    "https://w3id.org/ro/terms/workflow-run/context",
)


class Graph:
    """Entities in the order of their first mention."""

    def __init__(self) -> None:
        self._entities: dict[str, Entity] = {}
        self._links: dict[tuple[str, str], dict[str, None]] = {}
        """Entity and field to the ids that it leads to."""

    def add(self, entity_id: str, kind: str | list[str], **fields: Any) -> Reference:
        """Adds an entity, or leaves the one of this id as it is. Fields without a value are left
        out, and a list of one is its only item."""
        if entity_id not in self._entities:
            kept = {name: _bare(value) for name, value in fields.items()}
            said = {name: value for name, value in kept.items() if value not in (None, "", [])}
            self._entities[entity_id] = {"@id": entity_id, "@type": kind, **said}
        return reference(entity_id)

    def link(self, entity_id: str, field: str, target: Reference) -> None:
        """Adds a target to a field of an entity; ``add`` and ``fill`` leave this field alone."""
        self._links.setdefault((entity_id, field), {})[target["@id"]] = None

    def fill(self, entity_id: str, fields: Entity) -> None:
        """Gives an entity its fields at the end, when all others are there."""
        self._entities[entity_id] |= {name: _bare(value) for name, value in fields.items()}

    def ids(self, *kinds: str) -> list[Reference]:
        """References to all entities of these kinds but the root."""
        return [
            reference(entity["@id"])
            for entity in self._entities.values()
            if not {*kinds}.isdisjoint(_as_list(entity["@type"])) and entity["@id"] != "./"
        ]

    def document(self) -> Entity:
        """The metadata file's content."""
        linked: dict[str, Entity] = {}
        for (entity_id, field), targets in self._links.items():
            references = [reference(target) for target in targets]
            linked.setdefault(entity_id, {})[field] = _bare(references)
        entities = [entity | linked.get(name, {}) for name, entity in self._entities.items()]
        return {"@context": list(CONTEXT), "@graph": entities}


def reference(entity_id: str) -> Reference:
    return {"@id": entity_id}


def local_id(kind: str, *parts: object) -> str:
    """An id inside the crate, always the same for the same parts."""
    return f"#{kind}-{uuid5(NAMESPACE_URL, '/'.join(map(str, parts)))}"


def stamp(at: datetime | None) -> str | None:
    """ISO 8601 with its zone; the profiles' own checks know ``+00:00`` and not ``Z``."""
    return None if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds")


def _as_list(value: str | Iterable[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _bare(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value
