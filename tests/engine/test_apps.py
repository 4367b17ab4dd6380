"""Which apps are known, with BV-BRC up, slow and away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests.engine.conftest import Engine
from workflows.builtin import BUILT_IN
from workflows.bvbrc import apptable
from workflows.bvbrc.simulator.client import Simulator
from workflows.engine import apps
from workflows.errors import ServiceError
from workflows.store import apps as store


def token(engine: Engine) -> str:
    return engine.owner().token


@pytest.mark.usefixtures("engine")
def test_before_the_first_answer_the_table_serves_and_says_so() -> None:
    known = apps.catalogue()

    assert set(known.apps) == {app["id"] for app in apptable.load()} | BUILT_IN
    assert known.note == apps.UNASKED


def test_the_services_own_word_replaces_the_table(engine: Engine) -> None:
    apps.refresh(engine.parts.appservice, token(engine))

    known = apps.catalogue()
    assert known.note == ""
    assert known.apps["GenomeAnnotation"].outputs["genome"]
    assert known.names["genomeassembly"] == "GenomeAssembly2"
    assert "CreateGroup" in known.apps


def test_an_answer_is_kept_while_the_service_is_away(engine: Engine, simulator: Simulator) -> None:
    apps.refresh(engine.parts.appservice, token(engine))
    simulator.fault("status", "AppService.enumerate_apps", status=502)

    with pytest.raises(ServiceError):
        apps.refresh(engine.parts.appservice, token(engine))

    assert apps.catalogue().note == ""


def test_an_answer_of_hardly_any_app_is_not_believed() -> None:
    sound = [{"id": f"App{number}", "parameters": []} for number in range(5)]

    assert apps.usable([*sound, {"id": 7, "parameters": []}, {"id": "x"}]) == sound
    assert apps.usable(sound[:4]) == []


@pytest.mark.usefixtures("engine")
def test_one_caller_at_a_time_is_told_to_refresh() -> None:
    with ThreadPoolExecutor(8) as pool:
        told = [*pool.map(lambda _: apps.due(), range(16))]

    assert told.count(True) == 1


def test_a_failed_refresh_is_due_again_soon_and_a_good_one_is_not(engine: Engine) -> None:
    assert apps.due()

    assert store.claim(stale=timedelta(hours=1), again=timedelta(0))

    apps.refresh(engine.parts.appservice, token(engine))
    assert not store.claim(stale=timedelta(hours=1), again=timedelta(0))
    assert store.claim(stale=timedelta(0), again=timedelta(0))
