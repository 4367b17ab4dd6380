"""Which apps are known, with BV-BRC up, slow and away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest

from simulator.client import Simulator
from tests.engine.conftest import Engine
from workflows.backends.builtin.steps import STEPS
from workflows.bvbrc import app_table
from workflows.engine import app_catalogue
from workflows.model.errors import ServiceError
from workflows.store import app_specs as store
from workflows.store import documents
from workflows.store.mongo import collection


def token(engine: Engine) -> str:
    return engine.owner().token


@pytest.mark.usefixtures("engine")
def test_before_the_first_answer_the_table_serves_and_says_so() -> None:
    known = app_catalogue.catalogue()

    assert set(known.apps) == {app["id"] for app in app_table.load()} | set(STEPS)
    assert known.note == app_catalogue.UNASKED


def test_the_services_own_word_replaces_the_table(engine: Engine) -> None:
    app_catalogue.refresh(engine.context.appservice.client, token(engine))

    known = app_catalogue.catalogue()
    assert known.note == ""
    assert known.apps["GenomeAnnotation"].outputs["genome"]
    assert known.names["genomeassembly"] == "GenomeAssembly2"
    assert "CreateGroup" in known.apps


def test_an_answer_is_kept_while_the_service_is_away(engine: Engine, simulator: Simulator) -> None:
    app_catalogue.refresh(engine.context.appservice.client, token(engine))
    simulator.fault("status", "AppService.enumerate_apps", status=502)

    with pytest.raises(ServiceError):
        app_catalogue.refresh(engine.context.appservice.client, token(engine))

    assert app_catalogue.catalogue().note == ""


def test_an_answer_of_hardly_any_app_is_not_believed() -> None:
    sound = [{"id": f"App{number}", "parameters": []} for number in range(5)]

    assert app_catalogue.usable([*sound, {"id": 7, "parameters": []}, {"id": "x"}]) == sound
    assert app_catalogue.usable(sound[:4]) == []


@pytest.mark.usefixtures("engine")
def test_one_caller_at_a_time_is_told_to_refresh() -> None:
    together = Barrier(8)

    def ask(_: int) -> bool:
        together.wait()
        return app_catalogue.due()

    with ThreadPoolExecutor(8) as pool:
        for _ in range(10):
            collection(documents.AppSpecs).update_many({}, {"$unset": {"asked_at": 1}})
            told = [*pool.map(ask, range(8))]
            assert told.count(True) == 1


def test_a_failed_refresh_is_due_again_soon_and_a_good_one_is_not(engine: Engine) -> None:
    assert app_catalogue.due()

    assert store.claim(stale=timedelta(hours=1), again=timedelta(0))

    app_catalogue.refresh(engine.context.appservice.client, token(engine))
    assert not store.claim(stale=timedelta(hours=1), again=timedelta(0))
    assert store.claim(stale=timedelta(0), again=timedelta(0))
