"""Which version of a template is stored, and who reads it; which holds concern whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import MongoClient

from tests.store.stored_rows import ALICE, BOB, FUTURE, PAST, clear, everything, put, stored
from workflows.model.errors import Conflict
from workflows.store import connection, documents, holds
from workflows.store.templates import stored as templates
from workflows.store.templates import writes

COLLECTIONS = (documents.Template, documents.TemplateVersion, documents.Hold)


@pytest.fixture(scope="module", autouse=True)
def open_store(mongo_uri: str, mongo: MongoClient) -> Iterator[None]:
    connection.open_database(mongo_uri, "test_template_guards")
    yield
    connection.close_database()
    mongo.drop_database("test_template_guards")


@pytest.fixture(autouse=True)
def empty_store() -> None:
    clear(COLLECTIONS)


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
    for name in ("t", "u"):
        writes.add_version(version(1, name=name))
    writes.add_version(version(2))
    before = everything(COLLECTIONS)

    writes.change("t", {"visibility": "public"})
    writes.deprecate_version("t", 1, "old")

    after = everything(COLLECTIONS)
    assert [row.get("visibility") for row in after["Template"]] == ["public", "private"]
    assert after["Template"][1:] == before["Template"][1:]
    assert after["TemplateVersion"][0]["deprecated"] == "old"
    assert after["TemplateVersion"][1:] == before["TemplateVersion"][1:]


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


def put_hold(scope: str, target: str, key: str = "", **fields: Any) -> str:
    key = key or f"{scope} {target}"
    row = {"scope": scope, "target": target, "mode": "hold", "reason": "r", "by": "root"}
    put(documents.Hold, _id=key, **row, created_at=PAST, **fields)
    return key


def ids(found: Any) -> set[str]:
    return {hold.id for hold in found}


def test_holds_are_those_that_last_and_concern_whom_was_asked_for() -> None:
    wide, over = put_hold("global", ""), put_hold("global", "", "over", until=PAST)
    app, template = put_hold("app", "Date", until=FUTURE), put_hold("template", "t@1")
    mine, theirs = put_hold("user", ALICE), put_hold("user", BOB)
    workflow, batch = put_hold("workflow", "wf_1", owner=BOB), put_hold("batch", "b1")
    others = {put_hold("workflow", "b1"), put_hold("batch", "wf_1"), put_hold("template", "u")}
    every = {wide, app, template, "template u"}

    assert ids(holds.present()) == every | {mine, theirs, workflow, batch} | others
    assert ids(holds.concerning(ALICE)) == every | {mine}
    of_row = holds.concerning(ALICE, workflow="wf_1", batch="b1")
    assert ids(of_row) == every | {mine, workflow, batch}
    assert ids(holds.on_workflow("wf_1", "b1", "")) == {workflow, batch}
    assert ids(holds.on_workflow("wf_1", "", "t@1")) == {workflow, template}
    assert ids(holds.on_workflow("wf_1", "", "u@7")) == {workflow, "template u"}
    assert ids(holds.visible_to(BOB)) == every | {theirs, workflow}
    assert ids(holds.on_target(holds.Scope.GLOBAL, "")) == {wide}
    assert stored(documents.Hold, over)


def test_a_hold_that_a_user_has_set_is_seen_and_counted() -> None:
    put_hold("workflow", "wf_1", by_user=None)
    row = {"scope": "workflow", "target": "wf_2", "mode": "hold", "reason": "r", "by": ALICE}
    put(documents.Hold, _id="mine", **row, created_at=PAST)
    put(documents.Hold, _id="over", **row, created_at=PAST, until=PAST)

    assert ids(holds.visible_to(ALICE)) == {"mine"}
    assert holds.count_set_by(ALICE) == 1


def test_only_the_named_holds_are_deleted() -> None:
    kept = put_hold("app", "Date")

    assert holds.delete([put_hold("global", ""), "unknown"]) == 1

    assert ids(holds.present()) == {kept}
