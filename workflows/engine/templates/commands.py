"""Templates: workflows with typed inputs, of users and those that come with the engine.

Routes and pages load a template here, for those who may use it. A template of another user who did
not share it is not found, as if there were none: names, unlike ids, can be guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from workflows.bvbrc import template_table
from workflows.engine.access import Caller
from workflows.engine.commands import Owner
from workflows.model.errors import Conflict, Forbidden, NotFound
from workflows.model.values import Json
from workflows.spec.checks.suggestions import did_you_mean
from workflows.spec.templates.draft import Draft
from workflows.store.templates import stored, writes
from workflows.store.templates.stored import PUBLIC, TemplateName, TemplateVersion, Wanted
from workflows.store.templates.writes import NewVersion

LATEST: Final = "latest"
MOST_VERSIONS: Final = 1_000
"""Of one template."""
_TRIES: Final = 3
_NUMBER: Final = re.compile(r"[0-9]{1,8}")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A version of a template, for someone who may use it."""

    template: TemplateName
    version: TemplateVersion

    @property
    def reference(self) -> dict[str, Json]:
        """As workflows keep it."""
        return {"name": self.template.name, "version": self.version.version}

    @property
    def deprecated(self) -> str | None:
        return self.version.deprecated or self.template.deprecated

    @property
    def is_builtin(self) -> bool:
        return not self.template.owner


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a draft."""

    loaded: Loaded
    created: bool
    """False if the same content was stored before."""
    bytes: int = 0


def load(name: str, version: str, caller: Caller) -> Loaded:
    """A version of a template; ``latest``: the newest one. Raises ``NotFound``."""
    template = load_name(name, caller)
    number = template.latest if version == LATEST else _number(version)
    found = _find_version(template, number)
    if found is None:
        message = f"The template '{name}' has no version '{version}'; the latest is"
        raise NotFound(f"{message} {template.latest}.")
    return Loaded(template, found)


def load_name(name: str, caller: Caller) -> TemplateName:
    """Raises ``NotFound``, also where the caller may not use it."""
    found = _builtin().get(name) or stored.find(name)
    usable = found and (caller.is_admin or found.may_be_used_by(caller.name))
    if not found or not usable:
        hint = did_you_mean(name, _builtin())
        message = f"There is no template '{name}' that you may use"
        raise NotFound(f"{message}; {hint}" if hint else f"{message}.")
    return found


def versions_of(template: TemplateName) -> Sequence[Mapping[str, Any]]:
    """``{version, created_at, deprecated}`` of each, the newest first."""
    if template.owner:
        return stored.versions_of(template.name)
    numbers = sorted(template_table.load()[template.name], reverse=True)
    return [{"version": number, "created_at": None, "deprecated": None} for number in numbers]


def page_of(wanted: Wanted, size: int, after: str) -> tuple[list[TemplateName], str | None]:
    """Templates by name, those of the engine among them, and the token of the next page."""
    found = stored.page(wanted, size + 1, after)
    if not wanted.owner:
        found += [
            each
            for name, each in _builtin().items()
            if name > after and each.matches(wanted.words, wanted.labels)
        ]
    found.sort(key=lambda each: each.name)
    return found[:size], found[size - 1].name if len(found) > size else None


def count_of(owner: str) -> int:
    return stored.count_of(owner)


def store(owner: Owner, draft: Draft, content: Mapping[str, Any], *, is_admin: bool) -> Stored:
    """Store a version, or find that it is stored already.

    Raises ``Conflict`` if the name is another's or the version has other content, and ``Forbidden``
    if a user who is no admin makes it public.
    """
    _refuse_public(draft.visibility, is_admin=is_admin)
    for left in reversed(range(_TRIES)):
        before = find_own(owner, draft.name, is_admin=is_admin)
        repeated = _find_same(before, draft.version, content)
        if before and repeated:
            _share(before, draft)
            return Stored(_reload(draft.name, repeated), created=False)
        if before and before.visibility == PUBLIC and not is_admin:
            raise Forbidden("This template is public: an admin stores further versions of it.")
        try:
            return _store(owner, draft, content, before)
        except Conflict:
            if not left:
                raise
    raise AssertionError  # the last try has raised


def find_own(owner: Owner, name: str, *, is_admin: bool) -> TemplateName | None:
    """The template of that name so far. Raises ``Conflict`` if it is not the user's."""
    if name in _builtin():
        raise Conflict(f"The template '{name}' comes with the engine: choose another name.")
    before = stored.find(name)
    if before and before.owner != owner.name and not is_admin:
        raise Conflict(f"The name '{name}' is taken: choose another one.")
    return before


def _store(
    owner: Owner, draft: Draft, content: Mapping[str, Any], before: TemplateName | None
) -> Stored:
    latest = before.latest if before else 0
    version = draft.version or latest + 1
    if before and len(stored.versions_of(draft.name)) >= MOST_VERSIONS:
        raise Conflict(f"A template has at most {MOST_VERSIONS} versions: choose another name.")
    size = writes.add_version(
        NewVersion(
            name=draft.name,
            version=version,
            after=latest,
            owner=before.owner if before else owner.name,
            content=content,
            visibility=draft.visibility,
            shared_with=draft.shared_with,
        )
    )
    return Stored(_reload(draft.name, version), created=True, bytes=size)


def _find_same(
    before: TemplateName | None, version: int | None, content: Mapping[str, Any]
) -> int | None:
    """The stored version with this content. Raises ``Conflict`` where a version is stored already
    with another one, or a later version is."""
    if before is None:
        return None
    number = version or before.latest
    if number > before.latest:
        return None
    if writes.digest_of(before.name, number) == writes.encode(content)[1]:
        return number
    if version is None:
        return None
    raise Conflict(
        f"'{before.name}@{version}' cannot be stored: versions never change, and the latest is"
        f" {before.latest}. Leave the version out for the next one."
    )


def change(template: TemplateName, fields: Mapping[str, Any], caller: Caller) -> TemplateName:
    """Change ``visibility``, ``shared_with`` or ``deprecated``, for the owner or an admin.

    Raises ``Forbidden``.
    """
    check_owner(template, caller)
    if fields.get("visibility") != template.visibility:
        _refuse_public(fields.get("visibility"), is_admin=caller.is_admin)
    writes.change(template.name, fields)
    return load_name(template.name, caller)


def deprecate_version(loaded: Loaded, reason: str | None, caller: Caller) -> Loaded:
    """Advise against a version, or no longer. Raises ``Forbidden``."""
    check_owner(loaded.template, caller)
    writes.deprecate_version(loaded.template.name, loaded.version.version, reason)
    return _reload(loaded.template.name, loaded.version.version)


def check_owner(template: TemplateName, caller: Caller) -> None:
    """Raises ``Forbidden`` unless the caller may change it."""
    if not template.owner:
        raise Forbidden("This template comes with the engine: it cannot be changed.")
    if caller.name != template.owner and not caller.is_admin:
        raise Forbidden("This template belongs to another user.")


def _share(before: TemplateName, draft: Draft) -> None:
    fields: dict[str, Any] = {}
    if draft.visibility is not None and draft.visibility != before.visibility:
        fields["visibility"] = draft.visibility
    if draft.shared_with is not None and draft.shared_with != tuple(before.shared_with):
        fields["shared_with"] = list(draft.shared_with)
    if fields:
        writes.change(before.name, fields)


def _refuse_public(visibility: str | None, *, is_admin: bool) -> None:
    if visibility == PUBLIC and not is_admin:
        raise Forbidden("Only an admin makes a template public. Share it with users: shared_with.")


def _reload(name: str, version: int) -> Loaded:
    template, found = stored.find(name), stored.find_version(name, version)
    if template is None or found is None:
        raise NotFound(f"There is no template '{name}@{version}'.")
    return Loaded(template, found)


def _find_version(template: TemplateName, number: int) -> TemplateVersion | None:
    if template.owner:
        return stored.find_version(template.name, number)
    content = template_table.load()[template.name].get(number)
    if content is None:
        return None
    return TemplateVersion(name=template.name, version=number, content=content)


def _number(version: str) -> int:
    """0, which no version has, for what is no number of one."""
    return int(version) if _NUMBER.fullmatch(version) else 0


@cache
def _builtin() -> dict[str, TemplateName]:
    return {
        name: TemplateName(
            name=name,
            owner="",
            visibility=PUBLIC,
            latest=max(versions),
            title=versions[max(versions)]["title"],
            description=versions[max(versions)]["description"],
            labels=versions[max(versions)]["labels"],
        )
        for name, versions in template_table.load().items()
    }
