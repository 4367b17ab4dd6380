"""How a scatter is laid out: which elements each run gets, and how their outputs are nested."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod

from workflows.cwl.model.values import Value, Wrong


@dataclass(frozen=True, slots=True)
class Layout:
    """The runs of a scattered step, in order."""

    runs: Iterable[tuple[tuple[int, ...], Mapping[str, int]]]
    shape: tuple[int, ...]
    """The lengths of the nested lists that the outputs become."""

    @property
    def instances(self) -> Iterator[tuple[tuple[int, ...], Mapping[str, int]]]:
        """``(index, position in each scattered list)`` of each run."""
        return iter(self.runs)

    def nest(self, values: list[Value]) -> list[Value]:
        """The runs' values as the output's list, or list of lists."""
        for length in reversed(self.shape[1:]):
            step = max(length, 1)
            values = [values[i * length : i * length + length] for i in range(len(values) // step)]
            if not length:
                return _empty(self.shape)
        return values


def _empty(shape: tuple[int, ...]) -> list[Value]:
    """Nested lists where one dimension has no elements."""
    return [_empty(shape[1:]) for _ in range(shape[0])] if shape else []


def layout(method: str, lengths: Mapping[str, int]) -> Layout:
    """Raises ``Wrong`` where a dot product has lists of different lengths."""
    names, sizes = list(lengths), list(lengths.values())
    if method == "dotproduct":
        if len(set(sizes)) > 1:
            found = ", ".join(f"'{name}' has {size}" for name, size in lengths.items())
            raise Wrong("cwl.scatter_lengths", f"a dotproduct needs lists of one length: {found}")
        runs = (((i,), dict.fromkeys(names, i)) for i in range(sizes[0]))
        return Layout(runs, (sizes[0],))
    positions = product(*(range(size) for size in sizes))
    if method == "flat_crossproduct":
        flat = (((i,), dict(zip(names, at, strict=True))) for i, at in enumerate(positions))
        return Layout(flat, (prod(sizes),))
    nested = ((at, dict(zip(names, at, strict=True))) for at in positions)
    return Layout(nested, tuple(sizes))
