"""Results as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def make_table(rows: Sequence[dict[str, Any]], columns: Sequence[str] | None = None) -> Any:
    """A ``pandas.DataFrame`` where pandas is installed, otherwise the rows in a list."""
    try:
        from pandas import DataFrame  # noqa: PLC0415 - not installed with this package
    except ImportError:
        return list(rows)
    return DataFrame(list(rows), columns=columns)
