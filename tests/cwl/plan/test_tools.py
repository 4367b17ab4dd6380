"""The tools that are generated for the apps: valid CWL, and complete."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cwltool.context import LoadingContext
from cwltool.load_tool import load_tool
from cwltool.workflow import default_make_tool

from tests.cwl.planning import planned
from tests.shared import shared_path
from tests.spec.examples import CATALOGUE
from workflows.backends.declared_apps import cwl_specs
from workflows.bvbrc.app_table import load
from workflows.cwl.bvbrc.apps import Apps
from workflows.cwl.bvbrc.tools import tool
from workflows.cwl.process.planner import AppTable
from workflows.spec.checks.suggestions import app_meant

HELPERS = cwl_specs()
APPS = Apps([*load(), *HELPERS])


def genuine() -> Apps:
    specs = json.loads(shared_path("bvbrc/app_specs/_all.strict.json").read_text("utf-8"))
    return Apps(specs, load())


def check(document: object, folder: Path) -> None:
    path = folder / "tool.cwl"
    path.write_text(json.dumps(document))
    load_tool(str(path), LoadingContext({"construct_tool_object": default_make_tool}))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", APPS.all)
def test_the_tool_of_an_app_is_valid_cwl(name: str, tmp_path: Path) -> None:
    check(tool(APPS.all[name]), tmp_path)


@pytest.mark.filterwarnings("ignore")
def test_the_tools_of_the_genuine_specifications_are_valid_cwl(tmp_path: Path) -> None:
    apps = genuine()

    for app in apps.all.values():
        check(tool(app), tmp_path)

    assert len(apps.all) == 39


def test_a_name_means_the_same_app_as_in_json() -> None:
    apps = [CATALOGUE.apps[name] for name in APPS.all]
    names = {name for app in apps for name in (app.id, app.id.lower(), *app.aliases)}
    in_json = {name: CATALOGUE.apps.get(name) or app_meant(name, CATALOGUE) for name in names}

    in_cwl = {name: APPS.find(name) for name in names}

    assert {name: app and app.id for name, app in in_cwl.items()} == {
        name: app and app.id for name, app in in_json.items()
    }
    assert in_cwl["genome_assembly"] is APPS.all["GenomeAssembly2"]


def test_a_tool_says_what_its_app_takes() -> None:
    found = tool(APPS.all["GenomeAssembly2"])

    assert found["inputs"]["recipe"]["type"][1]["symbols"][:2] == ["auto", "unicycler"]
    assert found["inputs"]["srr_ids"]["type"] == ["null", {"type": "array", "items": "string"}]
    assert found["inputs"]["max_bases"]["type"] == ["null", "int"]
    libraries = found["inputs"]["paired_end_libs"]["type"][1]["items"]
    assert [field["name"] for field in libraries["fields"]][:2] == ["read1", "read2"]
    assert libraries["fields"][0]["type"] == "File"
    glob = found["outputs"]["contigs"]["outputBinding"]["glob"]
    assert glob == ".$(inputs.output_file)/$(inputs.output_file)_contigs.fasta"


def test_what_the_app_demands_and_has_a_default_for_is_sent() -> None:
    found = tool(APPS.all["GenomeAnnotation"])

    assert found["inputs"]["code"] == {"type": "int", "default": 0} | {
        key: value for key, value in found["inputs"]["code"].items() if key == "doc"
    }
    assert found["inputs"]["contigs"]["type"] == "File"
    assert "default" not in found["inputs"]["lowvan_min_contig_length"]


def test_a_tool_can_be_submitted_by_itself() -> None:
    document = tool(APPS.all["Date"])

    found = planned({"date.cwl": document}, {"output_file": "now"}, main="date.cwl")

    assert found.problems == ()
    assert [(step.app, step.params["output_file"]) for step in found.steps] == [("Date", "now")]
    assert found.outputs["now"] == "${steps.run.outputs.now}"


def test_every_app_and_helper_is_listed_with_its_tool() -> None:
    table = AppTable(load(), helpers=HELPERS)

    listed = {entry["app"]: entry for entry in table.listing()}

    assert len(listed) == 39 + len(HELPERS)
    assert listed["Date"]["inputs"] == ["output_path", "output_file"]
    assert table.tool("genome_annotation") == tool(APPS.all["GenomeAnnotation"])
    assert table.tool("nope") is None
