"""The types of settings, and what each refuses."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
)


def _web_address(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return url.rstrip("/")


def _secret_uri(*schemes: str) -> AfterValidator:
    def check(uri: SecretStr) -> SecretStr:
        if not uri.get_secret_value().startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError("must start with " + " or ".join(f"{each}://" for each in schemes))
        return uri

    return AfterValidator(check)


def _fernet_key(key: SecretStr) -> SecretStr:
    try:
        Fernet(key.get_secret_value())
    except ValueError as error:
        raise ValueError("is no Fernet key (32 bytes in URL-safe base64)") from error
    return key


def _keeps_secrets(url: str) -> str:
    host = urlsplit(url).hostname or ""
    if not url.startswith("https://") and host not in ("localhost", "127.0.0.1", "::1"):
        raise ValueError("must start with https://, unless it is of this machine")
    return url


Url = Annotated[str, AfterValidator(_web_address)]


SecretUrl = Annotated[Url, AfterValidator(_keeps_secrets)]
"""The address of a service that gets passwords."""


OptionalUrl = Annotated[str, AfterValidator(lambda url: _web_address(url) if url else "")]


Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


Count = Annotated[int, Field(ge=1)]


Port = Annotated[int, Field(ge=1, le=65535)]


Name = Annotated[str, Field(min_length=1)]


Days = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""0: for ever."""
