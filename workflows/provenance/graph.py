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
        self._links: dict[str, dict[str, dict[str, None]]] = {}
        """Entity and field to the ids that it leads to."""
        self._drained: dict[str, str | list[str]] = {}
        """Entities that were taken out, and their types."""

    def add(self, entity_id: str, kind: str | list[str], **fields: Any) -> Reference:
        """Adds an entity, or leaves the one of this id as it is. Fields without a value are left
        out, and a list of one is its only item."""
        if entity_id not in self._entities and entity_id not in self._drained:
            kept = {name: _bare(value) for name, value in fields.items()}
            said = {name: value for name, value in kept.items() if value not in (None, "", [])}
            self._entities[entity_id] = {"@id": entity_id, "@type": kind, **said}
        return reference(entity_id)

    def link(self, entity_id: str, field: str, target: Reference) -> None:
        """Adds a target to a field of an entity; ``add`` and ``fill`` leave this field alone."""
        if entity_id not in self._drained:
            fields = self._links.setdefault(entity_id, {})
            fields.setdefault(field, {})[target["@id"]] = None

    def fill(self, entity_id: str, fields: Entity) -> None:
        """Gives an entity its fields at the end, when all others are there."""
        self._entities[entity_id] |= {name: _bare(value) for name, value in fields.items()}

    def ids(self, *kinds: str) -> list[Reference]:
        """References to all entities of these kinds but the root."""
        present = {name: entity["@type"] for name, entity in self._entities.items()}
        return [
            reference(name)
            for name, types in (self._drained | present).items()
            if not {*kinds}.isdisjoint(_as_list(types)) and name != "./"
        ]

    def drain(self, *kinds: str) -> list[Entity]:
        """Takes out the entities that are of one of these types alone. They count as added; links
        that come later do not reach them. So a large graph is written part by part.
        """
        names = [name for name, entity in self._entities.items() if entity["@type"] in kinds]
        entities = [self._linked(self._entities[name]) for name in names if name != "./"]
        for entity in entities:
            name = entity["@id"]
            self._drained[name] = self._entities.pop(name)["@type"]
            self._links.pop(name, None)
        return entities

    def entities(self) -> list[Entity]:
        """All but those that were taken out."""
        return [self._linked(entity) for entity in self._entities.values()]

    def document(self) -> Entity:
        """The metadata file's content."""
        return {"@context": list(CONTEXT), "@graph": self.entities()}

    def _linked(self, entity: Entity) -> Entity:
        fields = self._links.get(entity["@id"], {})
        links = {name: _bare([*map(reference, targets)]) for name, targets in fields.items()}
        return entity | links


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
