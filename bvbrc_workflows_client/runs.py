"""One workflow: its progress, its end, its results."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from bvbrc_workflows_client import streams
from bvbrc_workflows_client.session import Session, of_workflow
from bvbrc_workflows_client.tables import make_table
from bvbrc_workflows_client.waits import raise_if_unsuccessful, wait_for_end


@dataclass(frozen=True)
class Run:
    """A workflow that was submitted."""

    id: str
    warnings: tuple[dict[str, Any], ...] = ()
    """What the engine warned about when it was submitted."""
    session: Session = field(kw_only=True, repr=False, compare=False)

    def status(self) -> dict[str, Any]:
        """The state of the workflow and of each step, as ``GET …/status`` answers."""
        return dict(self.session.get(self._path("/status")))

    def wait(self, timeout: float | None = None, *, check: bool = True) -> Self:
        """Waits until it has ended. Raises ``RunFailed`` if it did not succeed, unless ``check`` is
        false, and ``TimeoutError`` after ``timeout`` seconds; the workflow goes on."""
        found = wait_for_end(self.session, self._path("/status"), timeout, steps="failed")
        if check:
            raise_if_unsuccessful(self.id, found)
        return self

    def stream(self) -> Iterator[dict[str, Any]]:
        """Each change of state, from the first on, as it happens, until the end."""
        return streams.events(self.session, self.id)

    def log(self) -> str:
        """Its log so far."""
        return self.session.text(self._path("/log"))

    def explain(self) -> dict[str, Any]:
        """Why each unfinished step does not run, since when, and what would unblock it."""
        return dict(self.session.get(self._path("/explain")))

    def results(self) -> Any:
        """Its outputs, a row for each: ``value``, and where they are known ``step_name``,
        ``output``, ``url``, ``size`` in bytes and ``exists``. A ``pandas.DataFrame`` where pandas
        is installed, otherwise a list of dictionaries."""
        return make_table(self.session.get(self._path("/outputs"))["workflow_outputs"])

    def download(self, path: str, target: str | Path) -> int:
        """Saves the result at this Workspace path to a file, and returns its bytes. What breaks
        off leaves no file."""
        place = Path(target)
        unfinished = place.with_name(f"{place.name}.part")
        try:
            with unfinished.open("wb") as file:
                size = self.session.save(self._path("/outputs/file"), file, {"path": path})
            unfinished.replace(place)
        finally:
            unfinished.unlink(missing_ok=True)
        return size

    def cancel(self) -> None:
        """Cancels it: its jobs are killed, and no further step starts."""
        self.session.post(self._path("/cancel"))

    def retry(
        self,
        params: Mapping[str, Mapping[str, Any]] | None = None,
        start_from: Sequence[str] = (),
    ) -> Self:
        """Lets it go on after a failure: with other parameters (step to values), and again from
        these steps on."""
        body = ({"params": params} if params else {}) | (
            {"from": list(start_from)} if start_from else {}
        )
        self.session.post(self._path("/retry"), json.dumps(body).encode())
        return self

    def _path(self, rest: str) -> str:
        return of_workflow(self.id, rest)
