"""The one door to a workflow for people: it is loaded only for a caller who may see it."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.model.errors import Forbidden
from workflows.store.workflows import stored
from workflows.store.workflows.stored import StoredWorkflow


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as far as a verified token or the route says."""

    name: str | None
    """The user of the token; None without a token."""
    is_admin: bool = False
    has_link: bool = False
    """The route reads only, and knowing the id suffices for that (``auth.reads``)."""

    def may_see(self, owner: str) -> bool:
        known = self.name is not None and (self.is_admin or self.name == owner)
        return self.has_link or known


def load(workflow: str, caller: Caller) -> StoredWorkflow:
    """The workflow, for its owner, an admin, or a reader with its link.

    Raises ``NotFound``, and ``Forbidden`` for everyone else.
    """
    found = stored.get(workflow)
    if not caller.may_see(found.owner):
        raise Forbidden("This workflow belongs to another user.")
    return found
