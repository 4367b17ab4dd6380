"""The settings of this process: ``config.yaml``, overridden by ``WORKFLOW_<SECTION>__<KEY>``.

Read once, at the start, and passed on as arguments. An unknown key or an impossible value ends the
process with one line that names it.
"""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from pydantic import ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from config.interface_sections import Agents, InterfaceSections
from config.notification_sections import NotificationSections
from config.sections import EngineSections

PREFIX = "WORKFLOW_"
_HERE = ("localhost", "127.0.0.1", "::1")
FILE_VARIABLE = "WORKFLOW_CONFIG_FILE"
DEFAULT_FILE = Path(__file__).with_name("config.yaml")
EXIT_CODE = 4
"""Gunicorn's code for "app failed to load", at which its master halts instead of respawning."""


class BadSettings(ValueError):
    """An unknown key or an impossible value; the message is one line without a secret."""


class Settings(InterfaceSections, NotificationSections, EngineSections, BaseSettings):
    """All settings of a process; each file of sections names its own. ``repr`` shows no secret."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    @model_validator(mode="after")
    def _grace_outlasts_the_call(self) -> Settings:
        """While a submission may still be under way, "not found" proves nothing."""
        grace, call = self.executor.in_doubt_grace_seconds, self.scheduler.submit_timeout
        if grace <= call:
            raise ValueError(
                f"executor.in_doubt_grace_seconds ({grace:g}) must exceed"
                f" scheduler.submit_timeout ({call:g})"
            )
        return self

    @model_validator(mode="after")
    def _letters_can_be_written(self) -> Settings:
        """They need a sender and links, and a password must not cross a network in the clear."""
        mail = self.notifications
        if not mail.smtp:
            return self
        for name, value in (
            ("notifications.sender", mail.sender),
            ("api.public_url", self.api.public_url),
        ):
            if not value:
                raise ValueError(f"{name} must be set where notifications.smtp is")
        server = urlsplit(mail.smtp)
        if bool(server.username) != bool(mail.password):
            raise ValueError(
                "notifications.smtp_password and the user in notifications.smtp"
                " must both be set, or neither"
            )
        if mail.password and server.scheme == "smtp+plain" and server.hostname not in _HERE:
            raise ValueError(
                "notifications.smtp must start with smtps:// or smtp:// for a password"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  # pydantic's own signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before the file, whose content comes as arguments."""
        return env_settings, init_settings


class AgentSettings(BaseSettings):
    """The section of the MCP server alone; other sections are passed over."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    agents: Agents

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """As for all settings."""
        return Settings.settings_customise_sources(
            settings_cls, init_settings, env_settings, dotenv_settings, file_secret_settings
        )


@functools.cache
def load_settings() -> Settings:
    """The settings of this process; a bad one ends it with one line and ``EXIT_CODE``."""
    try:
        return read_settings()
    except BadSettings as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(EXIT_CODE) from None


def read_settings(file: Path | None = None) -> Settings:
    """The settings of ``file`` and of the environment. Raises ``BadSettings``."""
    path = file or Path(os.environ.get(FILE_VARIABLE) or DEFAULT_FILE)
    if problems := list(_environment_problems(os.environ)):
        raise BadSettings("; ".join(problems))
    try:
        return Settings(**{"auth": {}, **read_file(path)})
    except ValidationError as error:
        raise _bad_settings(error, path) from None


def load_agents() -> Agents:
    """The one section of the MCP server, which has neither keys nor servers; a bad setting ends the
    process with one line."""
    try:
        return read_agents()
    except BadSettings as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(EXIT_CODE) from None


def read_agents(file: Path | None = None) -> Agents:
    """Its section of ``file`` and of the environment. Raises ``BadSettings``."""
    path = file or Path(os.environ.get(FILE_VARIABLE) or DEFAULT_FILE)
    if problems := list(_environment_problems(os.environ)):
        raise BadSettings("; ".join(problems))
    try:
        return AgentSettings(agents=read_file(path).get("agents", {})).agents
    except ValidationError as error:
        raise _bad_settings(error, path) from None


def read_file(path: Path) -> dict[str, Any]:
    """A YAML file's sections; one without keys counts as absent. Raises ``BadSettings``."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise BadSettings(f"settings file {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        raise BadSettings(f"settings file {path}{line}: is no YAML") from None
    if not isinstance(content, dict):
        raise BadSettings(f"settings file {path}: must hold sections with keys")
    return {str(name): keys for name, keys in content.items() if keys is not None}


def _bad_settings(error: ValidationError, path: Path) -> BadSettings:
    return BadSettings(
        "; ".join(
            _describe_problem(each["loc"], each["type"], each["msg"], path)
            for each in error.errors()
        )
    )


def _fields() -> dict[str, FieldInfo]:
    """Dotted key to its field, for every key there is."""
    return {
        f"{section}.{key}": field
        for section, model in Settings.model_fields.items()
        for key, field in model.annotation.model_fields.items()  # type: ignore[union-attr]
    }


def _environment_problems(environ: Mapping[str, str]) -> Iterator[str]:
    """The problems of the variables' names and of the JSON of the lists."""
    fields = _fields()
    for variable in sorted(environ):
        if not variable.upper().startswith(PREFIX) or variable.upper() == FILE_VARIABLE:
            continue
        key = variable[len(PREFIX) :].lower().replace("__", ".")
        if key not in fields:
            yield f"unknown setting {variable}{_suggestion(key, variables=True)}"
        elif environ[variable] and (wanted := _json_problem(fields[key], environ[variable])):
            yield f"bad setting {key} ({variable}): must be a JSON {wanted}"


def _json_problem(field: FieldInfo, text: str) -> str:
    """What the text of a list or an object should be; empty where it is, or is another kind."""
    kind = str(field.annotation)
    if kind.startswith("tuple[") and "float" in kind:
        return "" if _is_list(_parse_json(text), (int, float)) else "list of numbers"
    if kind.startswith("tuple["):
        return "" if _is_list(_parse_json(text), (str,)) else "list of strings"
    if kind.startswith("dict["):
        return "" if isinstance(_parse_json(text), dict) else "object"
    return ""


def _is_list(value: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, list) and all(isinstance(each, kinds) for each in value)


def _parse_json(text: str) -> Any:
    """None where it is none."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def _describe_problem(place: tuple[int | str, ...], kind: str, message: str, path: Path) -> str:
    """One problem in our words: which key, what is wrong, and where it was set."""
    key = ".".join(map(str, place))
    if kind == "extra_forbidden":
        return f"unknown setting {key} in {path}{_suggestion(key)}"
    what = message.removeprefix("Value error, ").removeprefix("Input ")
    if not key:
        return f"bad setting {what}"
    if key == "auth.token_keys" and kind == "too_short":
        what = "must name at least one Fernet key"
    variable = _variable(".".join(map(str, place[:2])))
    source = variable if any(each.upper() == variable for each in os.environ) else path
    return f"bad setting {key} ({source}): {what}"


def _suggestion(key: str, *, variables: bool = False) -> str:
    names = {*_fields(), *Settings.model_fields}
    near = get_close_matches(key, names, n=1, cutoff=0.7)
    if not near:
        return ""
    return f" (did you mean {_variable(near[0]) if variables else near[0]}?)"


def _variable(key: str) -> str:
    return PREFIX + key.upper().replace(".", "__")
