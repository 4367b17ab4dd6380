"""What operators do from a shell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from flask.testing import FlaskCliRunner
from pydantic import SecretStr
from pymongo import MongoClient
from structlog.testing import capture_logs

from app import cli, create_app
from tests.app.conftest import KEY, ROOT, Api
from tests.engine.conftest import document
from workflows.store import connection


def run(api: Api, *words: str) -> tuple[int, str]:
    """The exit code and what was printed; the log is not among it, to which other threads of this
    process write."""
    runner: FlaskCliRunner = api.client.application.test_cli_runner()
    with capture_logs():
        result = runner.invoke(args=list(words))
    return result.exit_code, result.output


@pytest.fixture
def rows(mongo: MongoClient[dict[str, Any]], api: Api) -> Any:
    return mongo[api.settings.mongodb.database]


def test_a_key_is_replaced_without_asking_users_for_new_tokens(
    make_api: Callable[..., Api],
) -> None:
    make_api().submit(document(""))
    new = Fernet.generate_key().decode()
    both = make_api(auth={"token_keys": (SecretStr(new), SecretStr(KEY))})

    assert run(both, "credentials", "rotate") == (0, "1 tokens sealed under the first key\n")

    alone = make_api(auth={"token_keys": (SecretStr(new),)})
    assert run(alone, "credentials", "rotate") == (0, "1 tokens sealed under the first key\n")


def test_tokens_that_no_key_opens_are_told(make_api: Callable[..., Api]) -> None:
    make_api().submit(document(""))
    stranger = make_api(auth={"token_keys": (SecretStr(Fernet.generate_key().decode()),)})

    code, said = run(stranger, "credentials", "rotate")

    assert code == 1
    assert "1 tokens cannot be opened by any key" in said


def test_this_release_has_no_migration_to_make(api: Api, rows: Any) -> None:
    rows.workflows.insert_one({"_id": "wf_1", "state": "succeeded"})

    assert run(api, "db", "migrate") == (0, "the schema is at version 0\n")
    assert "0 migrations pending" in run(api, "db", "status")[1]


def test_a_new_database_has_nothing_to_migrate_then_or_later(
    make_api: Callable[..., Api],
) -> None:
    api = make_api(api={"max_streams": 23})  # an application that has not connected yet

    assert "0 migrations pending" in run(api, "db", "status")[1]

    api.submit(document(""))

    assert "0 migrations pending" in run(api, "db", "status")[1]


def test_missing_indexes_are_made_and_stale_ones_dropped(api: Api, rows: Any) -> None:
    rows.jobs.create_index("left_over")

    assert "jobs: not needed: left_over" in run(api, "db", "indexes")[1]
    code, said = run(api, "db", "indexes", "--drop-stale")

    assert (code, said.splitlines()[-1]) == (0, "every index is there; 1 dropped")
    assert "left_over_1" not in rows.jobs.index_information()
    assert "state_1" in rows.workflows.index_information()
    assert run(api, "db", "indexes")[1] == "every index is there; 0 not needed\n"


def test_status_counts_what_is_unfinished(api: Api) -> None:
    api.submit(document(""))

    assert "workflows: 1 pending, 0 queued, 0 running" in run(api, "db", "status")[1]


@pytest.mark.parametrize(
    "words", ["db migrate", "db indexes", "db status", "db purge", "credentials rotate"]
)
def test_a_command_that_has_waited_long_ends_with_a_plain_message(
    api: Api, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    monkeypatch.setattr(cli, "PATIENCE_SECONDS", 0.0)
    connection.close_database()
    away = "mongodb://user:secret@127.0.0.1:1/?serverSelectionTimeoutMS=1"
    mongodb = api.settings.mongodb.model_copy(update={"uri": SecretStr(away)})
    nowhere = create_app(api.settings.model_copy(update={"mongodb": mongodb}))

    result = nowhere.test_cli_runner().invoke(args=words.split())

    assert result.exit_code == 1
    assert "MongoDB at 127.0.0.1:1 was waited for" in result.output
    assert "secret" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_what_is_old_is_removed_when_asked(make_api: Callable[..., Api]) -> None:
    api = make_api(retention={"planned_workflows_days": 1e-9})
    plan = api("POST", f"{ROOT}/plan", json=document("")).json["workflow_id"]

    assert run(api, "db", "purge")[1] == "1 workflows removed\n"

    assert api("GET", f"{ROOT}/{plan}").status_code == 404
