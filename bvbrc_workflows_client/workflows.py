"""The entry: submits workflows and batches, finds them again, and reaches every operation."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self
from uuid import uuid4

from bvbrc_workflows_client import tokens
from bvbrc_workflows_client.batches import Batch
from bvbrc_workflows_client.runs import Run
from bvbrc_workflows_client.session import ANSWER, PATIENCE_SECONDS, Session
from bvbrc_workflows_client.tables import is_list, read_table

if TYPE_CHECKING:
    from bvbrc_workflows_client.rest.client import AuthenticatedClient

URL_VARIABLE: Final = "BVBRC_WORKFLOWS_URL"
LOCAL: Final = "http://127.0.0.1:8000"
Document = Mapping[str, Any] | str | Path
"""A workflow document, or the path of a JSON file that holds one."""


class Workflows:
    """The engine at ``url`` (otherwise at ``$BVBRC_WORKFLOWS_URL``, otherwise on this machine), as
    the user of ``token`` (otherwise of the token that the command line finds).

    A request that is lost, or that the engine is too busy for, is repeated for
    ``patience_seconds`` where that cannot start anything twice.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        if token is None:
            present = tokens.find(os.environ, Path.home())
            token = present.text if present else ""
        place = url or os.environ.get(URL_VARIABLE) or LOCAL
        self.session: Final = Session(place, token, patience_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self.session.close()

    def submit(
        self,
        document: Document,
        *,
        reuse: Literal["mine", "never"] | None = None,
        key: str | None = None,
    ) -> Run:
        """Submits a workflow. It starts once, also where an answer is lost: each call has an
        idempotency key of its own, or ``key``, which makes that hold over several calls.

        Raises ``Invalid`` with every problem of the document.
        """
        query = f"?reuse={reuse}" if reuse else ""
        path = f"/workflows/submit{query}"
        found = self.session.post(path, _read(document), key or uuid4().hex)
        return Run(found["workflow_id"], tuple(found.get("warnings", ())), session=self.session)

    def validate(self, document: Document) -> dict[str, Any]:
        """What would be put right and what to mind; stores nothing. Raises ``Invalid``."""
        return dict(self.session.post("/workflows/validate", _read(document)))

    def run(self, workflow_id: str) -> Run:
        """A workflow that was submitted before."""
        return Run(workflow_id, session=self.session)

    def submit_batch(
        self,
        document: Document,
        samples: Any,
        *,
        key: str | None = None,
        **settings: Any,
    ) -> Batch:
        """Submits a workflow for each sample.

        ``samples``: a list of dictionaries, a ``pandas.DataFrame``, or the path of a CSV or TSV
        file. ``settings``: ``name``, ``max_active``, ``labels``, … of a batch.
        """
        key = key or uuid4().hex
        if is_list(samples):
            body = settings | {"workflow": json.loads(_read(document)), "samples": list(samples)}
            found = self.session.post("/batches", json.dumps(body).encode(), key)
        else:
            files = {"workflow": ("workflow.json", _read(document)), "samples": read_table(samples)}
            texts = {name: _text(value) for name, value in settings.items()}
            found = self.session.post_form("/batches", files, texts, key)
        return self.batch(found["batch_id"])

    def batch(self, batch_id: str) -> Batch:
        """A batch that was submitted before."""
        return Batch(batch_id, session=self.session)

    @cached_property
    def rest(self) -> AuthenticatedClient:
        """The ``client`` argument of every function in ``bvbrc_workflows_client.rest.api``. The
        ``sync`` ones share these connections: they raise the same exceptions and repeat lost
        requests, too."""
        from bvbrc_workflows_client.rest.client import (  # noqa: PLC0415 - a checkout has none
            AuthenticatedClient,
        )

        token = _Hidden(self.session.token)
        client = AuthenticatedClient(self.session.url, token, prefix="", timeout=ANSWER)
        return client.set_httpx_client(self.session.http)


class _Hidden(str):
    """A text that no notebook shows: what is generated shows the token it was given."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'"


def _read(document: Document) -> bytes:
    if isinstance(document, Mapping):
        return json.dumps(dict(document)).encode()
    return Path(document).read_bytes()


def _text(value: Any) -> str:
    """A field of a form."""
    return value if isinstance(value, str) else json.dumps(value)
