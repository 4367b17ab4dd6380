"""Acts on all workflows of a list: a page says how many and which, a form does it part by part."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from flask import Blueprint, render_template, request
from werkzeug.exceptions import NotFound

from app.many import acting
from app.many.acting import Command
from app.many.schemas import MOST_A_CALL
from app.ui.access.session import signed_in
from app.ui.list_filter import read_filter
from workflows.engine.many import Action
from workflows.model.errors import Invalid, Problem
from workflows.rules.holds import describe_under_way
from workflows.store.workflows import listing

_WORDS: Final = {
    Action.CANCEL: ("cancelled", "Their jobs are killed, and no further step starts."),
    Action.RETRY: ("retried", "What did not succeed starts again; finished steps are kept."),
    Action.DELETE: (
        "deleted",
        "Documents, jobs, history and logs are deleted for good; files in the Workspace stay.",
    ),
    Action.PAUSE: ("paused", "No further step starts; jobs at BV-BRC go on there."),
    Action.RESUME: ("resumed", "Their further steps start again."),
}
"""What has been done to a workflow, and what that means."""


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/many/<action>", "act_on_many", act_on_many, methods=["GET", "POST"])


@signed_in
def act_on_many(action: str) -> Any:
    if action not in list(Action):
        raise NotFound(f"There is no page /ui/many/{action}.")
    given = request.form if request.method == "POST" else request.args
    asked = read_filter(given)
    if not asked.is_narrow:
        message = "an empty filter means all workflows: choose some in the list"
        raise Invalid([Problem("filter", "missing_field", message)])
    token = given.get("page_token", "")
    is_dry_run = request.method == "GET"
    expected = None if is_dry_run or token else given.get("expected_count", 0, type=int)
    command = Command(Action(action), asked.owner, asked.wanted, expected, is_dry_run)
    found = acting.perform(command, MOST_A_CALL, token)
    ids = [each["workflow_id"] for each in found["outcomes"]]
    done, means = _WORDS[command.action]
    return render_template(
        "many.html",
        action=action,
        filters=asked.fields,
        done=not is_dry_run,
        found=found,
        under_way=describe_under_way(found["under_way"]),
        words={"done": done, "means": means},
        results=sorted(Counter(str(each["outcome"]) for each in found["outcomes"]).items()),
        names=listing.names_of(ids),
    )
