"""CWL documents handed to the engine as the API does it."""

from __future__ import annotations

import json

from tests.engine.conftest import Engine
from workflows.cwl.bvbrc.submission import Submission
from workflows.engine import app_catalogue, commands
from workflows.spec.validate import validate
from workflows.store.workflows.specs import Origin


def submit_cwl(engine: Engine, document: str, folder: str) -> str:
    """The workflow's id; its results go to that Workspace folder."""
    assert engine.context.planner is not None
    source = Submission({"main.cwl": document}, "main.cwl", workspace_output_folder=folder, now=1)
    plan = engine.context.planner.plan(source, app_catalogue.table())
    assert not plan.problems, [str(problem) for problem in plan.problems]
    native = validate(plan.document(), app_catalogue.catalogue())
    submission = commands.Submission(
        native.spec,
        native.workflow_json,
        origin=Origin(json.dumps(source.as_json())),
        waits_for=plan.waits_for,
    )
    return commands.submit(engine.context, engine.owner(), submission).id
