"""Settings: the file, the environment over it, and one line for whatever is wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from cryptography.fernet import Fernet
from pydantic import ValidationError

from config.settings import DEFAULT_FILE, BadSettings, Settings, read_settings

KEY = Fernet.generate_key().decode()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("WORKFLOW_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("WORKFLOW_AUTH__TOKEN_KEYS", f'["{KEY}"]')


def test_the_shipped_file_states_the_defaults_and_every_key(tmp_path: Path) -> None:
    empty = tmp_path / "empty.yaml"
    empty.touch()

    assert read_settings() == read_settings(empty)

    text = DEFAULT_FILE.read_text()
    named = set(re.findall(r"^  #?(\w+):", text, re.MULTILINE))
    keys = {
        key for field in Settings.model_fields.values() for key in field.annotation.model_fields
    }
    assert named == keys


def test_the_environment_overrides_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("executor: {polling_interval_seconds: 3, lease_seconds: 7}\nauth:\n")
    monkeypatch.setenv("WORKFLOW_CONFIG_FILE", str(file))
    monkeypatch.setenv("WORKFLOW_EXECUTOR__POLLING_INTERVAL_SECONDS", "0.5")
    monkeypatch.setenv("WORKFLOW_AUTH__ADMINS", '["ann@bvbrc"]')
    monkeypatch.setenv("WORKFLOW_SCHEDULER__MINHASH_URL", "http://127.0.0.1:1/minhash/")

    settings = read_settings()

    assert settings.executor.polling_interval_seconds == 0.5
    assert settings.executor.lease_seconds == 7
    assert settings.auth.admins == ("ann@bvbrc",)
    assert settings.scheduler.minhash_url == "http://127.0.0.1:1/minhash"


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOW_MONGODB__URI", "")
    monkeypatch.setenv("WORKFLOW_AUTH__ADMINS", "")

    settings = read_settings()

    assert settings.mongodb.address == "mongodb://127.0.0.1:27017/"
    assert settings.auth.admins == ()


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("WORKFLOW_EXECUTOR__POLING_INTERVAL_SECONDS", "1", "did you mean WORKFLOW_EXECUTOR__POLL"),
        ("WORKFLOW_PORT", "1", "unknown setting WORKFLOW_PORT"),
        ("WORKFLOW_MONGO__URI", "mongodb://h", "did you mean WORKFLOW_MONGODB__URI"),
        ("WORKFLOW_MONGODB", "{}", "unknown setting WORKFLOW_MONGODB"),
        ("WORKFLOW_EXECUTOR__LEASE_SECONDS", "0", "bad setting executor.lease_seconds"),
        ("WORKFLOW_EXECUTOR__LEASE_SECONDS", "inf", "bad setting executor.lease_seconds"),
        ("WORKFLOW_EXECUTOR__MAX_JOBS_PER_USER", "many", "bad setting executor.max_jobs_per_user"),
        ("WORKFLOW_METRICS__PORT", "70000", "(WORKFLOW_METRICS__PORT): should be less than"),
        ("WORKFLOW_LOGGING__LEVEL", "LOUD", "bad setting logging.level"),
        ("WORKFLOW_AUTH__READS", "all", "bad setting auth.reads"),
        ("WORKFLOW_AUTH__ADMINS", "ann@bvbrc", "(WORKFLOW_AUTH__ADMINS): must be a JSON list"),
        ("WORKFLOW_AUTH__ADMINS", "[1]", "(WORKFLOW_AUTH__ADMINS): must be a JSON list"),
        ("WORKFLOW_AUTH__TRUSTED_SIGNERS", "[]", "bad setting auth.trusted_signers"),
        ("WORKFLOW_AUTH__TOKEN_KEYS", "[]", "auth.token_keys"),
        ("WORKFLOW_SCHEDULER__URL", "p3.example.org", "bad setting scheduler.url"),
        ("WORKFLOW_MONGODB__URI", "localhost:27017", "must start with mongodb://"),
        ("WORKFLOW_BROKER__URL", "amqp://localhost", "must start with redis://"),
        ("WORKFLOW_BROKER__URL", "redis://a;redis://b", "must all begin with sentinel://"),
        ("WORKFLOW_BROKER__URL", "sentinel://a;redis://b", "must all begin with sentinel://"),
        ("WORKFLOW_BROKER__URL", "sentinel://a:26379", "broker.sentinel_master ("),
        ("WORKFLOW_BROKER__SENTINEL_MASTER", "m", "if broker.url begins with sentinel://"),
        ("WORKFLOW_BROKER__KEY_PREFIX", "a b", "bad setting broker.key_prefix"),
        ("WORKFLOW_BROKER__TRANSPORT_OPTIONS", "[1]", "must be a JSON object"),
        ("WORKFLOW_BROKER__TRANSPORT_OPTIONS", "{", "must be a JSON object"),
        ("WORKFLOW_SCHEDULER__SUBMIT_TIMEOUT", "900", "must exceed scheduler.submit_timeout (900)"),
    ],
)
def test_a_bad_variable_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(BadSettings) as caught:
        read_settings()

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("executor: {lease: 3}", "unknown setting executor.lease in "),
        ("exekutor: {}", "(did you mean executor?)"),
        ("executor: 3", "bad setting executor"),
        ("executor:\n  - x: [", "line 2: is no YAML"),
        ("- executor", "must hold sections with keys"),
    ],
)
def test_a_bad_file_is_named_in_one_line(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(content)

    with pytest.raises(BadSettings) as caught:
        read_settings(file)

    assert message in str(caught.value)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"nowhere\.yaml: No such file"):
        read_settings(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize("content", ["", "auth: {reads: owner}", "auth: {token_keys: []}"])
def test_without_token_keys_nothing_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
) -> None:
    monkeypatch.delenv("WORKFLOW_AUTH__TOKEN_KEYS")
    file = tmp_path / "config.yaml"
    file.write_text(content)

    with pytest.raises(BadSettings, match=r"auth\.token_keys .*must name at least one Fernet key"):
        read_settings(file)


def test_secrets_show_neither_in_repr_nor_in_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKFLOW_MONGODB__URI", "mongodb://ann:hunter2@db/")
    monkeypatch.setenv("WORKFLOW_BROKER__URL", "redis://:hunter2@cache/0")

    settings = read_settings()

    assert "hunter2" not in repr(settings)
    assert KEY not in repr(settings)
    assert settings.auth.keys == (KEY,)
    assert settings.mongodb.address == "mongodb://ann:hunter2@db/"

    monkeypatch.setenv("WORKFLOW_AUTH__TOKEN_KEYS", '["hunter2"]')
    with pytest.raises(BadSettings, match=r"auth\.token_keys\.0 .*no Fernet key") as caught:
        read_settings()
    assert "hunter2" not in str(caught.value)


def test_settings_never_change() -> None:
    settings = read_settings()

    with pytest.raises(ValidationError):
        settings.executor.lease_seconds = 1  # type: ignore[misc]


def test_a_process_with_a_bad_setting_ends_with_one_line() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "from config.settings import load_settings; load_settings()"],
        env={**os.environ, "WORKFLOW_LOGGING__LEVEL": "LOUD"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ended.returncode == 4
    assert ended.stderr.count("\n") == 1
    assert "logging.level" in ended.stderr


def test_no_address_of_a_laboratory_is_a_default() -> None:
    hosts = re.findall(
        r"https?://(?!127\.)([^/\s\]]+)", yaml.dump(yaml.safe_load(DEFAULT_FILE.read_text()))
    )

    assert {".".join(host.split(".")[-2:]) for host in hosts} <= {
        "theseed.org",
        "bv-brc.org",
        "patricbrc.org",
    }
