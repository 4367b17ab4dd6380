"""Which of a user's jobs go first, and that no priority costs another user anything."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.engine.conftest import ALICE, Engine, document
from workflows.engine.advance import advance
from workflows.engine.commands import Owner, Submission, submit
from workflows.engine.reports import views
from workflows.engine.reports.explain import explanation
from workflows.model.values import Job
from workflows.spec.document import spec_from
from workflows.store.jobs import outbox, priorities
from workflows.store.jobs.outbox import Bounds
from workflows.store.users import preferences as users
from workflows.store.workflows import stored

BOB = "bob@bvbrc"
HOUR = timedelta(hours=1)
ROOM = Bounds(100, 100, HOUR, HOUR, 100)


def waits(engine: Engine, user: str = ALICE, **fields: int) -> str:
    """A workflow whose one job is in the outbox."""
    found = document("", **fields)
    owner = Owner(user, engine.simulator.token(user), engine.owner().expires_at)
    workflow = submit(engine.context, owner, Submission(spec_from(found), found)).id
    advance(engine.context, [workflow])
    return workflow


def claim(count: int) -> list[str]:
    return [job.workflow for job in jobs(count)]


def jobs(count: int) -> list[Job]:
    return list(outbox.claim(count, ROOM).jobs)


def test_a_users_jobs_go_by_priority_and_then_by_age(engine: Engine) -> None:
    last, usual, later, first = (
        waits(engine, priority=-3),
        waits(engine),
        waits(engine),
        waits(engine, priority=7),
    )

    assert [claim(1) for _ in range(4)] == [[first], [usual], [later], [last]]


def test_of_several_priorities_the_higher_one_goes_first_and_of_one_the_older(
    engine: Engine,
) -> None:
    priorities_of = (1, 2, 2, -2, -1, -1)
    one, two, two_later, least, less, less_later = (
        waits(engine, priority=each) for each in priorities_of
    )

    in_order = [two, two_later, one, less, less_later, least]
    assert [claim(1) for _ in priorities_of] == [[each] for each in in_order]


def test_a_changed_priority_moves_what_waits(engine: Engine) -> None:
    first, second, third = (waits(engine) for _ in range(3))
    assert priorities.change(third, ALICE, 1)
    assert priorities.change(first, ALICE, -1)

    assert claim(1) == [third]
    assert priorities.change(first, ALICE, 0)
    assert [claim(1), claim(1)] == [[first], [second]]


def test_further_steps_and_the_document_have_the_present_priority(engine: Engine) -> None:
    workflow = engine.submit(document("", "a", priority=2))
    assert priorities.change(workflow, ALICE, -4)

    assert engine.ends(workflow) == "succeeded"

    shown = views.whole(stored.get(workflow))
    assert shown["priority"] == -4
    assert not priorities.change(workflow, ALICE, 1)
    assert explanation(stored.get(workflow), engine.context)["priority"] == -4


def test_no_priority_goes_before_another_users_share(engine: Engine) -> None:
    for _ in range(4):
        waits(engine, priority=10)
    theirs = waits(engine, BOB, priority=-10)

    assert theirs in claim(2)


@pytest.mark.parametrize(("weight", "share"), [(1, 2), (3, 3)])
def test_a_weight_is_a_share_of_each_round(engine: Engine, weight: int, share: int) -> None:
    for user in (ALICE, BOB):
        for _ in range(4):
            waits(engine, user)
    users.set_weight(ALICE, weight)

    owners = [job.owner for job in jobs(4)]

    assert owners.count(ALICE) == share
    assert explanation(stored.get(waits(engine)), engine.context)["weight"] == weight
