"""Several sources become one value: ``linkMerge``, ``pickValue``, and defaults for null."""

from __future__ import annotations

from collections.abc import Sequence

from workflows.cwl.model.types import ANY, Array, Link, members, nullable
from workflows.cwl.model.values import Ref, Value, Wrong
from workflows.cwl.plan.parameter_references import Look

_ALL = "all_non_null"


def join_sources(values: Sequence[Value], link: Link, look: Look) -> Value:
    """The value of a link from those of its sources, in their order."""
    return _pick_value(_merge_links(values, link, look), link.pick, look)


def _merge_links(values: Sequence[Value], link: Link, look: Look) -> Value:
    if not values:
        return None
    if link.merge == "merge_flattened":
        return [item for value in values for item in _spread(value, look)]
    return list(values) if nests(link) else values[0]


def nests(link: Link) -> bool:
    """Whether the values become the elements of a list: several do, and one if so asked."""
    return len(link.sources) > 1 or bool(link.merge) or (link.is_list and link.pick == _ALL)


def _spread(value: Value, look: Look) -> list[Value]:
    known = look(value) if may_be_list(value) else value
    return known if isinstance(known, list) else [known]


def may_be_list(value: Value) -> bool:
    """Whether it is a list, or a reference or gap that may turn out to be one."""
    if isinstance(value, Ref):
        return any(isinstance(m, Array) or m == ANY for m in members(value.type))
    return not isinstance(value, (str, int, float, bool, dict, type(None)))


def _pick_value(value: Value, how: str, look: Look) -> Value:
    if not how:
        return value
    items = look(value) if may_be_list(value) else value
    if not isinstance(items, list):
        return value
    if how == _ALL:
        return [item for item in items if not is_null(item, look)]
    found = (item for item in items if not is_null(item, look))
    first = next(found, None)
    if first is None:
        raise Wrong("cwl.pick_value", f"{how}: all values are null")
    if how == "the_only_non_null" and next(found, None) is not None:
        raise Wrong("cwl.pick_value", "the_only_non_null: more than one value is not null")
    return first


def is_null(value: Value, look: Look) -> bool:
    """Whether a value is null; a reference is looked up only if its type allows null."""
    if isinstance(value, Ref) and not (nullable(value.type) or value.type == ANY):
        return False
    return look(value) is None
