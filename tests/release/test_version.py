"""One version, in every place that states it."""

from __future__ import annotations

import json
import re
import tomllib

from click.testing import CliRunner

from bvbrc_workflows_client.version import __version__ as client_version
from cli.main import main
from tests.documented import documented_app
from tests.shared import ROOT
from workflows import __version__


def test_package_api_health_command_line_and_changes_name_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    api = documented_app().test_client()
    changes = re.findall(
        r"^## \[(.+)\] - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )

    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "workflows.__version__"}
    assert json.loads(api.get("/openapi.json").data)["info"]["version"] == __version__
    assert api.get("/api/v1/health/live").json["version"] == __version__
    assert CliRunner().invoke(main, ["--version"]).output.split()[-1] == __version__
    assert changes[0] == __version__
    assert f"\nversion: {__version__}\ndate-released: " in (ROOT / "CITATION.cff").read_text()
    assert client_version == __version__
    alone = tomllib.loads((ROOT / "distributions/cli/pyproject.toml").read_text())["project"]
    assert alone["version"] == __version__
    assert f"bvbrc-workflows-client=={__version__}" in alone["dependencies"]
    of_client = tomllib.loads((ROOT / "distributions/client/pyproject.toml").read_text())
    attribute = {"attr": "bvbrc_workflows_client.version.__version__"}
    assert of_client["tool"]["setuptools"]["dynamic"]["version"] == attribute
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


def test_the_bare_address_leads_to_the_pages() -> None:
    answer = documented_app().test_client().get("/")

    assert (answer.status_code, answer.headers["Location"]) == (302, "/ui/")
