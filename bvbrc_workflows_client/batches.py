"""One workflow over a table of samples."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

from bvbrc_workflows_client import streams
from bvbrc_workflows_client.session import Session, of_batch
from bvbrc_workflows_client.tables import is_list, make_table, read_table
from bvbrc_workflows_client.waits import raise_if_unsuccessful, wait_for_end


@dataclass(frozen=True)
class Batch:
    """A batch that was submitted."""

    id: str
    session: Session = field(kw_only=True, repr=False, compare=False)

    def status(self) -> dict[str, Any]:
        """Its state, counts of samples by state, and the reasons of failures."""
        return dict(self.session.get(of_batch(self.id)))

    def wait(self, timeout: float | None = None, *, check: bool = True) -> Self:
        """Waits until every sample has ended. Raises ``RunFailed`` if one did not succeed, unless
        ``check`` is false, and ``TimeoutError`` after ``timeout`` seconds; the batch goes on."""
        found = wait_for_end(self.session, of_batch(self.id), timeout)
        if check:
            raise_if_unsuccessful(self.id, found)
        return self

    def stream(self) -> Iterator[dict[str, Any]]:
        """The batch whenever its counts have changed, until the end."""
        return streams.batch_states(self.session, self.id)

    def results(self) -> Any:
        """A row for each sample: its columns, ``workflow_id``, ``status``, ``error`` and the
        workflow's outputs. A ``pandas.DataFrame`` where pandas is installed, otherwise a list of
        dictionaries."""
        found = self.session.ask(
            "GET", of_batch(self.id, "/results"), headers={"Accept": "application/json"}
        ).json()
        return make_table([_flat(row, found["outputs"]) for row in found["rows"]])

    def add(self, samples: Any, *, key: str | None = None) -> Self:
        """Adds rows, checked as the first ones were; a batch that has ended goes on with them.

        ``samples``: as of ``submit_batch``. ``key``: one that you choose adds them once, also when
        your program runs again.
        """
        path, key = of_batch(self.id, "/samples"), key or uuid4().hex
        if is_list(samples):
            self.session.post(path, json.dumps({"samples": list(samples)}).encode(), key)
        else:
            self.session.post_form(path, {"samples": read_table(samples)}, {}, key)
        return self

    def cancel(self) -> None:
        """Cancels it: no further sample begins, and what runs is killed."""
        self.session.post(of_batch(self.id, "/cancel"))


def _flat(row: dict[str, Any], outputs: list[str]) -> dict[str, Any]:
    """One level, as the API's CSV has it."""
    progress = {
        "workflow_id": row["workflow_id"],
        "status": row["status"],
        "error": row["error_message"],
    }
    cells: dict[str, Any] = row["cells"]
    return cells | progress | {name: row["outputs"].get(name) for name in outputs}
