"""Tables of samples and of results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def read_table(samples: Any) -> tuple[str, bytes]:
    """Name and content of a table; a data frame as CSV, in which missing values are empty."""
    if hasattr(samples, "to_csv"):
        return "samples.csv", samples.to_csv(index=False).encode()
    path = Path(samples)
    return path.name, path.read_bytes()


def is_list(samples: Any) -> bool:
    """Whether samples are a list of dictionaries."""
    return isinstance(samples, Sequence) and not isinstance(samples, str)


def make_table(rows: Sequence[dict[str, Any]], columns: Sequence[str] | None = None) -> Any:
    """A ``pandas.DataFrame`` where pandas is installed, otherwise the rows in a list."""
    try:
        from pandas import DataFrame  # noqa: PLC0415 - not installed with this package
    except ImportError:
        return list(rows)
    return DataFrame(list(rows), columns=columns)
