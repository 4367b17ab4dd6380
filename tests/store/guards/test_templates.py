"""Which version of a template is stored, and who reads it."""

from __future__ import annotations

from typing import Any

import pytest
from mongoengine import ValidationError

from tests.store.guards.stored_rows import ALICE, BOB, PAST, everything, put, stored
from workflows.model.errors import Conflict, Invalid
from workflows.rules.holds import Mode, Scope
from workflows.store import documents, holds
from workflows.store.mongo import collection
from workflows.store.templates import stored as templates
from workflows.store.templates import writes

COLLECTIONS = (documents.Template, documents.TemplateVersion, documents.Hold)


def version(
    number: int, owner: str = ALICE, after: int | None = None, name: str = "t", **fields: Any
) -> writes.NewVersion:
    latest = number - 1 if after is None else after
    content = {"title": f"${number}"}
    return writes.NewVersion(
        name=name, version=number, after=latest, owner=owner, content=content, **fields
    )


LATE = {
    "the same": version(1),
    "of another user": version(2, owner=BOB),
    "after one that is not the latest": version(3, after=2),
    "of another user's name": version(1, owner=BOB),
}


@pytest.mark.parametrize("late", LATE.values(), ids=LATE)
def test_a_version_of_a_template_follows_the_latest_one_of_its_owner(
    late: writes.NewVersion,
) -> None:
    writes.add_version(version(1))
    before = everything(COLLECTIONS)

    with pytest.raises(Conflict):
        writes.add_version(late)

    assert everything(COLLECTIONS) == before
    writes.add_version(version(2))
    assert stored(documents.Template, "t")["latest"] == 2


def test_a_version_that_is_stored_is_not_written_again() -> None:
    writes.add_version(version(1))
    put(documents.TemplateVersion, _id="t@2", digest="theirs")
    before = everything(COLLECTIONS)

    with pytest.raises(Conflict):
        writes.add_version(version(2))

    assert everything(COLLECTIONS) == before


def test_what_may_change_of_a_template_changes_of_no_other() -> None:
    for name in ("s", "t", "u"):
        writes.add_version(version(1, name=name))
    writes.add_version(version(2))
    before = everything(COLLECTIONS)
    assert [row["latest"] for row in before["Template"]] == [1, 2, 1]

    writes.change("t", {"visibility": "public"})
    writes.deprecate_version("t", 2, "old")

    after = everything(COLLECTIONS)
    assert [row.get("visibility") for row in after["Template"]] == ["private", "public", "private"]
    assert after["Template"][::2] == before["Template"][::2]
    assert [row.get("deprecated") for row in after["TemplateVersion"]] == [None, None, "old", None]


def test_a_change_and_a_version_are_dated() -> None:
    for name in ("changed", "grown", "left"):
        writes.add_version(version(1, name=name))
    collection(documents.Template).update_many({}, {"$set": {"updated_at": PAST}})

    writes.change("changed", {"visibility": "public"})
    writes.add_version(version(2, name="grown"))

    rows = everything([documents.Template])["Template"]
    assert [row["updated_at"] > PAST for row in rows] == [True, True, False]
    assert all(row["created_at"] > PAST for row in rows)


def test_a_version_is_stored_as_it_was_written() -> None:
    assert writes.add_version(version(1)) == len('{"title":"$1"}')

    row = stored(documents.TemplateVersion, "t@1")
    named = {"template": "t", "version": 1, "owner": ALICE, "bytes": 14}
    assert {name: row[name] for name in named} == named
    assert row["content"] == '{"title":"$1"}'
    assert writes.digest_of("t", 1) == row["digest"] == writes.encode({"title": "$1"})[1]
    name = stored(documents.Template, "t")
    assert (name["visibility"], name["shared_with"], name["title"]) == ("private", [], "$1")


def test_what_is_too_large_or_not_as_declared_is_not_stored() -> None:
    anything: Any = 7
    with pytest.raises(Invalid):
        writes.encode({"title": "x" * writes.LARGEST_BYTES})
    with pytest.raises(ValidationError):
        writes.add_version(version(1, owner=anything))
    with pytest.raises(ValidationError):
        writes.add_version(version(1, visibility="secret"))
    with pytest.raises(ValidationError):
        holds.insert(Scope.GLOBAL, "", Mode.HOLD, "r", by=anything)

    assert not any(everything(COLLECTIONS).values())


def test_a_new_version_keeps_who_may_use_it_unless_that_is_said() -> None:
    writes.add_version(version(1, visibility="public", shared_with=[BOB]))

    writes.add_version(version(2))
    row = stored(documents.Template, "t")
    assert (row["visibility"], row["shared_with"]) == ("public", [BOB])

    writes.add_version(version(3, visibility="private", shared_with=[]))
    row = stored(documents.Template, "t")
    assert (row["visibility"], row["shared_with"]) == ("private", [])


def test_templates_are_listed_for_those_who_may_use_them() -> None:
    writes.add_version(version(1, name="mine"))
    writes.add_version(version(1, owner=BOB, name="private"))
    writes.add_version(version(1, owner=BOB, name="public", visibility="public"))
    writes.add_version(version(1, owner=BOB, name="shared", shared_with=[ALICE]))
    writes.add_version(version(1, owner=BOB, name="shared with others", shared_with=["c@d"]))
    writes.change("public", {"deprecated": "old"})

    def names(**wanted: Any) -> list[str]:
        found = templates.page(templates.Wanted(ALICE, **wanted), 9)
        return [each.name for each in found]

    assert names() == ["mine", "shared"]
    assert names(deprecated=True) == ["mine", "public", "shared"]
    assert names(owner=BOB) == ["shared"]
    assert names(words=["shar"]) == ["shared"]
    after = templates.page(templates.Wanted(ALICE), 9, after="mine")
    assert [each.name for each in after] == ["shared"]
    assert len(templates.page(templates.Wanted(ALICE), 1)) == 1
    assert templates.count_of(BOB) == 4
