"""Views of templates, which API and pages share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflows.engine.access import Caller
from workflows.engine.reports.views import stamp
from workflows.engine.templates.commands import Loaded, versions_of
from workflows.model.values import Json
from workflows.spec.batches.template import FOLDER
from workflows.spec.templates.inputs import inputs_from
from workflows.store.templates.stored import TemplateName

_DOCUMENTS = ("workflow", "cwl", "files", "entry")


def list_item(template: TemplateName) -> dict[str, Any]:
    """A template in a list."""
    return {
        "name": template.name,
        "latest": template.latest,
        "title": template.title,
        "description": template.description,
        "labels": dict(template.labels),
        "owner": template.owner,
        "builtin": not template.owner,
        "visibility": template.visibility,
        "deprecated": template.deprecated,
        "created_at": stamp(template.created_at),
        "updated_at": stamp(template.updated_at),
    }


def whole(loaded: Loaded, caller: Caller) -> dict[str, Any]:
    """One version with everything; it can be stored again as it is. Only the owner and admins see
    with whom it is shared."""
    template, content = loaded.template, loaded.version.content
    owns = caller.is_admin or caller.name == template.owner
    return {
        **list_item(template),
        "version": loaded.version.version,
        "title": content.get("title", ""),
        "description": content.get("description", ""),
        "labels": dict(content.get("labels", {})),
        "deprecated": loaded.deprecated,
        "created_at": stamp(loaded.version.created_at),
        **({"shared_with": list(template.shared_with)} if owns and template.owner else {}),
        "kind": "cwl" if "cwl" in content else "workflow",
        "inputs": content["inputs"],
        "example": inputs_from(content["inputs"]).example(),
        "needs_folder": needs_folder(content),
        "steps": _steps(content),
        "versions": [
            {**each, "created_at": stamp(each["created_at"])} for each in versions_of(template)
        ],
        **{name: content[name] for name in _DOCUMENTS if name in content},
    }


def needs_folder(content: Mapping[str, Any]) -> bool:
    """Whether a submission must say where results go."""
    return "cwl" in content or FOLDER not in content["workflow"]["base_context"]


def _steps(content: Mapping[str, Any]) -> list[Json]:
    """The steps of a native workflow; those of CWL are known with the values."""
    steps = content["workflow"]["steps"] if "workflow" in content else []
    return [
        {"step_name": each["step_name"], "app": each["app"], "depends_on": each["depends_on"]}
        for each in steps
    ]
