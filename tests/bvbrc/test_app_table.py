"""The table of apps agrees with the genuine specifications, and is whole by itself."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.shared import shared_path
from workflows.bvbrc import app_table

TABLE = {app["id"]: app for app in app_table.load()}
TYPES = {"flaot": "float"}  # a slip of the genuine file


def genuine_apps() -> dict[str, dict[str, Any]]:
    specs = json.loads(shared_path("bvbrc/app_specs/_all.strict.json").read_text())
    return {spec["id"]: spec for spec in specs}


def facts(parameter: dict[str, Any]) -> dict[str, Any]:
    """What a parameter says, free of texts and of the ways to say nothing."""
    kind = parameter.get("type")
    said = {
        "id": parameter["id"],
        "type": TYPES.get(kind, kind) if isinstance(kind, str) else kind,
        "required": bool(parameter.get("required")),
        "allow_multiple": bool(parameter.get("allow_multiple")),
        "group": [facts(member) for member in parameter.get("group") or () if "id" in member],
    }
    return said | {key: parameter.get(key) for key in ("default", "enum", "wstype", "items")}


def texts(value: Any) -> Iterator[str]:
    """Every text of a specification that a person wrote."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in {"label", "desc", "description", "comment"} and isinstance(item, str):
                yield item
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def test_the_table_has_the_genuine_apps_and_no_others() -> None:
    assert set(TABLE) == set(genuine_apps())


@pytest.mark.parametrize("app", sorted(TABLE))
def test_parameters_say_what_the_genuine_specification_says(app: str) -> None:
    genuine = [facts(each) for each in genuine_apps()[app]["parameters"] if "id" in each]

    assert [facts(each) for each in TABLE[app]["parameters"]] == genuine


def test_no_text_is_taken_over_from_the_genuine_specifications() -> None:
    genuine = {text.strip().lower() for text in texts(list(genuine_apps().values()))}
    ours = {text.lower() for text in texts(list(TABLE.values()))}

    assert ours & genuine <= {"sleep", "date"}


@pytest.mark.parametrize("app", sorted(TABLE))
def test_outputs_refer_to_parameters_that_the_app_has(app: str) -> None:
    parameters = {each["id"] for each in TABLE[app]["parameters"]}

    others = TABLE[app].get("other_outputs", {})
    assert not set(others) & set(TABLE[app]["outputs"])
    for template in (*TABLE[app]["outputs"].values(), *others.values()):
        assert set(re.findall(r"\$\{params\.([^}]+)}", template)) <= parameters
        assert template.startswith("${params.output_path}/")


@pytest.mark.parametrize("app", sorted(TABLE))
def test_whoever_has_a_place_for_results_names_their_folder(app: str) -> None:
    parameters = {each["id"] for each in TABLE[app]["parameters"]}

    has_folder = "job_output_path" in TABLE[app]["outputs"]

    assert has_folder == ({"output_path", "output_file"} <= parameters)


def test_every_alias_means_one_app() -> None:
    names = Counter(name for app in TABLE.values() for name in app["aliases"])

    assert names.most_common(1)[0][1] == 1
    assert not set(names) & set(TABLE)
