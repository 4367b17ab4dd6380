"""Which apps backends declare themselves; every other app is AppService's."""

from __future__ import annotations

from workflows.backends.builtin.declaration import BUILTIN
from workflows.backends.declared_apps import apps, backend_of, brings_outputs, cwl_specs
from workflows.model.values import APPSERVICE

CWL_HELPERS = {"CreateGenomeGroup", "GetGenomeId", "WaitForPgfams"}
BUILTIN_STEPS = {"CreateGroup", "SimilarGenomeFinder"} | CWL_HELPERS


def test_each_file_of_a_step_declares_an_app() -> None:
    assert {app.id for app in apps()} == BUILTIN_STEPS
    assert {spec["id"] for spec in cwl_specs()} == CWL_HELPERS


def test_what_no_backend_declares_is_appservices() -> None:
    assert {backend_of(app) for app in BUILTIN_STEPS} == {BUILTIN}
    assert backend_of("Date") == APPSERVICE
    assert brings_outputs("GetGenomeId")
    assert not brings_outputs("Date")
